//! CounterfactualClips written down.

use super::{Compositor, CounterfactualSet};
use crate::error::{Error, Result, Stage};
use crate::evaluate::dataset::LabelledClip;
use crate::mask::Size;
use crate::sink::mp4::Mp4;
use crate::source::Source;
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use std::fs;
use std::path::{Path, PathBuf};

/// Pictures a second of the files, as of folders of pictures.
const RATE: u32 = 25;

/// What twins are written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum ClipFormat {
    /// A folder of PNGs a clip, as HAT has them.
    #[default]
    Frames,
    /// An MP4 a clip, by ffmpeg.
    Mp4,
}

/// Writes the clips of a script: a folder a class, and a folder or file a clip in it, which `validate --format folder` reads.
#[derive(Debug)]
pub struct ClipWriter {
    out: PathBuf,
    write_as: ClipFormat,
}

impl ClipWriter {
    /// A writer of files in the folder `out`.
    pub fn new(out: &Path, write_as: ClipFormat) -> Self {
        Self { out: out.to_owned(), write_as }
    }

    /// Where the twin of `clip` lies once it is made.
    pub fn place(&self, clip: &LabelledClip) -> PathBuf {
        let folder = self.out.join(plain(&clip.label)).join(plain(clip.id.rsplit('/').next().unwrap_or(&clip.id)));
        match self.write_as {
            ClipFormat::Frames => folder,
            // A clip's name may hold dots, so that no extension may be cut off.
            ClipFormat::Mp4 => PathBuf::from(format!("{}.mp4", folder.display())),
        }
    }

    /// Makes the twin of `clip`. It is there whole or not at all. Returns how many frames it has; none where it was there.
    ///
    /// # Errors
    /// When the clip cannot be read, a model fails, or a file cannot be written.
    pub fn make(
        &self,
        clip: &LabelledClip,
        script: &CounterfactualSet<'_>,
        compositor: &mut Compositor<'_>,
    ) -> Result<Option<u64>> {
        let place = self.place(clip);
        if place.exists() {
            return Ok(None);
        }
        let class = place.parent().unwrap_or(&self.out);
        fs::create_dir_all(class).map_err(|e| unwritten(class, &e))?;
        let mut twin = compositor.twin(script, clip)?;
        twin.count()?;
        match self.write_as {
            ClipFormat::Frames => write_frames(&mut twin, class, &place).map(Some),
            ClipFormat::Mp4 => write_mp4(&mut twin, &place).map(Some),
        }
    }
}

fn write_frames(twin: &mut dyn Source, class: &Path, place: &Path) -> Result<u64> {
    let aside = tempfile::Builder::new().prefix(".making-").tempdir_in(class).map_err(|e| unwritten(class, &e))?;
    let mut frames = 0;
    while let Some(frame) = twin.next_frame()? {
        frames += 1;
        let mut bytes = Vec::new();
        PngEncoder::new(&mut bytes)
            .write_image(frame.pixels(), frame.width(), frame.height(), ExtendedColorType::Rgb8)
            .map_err(|e| Error::new(Stage::Sink, "a picture as PNG", e, "report this"))?;
        // HAT counts frames from 1.
        let path = aside.path().join(format!("{frames:06}.png"));
        fs::write(&path, bytes).map_err(|e| unwritten(&path, &e))?;
    }
    fs::rename(aside.path(), place).map_err(|e| unwritten(place, &e))?;
    // What was renamed is not there any more to be cleared away.
    let _ = aside.keep();
    Ok(frames)
}

fn write_mp4(twin: &mut dyn Source, place: &Path) -> Result<u64> {
    let (mut mp4, mut frames) = (Mp4::create(place, RATE)?, 0);
    while let Some(frame) = twin.next_frame()? {
        frames += 1;
        mp4.put(frame.pixels(), Size::new(frame.width(), frame.height())?, 1)?;
    }
    mp4.finish()?;
    Ok(frames)
}

/// A name that stays inside its folder.
pub(super) fn plain(name: &str) -> String {
    let name = name.replace(['/', '\\'], "_");
    if name.trim_matches('.').is_empty() { format!("_{name}") } else { name }
}

fn unwritten(path: &Path, error: &std::io::Error) -> Error {
    let got = format!("{}: {error}", path.display());
    Error::new(Stage::Sink, "a folder that can be written", got, "check its permissions and the room on its disk")
}
