//! Frames that come with masks made elsewhere.

use super::{Source, sort_naturally};
use crate::error::{Error, Result, Stage};
use crate::frame::Frame;
use crate::mask::{Mask, PixelBox, ProvidedMasks, Size};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The name of the file of boxes.
const BOXES: &str = "boxes.json";

/// Where the masks of a clip lie: pictures with a person's probability times 255, one a frame in natural order, and perhaps
/// the same of objects, and `boxes.json` beside either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskFolders {
    /// Pictures of people.
    pub person: PathBuf,
    /// Pictures of objects.
    pub objects: Option<PathBuf>,
}

/// Boxes of all frames, `[left, top, right, bottom]` in pixels, right and bottom exclusive.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Boxes {
    #[serde(default)]
    person: Vec<OneOrMore>,
    #[serde(default)]
    objects: Vec<OneOrMore>,
}

/// The boxes of one frame.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    None(()),
    One([u32; 4]),
    More(Vec<[u32; 4]>),
}

/// A source whose frames carry masks.
pub struct MaskedSource<'a> {
    source: Box<dyn Source + 'a>,
    person: Vec<PathBuf>,
    objects: Option<Vec<PathBuf>>,
    boxes: Boxes,
    known: Option<ProvidedMasks>,
}

impl core::fmt::Debug for MaskedSource<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Masked").field("source", &self.source.name()).field("masks", &self.person.len()).finish()
    }
}

impl<'a> MaskedSource<'a> {
    /// `source` with the masks in `folders`.
    ///
    /// # Errors
    /// When a folder holds no masks, or boxes that make no sense.
    pub fn new(source: Box<dyn Source + 'a>, folders: &MaskFolders) -> Result<Self> {
        let person = pictures(&folders.person)?;
        let objects = folders.objects.as_deref().map(pictures).transpose()?;
        let places = [Some(&folders.person), folders.objects.as_ref()];
        let file = places.into_iter().flatten().map(|folder| folder.join(BOXES)).find(|path| path.is_file());
        let boxes = file.as_deref().map_or(Ok(Boxes::default()), read_boxes)?;
        Ok(Self { source, person, objects, boxes, known: None })
    }
}

impl Source for MaskedSource<'_> {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn is_live(&self) -> bool {
        self.source.is_live()
    }

    fn next_frame(&mut self) -> Result<Option<Frame<'_>>> {
        let Some(frame) = self.source.next_frame()? else { return Ok(None) };
        let size = Size::new(frame.width(), frame.height())?;
        let place = usize::try_from(frame.index()).unwrap_or(usize::MAX);
        let read = |paths: &[PathBuf]| match paths.get(place) {
            Some(path) => read_mask(path, size),
            None => {
                let got = format!("{} of them for frame {place}", paths.len());
                Err(Error::new(Stage::Source, "a mask for every frame", got, "make the missing ones"))
            }
        };
        self.known = Some(ProvidedMasks {
            person: read(&self.person)?,
            person_boxes: boxes(&self.boxes.person, place),
            objects: self.objects.as_deref().map(read).transpose()?,
            object_boxes: boxes(&self.boxes.objects, place),
        });
        Ok(Some(match &self.known {
            Some(known) => frame.with_masks(known),
            None => frame,
        }))
    }

    fn count(&mut self) -> Result<u64> {
        self.source.count()
    }

    fn select(&mut self, indices: &[u64]) -> Result<()> {
        self.source.select(indices)
    }
}

fn refused(expected: &str, got: impl core::fmt::Display) -> Error {
    Error::new(Stage::Source, expected, got, "check --masks")
}

fn pictures(folder: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = |e: std::io::Error| refused("a folder of masks", format_args!("{}: {e}", folder.display()));
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        let is_mask = Path::new(&name)
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("png") || e.eq_ignore_ascii_case("jpg"));
        names.extend((is_mask && !name.as_encoded_bytes().starts_with(b".")).then_some(name));
    }
    if names.is_empty() {
        return Err(refused("a folder of masks", format_args!("no picture in {}", folder.display())));
    }
    sort_naturally(&mut names);
    Ok(names.iter().map(|name| folder.join(name)).collect())
}

