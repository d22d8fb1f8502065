//! Writes a counterfactual clip to a file or to a folder of frames.

use super::{Compositor, CounterfactualSet};
use crate::error::{Error, Result, Stage};
use crate::evaluate::dataset::LabelledClip;
use crate::mask::Size;
use crate::sink::mp4::Mp4;
use crate::source::Source;
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
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
}

impl ClipWriter {
    /// Creates a writer to the folder `out`.
    pub fn new(out: &Path, format: ClipFormat) -> Self {
        Self { out: out.to_owned(), format }
    }

    /// Returns the file or folder of the counterfactual clip of `clip`.
    pub fn path(&self, clip: &LabelledClip) -> PathBuf {
        let folder = self.out.join(plain(&clip.label)).join(plain(clip.id.rsplit('/').next().unwrap_or(&clip.id)));
        match self.format {
            ClipFormat::Frames => folder,
            // `with_extension` would cut a name that contains dots.
            ClipFormat::Mp4 => PathBuf::from(format!("{}.mp4", folder.display())),
        }
    }

    /// Writes the counterfactual clip of `clip`, complete or not at all. Returns its number of frames, or `None` if it
    /// exists already.
    ///
    /// # Errors
    /// Returns an error if the clip cannot be read, a model fails, or a file cannot be written.
    pub fn write(
        &self,
        clip: &LabelledClip,
        set: &CounterfactualSet<'_>,
        compositor: &mut Compositor<'_>,
    ) -> Result<Option<u64>> {
        let path = self.path(clip);
        if path.exists() {
            return Ok(None);
        }
        let class = path.parent().unwrap_or(&self.out);
        fs::create_dir_all(class).map_err(|e| unwritable(class, e))?;
        let mut source = compositor.compose(set, clip)?;
        source.count()?;
        match self.format {
            ClipFormat::Frames => write_frames(&mut source, class, &path).map(Some),
            ClipFormat::Mp4 => write_mp4(&mut source, &path).map(Some),
        }
    }
}

fn write_frames(source: &mut dyn Source, class: &Path, path: &Path) -> Result<u64> {
    let aside = tempfile::Builder::new().prefix(".making-").tempdir_in(class).map_err(|e| unwritable(class, e))?;
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
    fs::rename(aside.path(), path).map_err(|e| unwritable(path, e))?;
    // The folder was renamed: there is no temporary one to remove.
    let _ = aside.keep();
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
