//! Pictures for people to look at: each sampled frame with the person's outline, the three views and three bars.
//!
//! A sheet lays them out on a canvas; a GIF, an MP4 or a folder of PNGs takes the canvases.

mod canvas;
mod caption;
mod folder;
mod gif;
mod lettering;
mod outline;
mod panel;
mod sheet;
mod strip;
#[cfg(test)]
mod tests;

use super::mp4::Mp4;
use crate::error::{Error, Result, Stage};
use crate::mask;
use crate::pipeline::WindowResult;
use canvas::Canvas;
use caption::Caption;
use embedded_graphics::prelude::{OriginDimensions, Size};
use folder::Folder;
use gif::Gif;
use sheet::Sheet;
use std::path::Path;

pub use strip::{PANELS, Strip};

/// Pictures a second of an MP4: a frame that is shown for longer is repeated, since players are bad at lower rates.
const MP4_RATE: u32 = 10;

/// A GIF, an MP4 or a folder of PNGs that shows what the encoder saw and what was said of it.
///
/// A file appears under its name when [`Overlay::finish`] is called, never before; an overlay that is dropped leaves no
/// file. PNGs appear one by one, each whole.
#[derive(Debug)]
pub struct Overlay {
    to: Target,
    sheet: Option<Sheet>,
    /// The source drawn last with the index of its last frame.
    drawn: Option<(String, u64)>,
    /// Windows drawn of all sources.
    windows: u64,
}

#[derive(Debug)]
enum Target {
    Gif(Gif),
    Mp4(Mp4),
    Folder(Folder),
}

impl Overlay {
    /// An overlay at `path`: the extension `gif` or `mp4` decides, in any case; a directory that is there, or a path
    /// without extension, is a folder of PNGs, made if missing.
    ///
    /// # Errors
    /// When the extension is another, the directory cannot be written, or ffmpeg is needed and missing.
    pub fn create(path: &Path) -> Result<Self> {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        let to = match extension.as_deref() {
            _ if path.is_dir() => Target::Folder(Folder::create(path)?),
            None => Target::Folder(Folder::create(path)?),
            Some("gif") => Target::Gif(Gif::create(path)?),
            Some("mp4") => Target::Mp4(Mp4::create(path, MP4_RATE)?),
            Some(other) => return Err(unknown_extension(other)),
        };
        Ok(Self { to, sheet: None, drawn: None, windows: 0 })
    }

    /// Draws the frames of `outcome`, a window of `source`, that come after the last one drawn of that source: sliding
    /// windows overlap, and a frame is shown with the first verdict it took part in.
    ///
    /// # Errors
    /// When the outcome carries no pictures, their size changes in mid-file, or they cannot be written.
    pub fn draw(&mut self, source: &str, outcome: &WindowResult<'_>) -> Result<()> {
        if outcome.pictures.iter().len() == 0 {
            return Err(no_pictures());
        }
        self.windows += 1;
        for (place, picture) in outcome.pictures.iter().enumerate() {
            let caption = Caption::new(source, outcome, place);
            if self.is_drawn(source, caption.frame) {
                continue;
            }
            let sheet = Sheet::reuse(self.sheet.take(), picture.person().size())?;
            let canvas = self.sheet.insert(sheet).draw(&caption, picture);
            self.to.put(canvas, &caption, self.windows)?;
            self.drawn = Some((source.to_owned(), caption.frame));
        }
        Ok(())
    }

    /// Completes the file and puts it under its name.
    ///
    /// # Errors
    /// When nothing was drawn or the file cannot be written; nothing is left behind then.
    pub fn finish(self) -> Result<()> {
        if self.drawn.is_none() {
            return Err(nothing_drawn());
        }
        match self.to {
            Target::Gif(gif) => gif.finish(),
            Target::Mp4(mp4) => mp4.finish(),
            Target::Folder(_) => Ok(()),
        }
    }

    fn is_drawn(&self, source: &str, frame: u64) -> bool {
        self.drawn.as_ref().is_some_and(|(name, last)| name == source && frame <= *last)
    }
}

impl Target {
    fn put(&mut self, canvas: &Canvas, caption: &Caption<'_>, window: u64) -> Result<()> {
        match self {
            Target::Gif(gif) => gif.put(canvas, caption.duration_ms()),
            Target::Mp4(mp4) => put(mp4, canvas, caption.duration_ms()),
            Target::Folder(folder) => folder.put(canvas, caption, window),
        }
    }
}

/// Adds one frame that is shown for `duration_ms`, rounded to what the rate allows.
fn put(mp4: &mut Mp4, canvas: &Canvas, duration_ms: u64) -> Result<()> {
    let size = canvas.size();
    let size = mask::Size::new(size.width, size.height)?;
    if let Some(first) = mp4.size() {
        canvas.expect(Size::new(first.width(), first.height()))?;
    }
    let tick_ms = 1000 / u64::from(MP4_RATE);
    mp4.put(canvas.pixels(), size, (duration_ms + tick_ms / 2) / tick_ms)
}

fn unknown_extension(extension: &str) -> Error {
    let next = "name a file .gif or .mp4, or a directory for PNG pictures";
    Error::new(Stage::Sink, "an overlay ending in .gif or .mp4, or a directory", format_args!(".{extension}"), next)
}

fn no_pictures() -> Error {
    let next = "build the pipeline with FrameRecording::On";
    Error::new(Stage::Sink, "an outcome with pictures for the overlay", "one of numbers only", next)
}

fn nothing_drawn() -> Error {
    let next = "give a source that holds a whole window, or a shorter --window";
    Error::new(Stage::Sink, "at least one window for the overlay", "none", next)
}