fn read_mask(path: &Path, size: Size) -> Result<Mask> {
    let unreadable = |e: &dyn core::fmt::Display| refused("a readable mask", format_args!("{}: {e}", path.display()));
    let mut reader = image::ImageReader::open(path).map_err(|e| unreadable(&e))?;
    reader.limits(super::images::limits());
    let picture = reader.decode().map_err(|e| unreadable(&e))?.into_luma8();
    if (picture.width(), picture.height()) != (size.width(), size.height()) {
        let got = format_args!("{}x{} for a frame of {size}", picture.width(), picture.height());
        return Err(refused("masks of the frames' size", got).at(path.display()));
    }
    let mut mask = Mask::new(size);
    for (p, byte) in mask.probabilities_mut().iter_mut().zip(picture.as_raw()) {
        *p = f32::from(*byte) / 255.0;
    }
    Ok(mask)
}

fn read_boxes(path: &Path) -> Result<Boxes> {
    let wrong = |e: &dyn core::fmt::Display| {
        refused(
            "boxes.json with person and objects: boxes [left, top, right, bottom] a frame",
            format_args!("{}: {e}", path.display()),
        )
    };
    let text = std::fs::read_to_string(path).map_err(|e| wrong(&e))?;
    serde_json::from_str(&text).map_err(|e| wrong(&e))
}

fn boxes(all: &[OneOrMore], place: usize) -> Vec<PixelBox> {
    let sides: &[[u32; 4]] = match all.get(place) {
        Some(OneOrMore::One(one)) => core::slice::from_ref(one),
        Some(OneOrMore::More(more)) => more,
        Some(OneOrMore::None(())) | None => &[],
    };
    sides.iter().map(|&[left, top, right, bottom]| PixelBox { left, top, right, bottom }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{SourceOptions, open};

    fn folder_of(count: usize, size: [u32; 2], value: u8) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for index in 0..count {
            let picture = image::GrayImage::from_pixel(size[0], size[1], image::Luma([value + index as u8]));
            picture.save(folder.path().join(format!("{:06}.png", index + 1))).unwrap();
        }
        folder
    }

    fn masked(frames: &Path, person: &Path, objects: Option<&Path>) -> Result<MaskedSource<'static>> {
        let source = open(frames.as_os_str(), &SourceOptions::default()).unwrap();
        let folders = MaskFolders { person: person.to_owned(), objects: objects.map(Path::to_owned) };
        MaskedSource::new(source, &folders)
    }

    #[test]
    fn each_frame_has_its_own_mask_and_boxes_whatever_is_selected() {
        let (frames, person, objects) =
            (folder_of(4, [20, 16], 9), folder_of(4, [20, 16], 100), folder_of(4, [20, 16], 0));
        let json = r#"{"person": [null, [1, 2, 3, 4], [[1, 2, 3, 4], [5, 6, 7, 8]], []], "objects": [[[0, 0, 9, 9]]]}"#;
        std::fs::write(objects.path().join(BOXES), json).unwrap();
        let mut source = masked(frames.path(), person.path(), Some(objects.path())).unwrap();
        assert_eq!(source.count().unwrap(), 4);
        source.select(&[1, 2]).unwrap();
        for (index, boxes) in [(1, 1), (2, 2)] {
            let frame = source.next_frame().unwrap().unwrap();
            let known = frame.provided_masks().unwrap();
            assert_eq!(frame.index(), index);
            assert_eq!(known.person.probabilities()[0], (100 + index) as f32 / 255.0);
            assert_eq!(known.objects.as_ref().unwrap().probabilities()[0], index as f32 / 255.0);
            assert_eq!((known.person_boxes.len(), known.object_boxes.len()), (boxes, 0));
        }
        assert!(source.next_frame().unwrap().is_none());
    }

    #[test]
    fn masks_that_do_not_fit_are_told() {
        let frames = folder_of(4, [20, 16], 9);
        let told = |person: &tempfile::TempDir| {
            let made = masked(frames.path(), person.path(), None);
            let mut source = match made {
                Ok(source) => source,
                Err(error) => return error.to_string(),
            };
            loop {
                match source.next_frame() {
                    Ok(Some(_)) => {}
                    Ok(None) => return String::new(),
                    Err(error) => return error.to_string(),
                }
            }
        };
        assert_eq!(told(&folder_of(4, [20, 16], 9)), "");
        assert!(told(&folder_of(3, [20, 16], 9)).contains("a mask for every frame"));
        assert!(told(&folder_of(4, [16, 20], 9)).contains("16x20"));
        assert!(told(&folder_of(0, [16, 20], 9)).contains("no picture"));
        let boxes = folder_of(4, [20, 16], 9);
        std::fs::write(boxes.path().join(BOXES), r#"{"person": [[1, 2]]}"#).unwrap();
        assert!(told(&boxes).contains("boxes.json"));
    }
}
