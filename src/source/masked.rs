//! A source with masks from files.

use super::{Source, sort_naturally};
use crate::error::{Error, Result, Setting, Stage};
use crate::frame::Frame;
use crate::mask::{Mask, PixelBox, ProvidedMasks, Size};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// File name of the boxes.
const BOXES: &str = "boxes.json";

/// The mask folders of a clip: pictures of the probability times 255, one per frame in natural order, and optionally
/// `boxes.json` in either folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskFolders {
    /// Folder of person masks.
    pub person: PathBuf,
    /// Folder of object masks.
    pub objects: Option<PathBuf>,
}

/// Boxes of all frames, `[left, top, right, bottom]` in pixels; right and bottom are exclusive.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Boxes {
    #[serde(default)]
    person: Vec<FrameBoxes>,
    #[serde(default)]
    objects: Vec<FrameBoxes>,
}

/// The boxes of one frame.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum FrameBoxes {
    None(()),
    One([u32; 4]),
    Many(Vec<[u32; 4]>),
}

/// A source that adds masks to the frames of another one.
pub struct MaskedSource<'a> {
    source: Box<dyn Source + 'a>,
    person: Vec<PathBuf>,
    objects: Option<Vec<PathBuf>>,
    boxes: Boxes,
    /// The masks of the last frame.
    masks: Option<ProvidedMasks>,
}

impl core::fmt::Debug for MaskedSource<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("MaskedSource").field("source", &self.source.name()).field("masks", &self.person.len()).finish()
    }
}

impl<'a> MaskedSource<'a> {
    /// Adds the masks in `folders` to `source`.
    ///
    /// # Errors
    /// Returns an error if a folder holds no masks, or the boxes are invalid.
    pub fn new(source: Box<dyn Source + 'a>, folders: &MaskFolders) -> Result<Self> {
        let person = pictures(&folders.person)?;
        let objects = folders.objects.as_deref().map(pictures).transpose()?;
        let folders = [Some(&folders.person), folders.objects.as_ref()];
        let file = folders.into_iter().flatten().map(|folder| folder.join(BOXES)).find(|path| path.is_file());
        let boxes = file.as_deref().map_or(Ok(Boxes::default()), read_boxes)?;
        Ok(Self { source, person, objects, boxes, masks: None })
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
        let index = usize::try_from(frame.index()).unwrap_or(usize::MAX);
        let read = |paths: &[PathBuf]| match paths.get(index) {
            Some(path) => read_mask(path, size),
            None => {
                let got = format!("{} masks and frame {index}", paths.len());
                Err(Error::new(Stage::Source, "a mask for every frame", got, "add the missing masks"))
            }
        };
        self.masks = Some(ProvidedMasks {
            person: read(&self.person)?,
            person_boxes: boxes(&self.boxes.person, index),
            objects: self.objects.as_deref().map(read).transpose()?,
            object_boxes: boxes(&self.boxes.objects, index),
        });
        Ok(Some(match &self.masks {
            Some(masks) => frame.with_masks(masks),
            None => frame,
        }))
    }

    fn count(&mut self) -> Result<u64> {
        self.source.count()
    }

    fn select(&mut self, indices: &[u64]) -> Result<()> {
        self.source.select(indices)
    }

    fn decoded_in(&self) -> Option<std::time::Duration> {
        self.source.decoded_in()
    }

    fn sample(&mut self, choose: &mut dyn FnMut(u64) -> Vec<u64>) -> Result<u64> {
        self.source.sample(choose)
    }
}

fn invalid(expected: &str, got: impl core::fmt::Display) -> Error {
    Error::new(Stage::Source, expected, got, "check the masks").about(Setting::Masks)
}

fn pictures(folder: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = |e: std::io::Error| {
        invalid("a readable folder of masks", format_args!("{}: {e}", folder.display())).with_source(e)
    };
    let is_mask = |extension: &str| matches!(extension, "png" | "jpg");
    let mut names = super::images::file_names(folder, is_mask).map_err(unreadable)?;
    if names.is_empty() {
        return Err(invalid("a folder of masks", format_args!("no picture in {}", folder.display())));
    }
    sort_naturally(&mut names);
    Ok(names.iter().map(|name| folder.join(name)).collect())
}

fn read_mask(path: &Path, size: Size) -> Result<Mask> {
    let unreadable = |e: &dyn core::fmt::Display| invalid("a readable mask", format_args!("{}: {e}", path.display()));
    let picture = super::images::decode_unturned(path).map_err(|e| unreadable(&e).with_source(e))?.into_luma8();
    if (picture.width(), picture.height()) != (size.width(), size.height()) {
        let got = format_args!("{}x{} for a frame of {size}", picture.width(), picture.height());
        return Err(invalid("masks in the size of the frames", got).at(path.display()));
    }
    let mut mask = Mask::new(size);
    for (p, byte) in mask.probabilities_mut().iter_mut().zip(picture.as_raw()) {
        *p = f32::from(*byte) / 255.0;
    }
    Ok(mask)
}

fn read_boxes(path: &Path) -> Result<Boxes> {
    let unreadable = |e: &dyn core::fmt::Display| {
        invalid(
            "boxes.json with person and objects: boxes [left, top, right, bottom] of each frame",
            format_args!("{}: {e}", path.display()),
        )
    };
    let text = crate::text_file::read(path).map_err(|e| unreadable(&e).with_source(e))?;
    serde_json::from_str(&text).map_err(|e| unreadable(&e).with_source(e))
}

fn boxes(all: &[FrameBoxes], index: usize) -> Vec<PixelBox> {
    let sides: &[[u32; 4]] = match all.get(index) {
        Some(FrameBoxes::One(one)) => core::slice::from_ref(one),
        Some(FrameBoxes::Many(many)) => many,
        Some(FrameBoxes::None(())) | None => &[],
    };
    sides.iter().map(|&[left, top, right, bottom]| PixelBox { left, top, right, bottom }).collect()
}
