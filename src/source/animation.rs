//! Animated GIF, PNG and WebP: frames on one canvas, each with its own delay.

use super::Source;
use super::apng::{self, ApngFrames};
use super::canvas::Canvas;
use super::exif;
use super::gif::GifFrames;
use super::picture::Picture;
use super::picture_file::{self, decode_error, invalid_picture};
use super::selection::Selection;
use super::webp::{self, WebpFrames};
use crate::error::Result;
use crate::frame::Frame;
use image::metadata::Orientation;
use image::{DynamicImage, ImageFormat, RgbaImage};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Duration of a frame whose delay is 0, as in other players.
const DEFAULT_DELAY_US: u64 = 100_000;

/// Returns whether a file is an animation, by its content: any GIF, a PNG with frames beside its default picture, or a
/// WebP with the animation flag.
pub(super) fn is_animated(extension: &str, path: &Path) -> bool {
    match picture_file::format(extension, path) {
        Some(ImageFormat::Gif) => true,
        Some(ImageFormat::Png) => apng::is_animated(path),
        Some(ImageFormat::WebP) => webp::is_animated(path),
        _ => false,
    }
}

/// Returns whether a file is an animation with a second frame.
pub(super) fn has_several_frames(path: &Path) -> bool {
    let extension = picture_file::extension(path);
    let Some(format) = picture_file::format(&extension, path).filter(|_| is_animated(&extension, path)) else {
        return false;
    };
    let decoder = Decoder::open(&Origin::Path(path.to_owned(), format));
    decoder.is_ok_and(|mut decoder| (0..2).all(|_| matches!(decoder.next(), Ok(Some(_)))))
}

/// Decodes the first picture of a GIF.
///
/// # Errors
/// Returns an error if it cannot be decoded.
pub(super) fn first_of_gif(path: &Path) -> Result<RgbaImage> {
    let first = Decoder::open(&Origin::Path(path.to_owned(), ImageFormat::Gif))?.next()?;
    first.map(|(pixels, _)| pixels).ok_or_else(|| invalid_picture("no frames"))
}

/// The bytes of an animation, which are read repeatedly.
enum Origin {
    Path(PathBuf, ImageFormat),
    /// A GIF in memory.
    #[cfg(feature = "built-in")]
    Gif(&'static [u8]),
}

/// A decoder of the frames of a file.
enum Decoder {
    Gif(Box<GifFrames>, Canvas),
    Png(Box<ApngFrames>, Canvas),
    WebP(Box<WebpFrames>, Canvas),
}

/// A decoded frame of the file.
struct DecodedFrame {
    pixels: RgbaImage,
    index: u64,
    time_us: u64,
}

impl Decoder {
    fn open(origin: &Origin) -> Result<Self> {
        match origin {
            Origin::Path(path, ImageFormat::Png) => {
                let frames = ApngFrames::open(path)?;
                let (width, height) = frames.size();
                Ok(Self::Png(Box::new(frames), Canvas::new(width, height)))
            }
            Origin::Path(path, ImageFormat::WebP) => {
                let frames = WebpFrames::open(path)?;
                let (width, height) = frames.size();
                Ok(Self::WebP(Box::new(frames), Canvas::new(width, height)))
            }
            Origin::Path(path, _) => Self::gif(Box::new(File::open(path).map_err(decode_error)?)),
            #[cfg(feature = "built-in")]
            Origin::Gif(bytes) => Self::gif(Box::new(*bytes)),
        }
    }

    fn gif(bytes: Box<dyn Read>) -> Result<Self> {
        let frames = GifFrames::open(bytes)?;
        let (width, height) = frames.size();
        Ok(Self::Gif(Box::new(frames), Canvas::new(width, height)))
    }

