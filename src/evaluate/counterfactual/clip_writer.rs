//! Writes a counterfactual clip to a file or to a folder of frames.

use super::{Compositor, CounterfactualSet};
use crate::bundle::checksum;
use crate::error::{Error, Result, Stage};
use crate::evaluate::dataset::{Dataset, LabelledClip};
use crate::file::{TEMPORARY, remove_stale_files};
use crate::mask::Size;
use crate::sink::mp4::Mp4;
use crate::source::Source;
use crate::temporary::TemporaryDirectory;
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

/// Frames per second of the files; folders of pictures are read at the same rate by default.
const RATE: u32 = 25;

/// File format of counterfactual clips.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClipFormat {
    /// A folder of PNGs per clip, as in HAT.
    #[default]
    Frames,
    /// An MP4 per clip, encoded by ffmpeg.
    Mp4,
}

impl ClipFormat {
    /// All formats.
    pub const ALL: [Self; 2] = [Self::Frames, Self::Mp4];

    /// Returns the format's name: `frames` or `mp4`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Frames => "frames",
            Self::Mp4 => "mp4",
        }
    }
}

/// Writes the clips of a set: a folder per class, with a folder or file per clip, as [`Format::Folder`] reads them.
///
/// [`Format::Folder`]: crate::evaluate::dataset::Format::Folder
#[derive(Debug)]
pub struct ClipWriter {
    out: PathBuf,
    format: ClipFormat,
    /// Path of each clip below `out`, without extension, by the clip's id.
    paths: HashMap<String, PathBuf>,
}

impl ClipWriter {
    /// Creates a writer of the clips of `dataset` to the folder `out`. A clip has the last part of its id as its name,
    /// or the whole id with a checksum where several clips of a class would have one name.
    pub fn new(out: &Path, format: ClipFormat, dataset: &Dataset) -> Self {
        let short = |clip: &LabelledClip| {
            let name = plain(clip.id.rsplit('/').next().unwrap_or(&clip.id));
            PathBuf::from(plain(&clip.label)).join(name)
        };
        // Some file systems ignore the case of names.
        let folded = |path: &Path| path.to_string_lossy().to_lowercase();
        let mut counts: HashMap<String, usize> = HashMap::new();
        for clip in &dataset.clips {
            *counts.entry(folded(&short(clip))).or_default() += 1;
        }
        let path = |clip: &LabelledClip| {
            let path = short(clip);
            match counts.get(&folded(&path)) {
                Some(1) | None => path,
                Some(_) => {
                    let checksum = checksum::of_bytes(clip.id.as_bytes());
                    path.with_file_name(format!("{}-{}", plain(&clip.id), checksum.get(..8).unwrap_or_default()))
                }
            }
        };
        let paths = dataset.clips.iter().map(|clip| (clip.id.clone(), path(clip))).collect();
        Self { out: out.to_owned(), format, paths }
    }

    /// Returns the file or folder of the counterfactual clip of `clip`.
    pub fn path(&self, clip: &LabelledClip) -> PathBuf {
        let unlisted = || PathBuf::from(plain(&clip.label)).join(plain(&clip.id));
        let path = self.out.join(self.paths.get(&clip.id).cloned().unwrap_or_else(unlisted));
        match self.format {
            ClipFormat::Frames => path,
            // `with_extension` would cut a name that contains dots.
            ClipFormat::Mp4 => PathBuf::from(format!("{}.mp4", path.display())),
        }
    }

    /// Writes the counterfactual clip of `clip`, complete or not at all, and replaces one that is there. Returns its
    /// number of frames.
    ///
    /// # Errors
    /// Returns an error if the clip cannot be read, a model fails, or a file cannot be written.
    pub fn write(
        &self,
        clip: &LabelledClip,
        set: &CounterfactualSet<'_>,
        compositor: &mut Compositor<'_>,
    ) -> Result<u64> {
        let path = self.path(clip);
        let class = path.parent().unwrap_or(&self.out);
        fs::create_dir_all(class).map_err(|e| unwritable(class, e))?;
        let mut source = compositor.compose(set, clip)?;
        source.count()?;
        match self.format {
            ClipFormat::Frames => write_frames(&mut source, class, &path),
            ClipFormat::Mp4 => write_mp4(&mut source, &path),
        }
    }

    /// Removes what a killed run has left in the folders of the classes.
    pub(super) fn remove_stale(&self) {
        let classes: BTreeSet<&Path> = self.paths.values().filter_map(|path| path.parent()).collect();
        for class in classes {
            remove_stale_files(&self.out.join(class));
        }
    }
}

fn write_frames(source: &mut dyn Source, class: &Path, path: &Path) -> Result<u64> {
    let temporary = || TemporaryDirectory::create(class, TEMPORARY, true).map_err(|e| unwritable(class, e));
    let aside = temporary()?;
    let mut frames = 0;
    while let Some(frame) = source.next_frame()? {
        frames += 1;
        let mut bytes = Vec::new();
        PngEncoder::new(&mut bytes)
            .write_image(frame.pixels(), frame.width(), frame.height(), ExtendedColorType::Rgb8)
            .map_err(|e| Error::caused(Stage::Sink, "a picture as PNG", e, "report this"))?;
        // HAT counts frames from 1.
        let path = aside.path().join(format!("{frames:06}.png"));
        fs::write(&path, bytes).map_err(|e| unwritable(&path, e))?;
    }
    // A folder that is not empty cannot be replaced in one step.
    let old = if path.exists() { Some(temporary()?) } else { None };
    if let Some(old) = &old {
        fs::rename(path, old.path().join("old")).map_err(|e| unwritable(path, e))?;
    }
    aside.rename(path).map_err(|e| unwritable(path, e))?;
    Ok(frames)
}

fn write_mp4(source: &mut dyn Source, path: &Path) -> Result<u64> {
    let (mut mp4, mut frames) = (Mp4::create(path, RATE)?, 0);
    while let Some(frame) = source.next_frame()? {
        frames += 1;
        mp4.put(frame.pixels(), Size::new(frame.width(), frame.height())?, 1)?;
    }
    mp4.finish()?;
    Ok(frames)
}

/// Returns `name` as a file name that stays in its folder.
fn plain(name: &str) -> String {
    let name = name.replace(['/', '\\'], "_");
    if name.trim_matches('.').is_empty() { format!("_{name}") } else { name }
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    let next = "check its permissions and the free space";
    Error::caused(Stage::Sink, "a folder that can be written", error, next).at(path.display())
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn file_names_stay_inside_their_folder() {
        assert_eq!(plain("a/../b"), "a_.._b");
        assert_eq!(plain(".."), "_..");
        assert_eq!(plain("waving"), "waving");
    }
}
