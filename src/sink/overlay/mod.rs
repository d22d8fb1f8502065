//! Overlay pictures: each sampled frame with the outline of the person, the three views and their probabilities.
//!
//! A sheet draws a frame on a canvas; a GIF, an MP4 or a folder of PNGs stores the canvases.

mod canvas;
mod caption;
mod folder;
mod font_text;
mod gif;
mod outline;
mod panel;
mod sheet;
mod strip;

use super::mp4::Mp4;
use crate::error::{Error, Result, Setting, Stage};
use crate::mask;
use crate::pipeline::WindowResult;
use canvas::Canvas;
use caption::Caption;
use embedded_graphics::prelude::{OriginDimensions, Size};
use folder::Folder;
use gif::Gif;
use sheet::Sheet;
use std::num::NonZeroU64;
use std::path::Path;

pub use strip::{PANELS, Strip};

/// Frames per second of an MP4; longer frames are repeated, because players handle lower rates badly.
const MP4_RATE: u32 = 10;

/// A GIF, an MP4 or a folder of PNGs that shows the input of the encoder and the verdicts.
///
/// [`Overlay::finish`] moves a file to its path; an overlay dropped before leaves no file. Each PNG appears once it is
/// complete.
#[derive(Debug)]
pub struct Overlay {
    target: Target,
    sheet: Option<Sheet>,
    /// The last source drawn, and the index of its last frame.
    drawn: Option<(String, u64)>,
    /// Number of windows drawn, over all sources.
    windows: u64,
    /// The first error of drawing.
    failure: Option<Error>,
}

#[derive(Debug)]
enum Target {
    Gif(Gif),
    Mp4(Mp4),
    Folder(Folder),
}

impl Overlay {
    /// Creates an overlay at `path`: a GIF or MP4 by its extension in any case, or a folder of PNGs if `path` is a
    /// directory or has no extension.
    ///
    /// # Errors
    /// Returns an error for any other extension, if the directory is not writable, or if ffmpeg is needed and missing.
    pub fn create(path: &Path) -> Result<Self> {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        let target = match extension.as_deref() {
            _ if path.is_dir() => Target::Folder(Folder::create(path)?),
            None => Target::Folder(Folder::create(path)?),
            Some("gif") => Target::Gif(Gif::create(path)?),
            Some("mp4") => Target::Mp4(Mp4::create(path, MP4_RATE)?),
            Some(other) => return Err(unknown_extension(other)),
        };
        Ok(Self { target, sheet: None, drawn: None, windows: 0, failure: None })
    }

    /// Keeps the pictures of the newest `windows` windows in a folder: older ones that this overlay wrote are removed.
    ///
    /// # Errors
    /// Returns an error if the overlay is one file, which cannot lose its oldest pictures.
    pub fn keep_newest(mut self, windows: NonZeroU64) -> Result<Self> {
        match &mut self.target {
            Target::Folder(folder) => folder.keep_newest(windows),
            Target::Gif(_) | Target::Mp4(_) => return Err(not_a_folder(windows)),
        }
        Ok(self)
    }

    /// Draws the frames of `result`, a window of `source`, after the last frame drawn of that source. Sliding windows
    /// overlap, so each frame is shown with the verdict of its first window.
    ///
    /// # Errors
    /// Returns an error if the result has no pictures, their size changes within a file, or they cannot be written.
    pub fn draw(&mut self, source: &str, result: &WindowResult<'_>) -> Result<()> {
        self.try_draw(source, result).inspect_err(|error| {
            self.failure.get_or_insert_with(|| error.clone());
        })
    }

    fn try_draw(&mut self, source: &str, result: &WindowResult<'_>) -> Result<()> {
        if result.pictures.iter().len() == 0 {
            return Err(no_pictures());
        }
        self.windows += 1;
        for (position, views) in result.pictures.iter().enumerate() {
            let caption = Caption::new(source, result, position);
            if self.is_drawn(source, caption.frame) {
                continue;
            }
            let sheet = Sheet::reuse(self.sheet.take(), views.person().size())?;
            let canvas = self.sheet.insert(sheet).draw(&caption, views);
            self.target.put(canvas, &caption, self.windows)?;
            self.drawn = Some((source.to_owned(), caption.frame));
        }
        Ok(())
    }

    /// Completes the file and moves it to its path.
    ///
    /// # Errors
    /// Returns an error if nothing was drawn, that of the first window if there was one, or if the file cannot be
    /// written; no file is left then.
    pub fn finish(self) -> Result<()> {
        if self.drawn.is_none() {
            return Err(self.failure.unwrap_or_else(nothing_drawn));
        }
        match self.target {
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

/// Appends one frame that is shown for `duration_ms`, rounded to the frame rate.
fn put(mp4: &mut Mp4, canvas: &Canvas, duration_ms: u64) -> Result<()> {
    let size = canvas.size();
    let size = mask::Size::new(size.width, size.height)?;
    if let Some(first) = mp4.size() {
        canvas.check_size(Size::new(first.width(), first.height()))?;
    }
    let tick_ms = 1000 / u64::from(MP4_RATE);
    mp4.put(canvas.pixels(), size, (duration_ms + tick_ms / 2) / tick_ms)
}

fn unknown_extension(extension: &str) -> Error {
    let next = "choose a .gif or .mp4 file, or a directory for PNG pictures";
    Error::new(Stage::Sink, "an overlay ending in .gif or .mp4, or a directory", format_args!(".{extension}"), next)
}

fn not_a_folder(windows: NonZeroU64) -> Error {
    let expected = format_args!("a directory for the pictures of the newest {windows} windows");
    Error::new(Stage::Sink, expected, "one file, which would grow with each window", "choose a directory")
        .about(Setting::Overlay)
}

fn no_pictures() -> Error {
    let next = "build the pipeline with FrameRecording::On";
    Error::new(Stage::Sink, "a window with pictures for the overlay", "one without", next)
}

fn nothing_drawn() -> Error {
    let next = "use a longer source or a shorter window";
    Error::new(Stage::Sink, "at least one window for the overlay", "none", next).about(Setting::Window)
}