    /// Returns the next picture and the time until the one after it, in microseconds; `None` after the last.
    fn next(&mut self) -> Result<Option<(RgbaImage, u64)>> {
        let (canvas, patch) = match self {
            Self::Gif(frames, canvas) => (canvas, frames.next()?),
            Self::Png(frames, canvas) => (canvas, frames.next()?),
            Self::WebP(frames, canvas) => (canvas, frames.next()?),
        };
        let Some(patch) = patch else {
            return Ok(None);
        };
        Ok(Some((canvas.draw(&patch)?.clone(), patch.delay_us)))
    }
}

/// An animation, decoded frame by frame, so that memory does not grow with its length.
pub(super) struct Animation {
    name: String,
    origin: Origin,
    decoder: Decoder,
    orientation: Orientation,
    /// Index and time of the next frame of the file.
    index: u64,
    time_us: u64,
    selection: Selection,
    picture: Picture,
}

impl Animation {
    /// Opens a GIF, an animated PNG or an animated WebP.
    ///
    /// # Errors
    /// Returns an error if the header is none of them, or its size is invalid for frames.
    pub fn open(name: String, path: &Path) -> Result<Self> {
        let extension = picture_file::extension(path);
        let format = picture_file::format(&extension, path).unwrap_or(ImageFormat::Gif);
        let orientation = exif::orientation(format, path);
        Self::of(name, Origin::Path(path.to_owned(), format), orientation)
    }

    /// Opens a GIF in memory.
    ///
    /// # Errors
    /// Returns the errors of [`Animation::open`].
    #[cfg(feature = "built-in")]
    pub fn from_gif(name: String, bytes: &'static [u8]) -> Result<Self> {
        Self::of(name, Origin::Gif(bytes), Orientation::NoTransforms)
    }

    fn of(name: String, origin: Origin, orientation: Orientation) -> Result<Self> {
        let decoder = Decoder::open(&origin).map_err(|error| error.at(&name))?;
        let (selection, picture) = (Selection::All, Picture::default());
        Ok(Self { name, origin, decoder, orientation, index: 0, time_us: 0, selection, picture })
    }

    fn rewind(&mut self) -> Result<()> {
        self.decoder = Decoder::open(&self.origin).map_err(|error| error.at(&self.name))?;
        (self.index, self.time_us) = (0, 0);
        Ok(())
    }

    /// Decodes the next frame of the file.
    fn decode(&mut self) -> Result<Option<DecodedFrame>> {
        let frame = self.decoder.next();
        let frame = frame.map_err(|error| error.at(format_args!("{}, frame {}", self.name, self.index)))?;
        let Some((pixels, delay_us)) = frame else {
            return Ok(None);
        };
        let (index, time_us) = (self.index, self.time_us);
        self.index += 1;
        self.time_us += if delay_us == 0 { DEFAULT_DELAY_US } else { delay_us };
        Ok(Some(DecodedFrame { pixels, index, time_us }))
    }

    fn store(&mut self, DecodedFrame { pixels, index, time_us }: DecodedFrame) -> Result<()> {
        let mut picture = DynamicImage::ImageRgba8(pixels);
        picture.apply_orientation(self.orientation);
        let pixels = picture.into_rgba8();
        self.picture.resize(pixels.width(), pixels.height()).map_err(|error| error.at(&self.name))?;
        for (rgb, rgba) in self.picture.pixels.chunks_exact_mut(3).zip(pixels.pixels()) {
            let [red, green, blue, _] = rgba.0;
            rgb.copy_from_slice(&[red, green, blue]);
        }
        (self.picture.index, self.picture.time_us) = (index, time_us);
        Ok(())
    }
}

impl Source for Animation {
    fn name(&self) -> &str {
        &self.name
    }

    fn next_frame(&mut self) -> Result<Option<Frame<'_>>> {
        while let Some(frame) = self.decode()? {
            if self.selection.contains(frame.index) {
                self.store(frame)?;
                return self.picture.lend().map(Some);
            }
        }
        Ok(None)
    }

    fn count(&mut self) -> Result<u64> {
        self.rewind()?;
        let end = loop {
            match self.decode() {
                Ok(Some(_)) => {}
                Ok(None) => break invalid_picture("no frames").at(&self.name),
                Err(damage) => break damage,
            }
        };
        let whole = self.index;
        if whole == 0 {
            return Err(end);
        }
        self.selection = Selection::All;
        self.rewind()?;
        Ok(whole)
    }

    fn select(&mut self, indices: &[u64]) -> Result<()> {
        self.selection = Selection::only(indices)?;
        self.rewind()
    }
}
