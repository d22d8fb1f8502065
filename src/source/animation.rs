//! Animated GIF and WebP: frames on one canvas, each with its own delay.

use super::Source;
use super::images::{decode_error, invalid_picture, limits};
use super::picture::Picture;
use super::selection::Selection;
use crate::error::Result;
use crate::frame::{Frame, check_size};
use image::codecs::gif::GifDecoder;
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, Frames, ImageDecoder, RgbaImage};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Duration of a frame whose delay is 0, as in other players.
const DEFAULT_DELAY_US: u64 = 100_000;

/// Returns whether a file is an animation: any GIF, or a WebP with the animation flag.
pub(super) fn is_animated(extension: &str, path: &Path) -> bool {
    match extension {
        "gif" => true,
        "webp" => webp(path).is_ok_and(|decoder| decoder.has_animation()),
        _ => false,
    }
}

/// The bytes of an animation, which are read repeatedly.
enum Origin {
    Path(PathBuf),
    /// A GIF in memory.
    #[cfg(feature = "built-in")]
    Gif(&'static [u8]),
}

/// A decoded frame of the file.
struct DecodedFrame {
    pixels: RgbaImage,
    index: u64,
    time_us: u64,
}

/// An animation, decoded frame by frame, so that memory does not grow with its length.
pub(super) struct Animation {
    name: String,
    origin: Origin,
    frames: Frames<'static>,
    /// Index and time of the next frame of the file.
    index: u64,
    time_us: u64,
    selection: Selection,
    picture: Picture,
}

impl Animation {
    /// Opens a GIF or an animated WebP.
    ///
    /// # Errors
    /// Returns an error if the header is neither, or its size is invalid for frames.
    pub fn open(name: String, path: &Path) -> Result<Self> {
        Self::of(name, Origin::Path(path.to_owned()))
    }

    /// Opens a GIF in memory.
    ///
    /// # Errors
    /// Returns the errors of [`Animation::open`].
    #[cfg(feature = "built-in")]
    pub fn from_gif(name: String, bytes: &'static [u8]) -> Result<Self> {
        Self::of(name, Origin::Gif(bytes))
    }

    fn of(name: String, origin: Origin) -> Result<Self> {
        let frames = frames(&origin).map_err(|error| error.at(&name))?;
        Ok(Self { name, origin, frames, index: 0, time_us: 0, selection: Selection::All, picture: Picture::default() })
    }

    fn rewind(&mut self) -> Result<()> {
        self.frames = frames(&self.origin).map_err(|error| error.at(&self.name))?;
        (self.index, self.time_us) = (0, 0);
        Ok(())
    }

    /// Decodes the next frame of the file.
    fn decode(&mut self) -> Result<Option<DecodedFrame>> {
        let Some(frame) = self.frames.next() else {
            return Ok(None);
        };
        let frame =
            frame.map_err(|error| decode_error(error).at(format_args!("{}, frame {}", self.name, self.index)))?;
        let (index, time_us) = (self.index, self.time_us);
        let (numerator, denominator) = frame.delay().numer_denom_ms();
        let delay_us = u64::from(numerator) * 1000 / u64::from(denominator.max(1));
        self.index += 1;
        self.time_us += if delay_us == 0 { DEFAULT_DELAY_US } else { delay_us };
        Ok(Some(DecodedFrame { pixels: frame.into_buffer(), index, time_us }))
    }

    fn store(&mut self, DecodedFrame { pixels, index, time_us }: DecodedFrame) -> Result<()> {
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

fn frames(origin: &Origin) -> Result<Frames<'static>> {
    match origin {
        Origin::Path(path) => frames_of_file(path),
        #[cfg(feature = "built-in")]
        Origin::Gif(bytes) => {
            Ok(limited(GifDecoder::new(std::io::Cursor::new(*bytes)).map_err(decode_error)?)?.into_frames())
        }
    }
}

fn frames_of_file(path: &Path) -> Result<Frames<'static>> {
    let extension = path.extension().unwrap_or_default();
    if extension.eq_ignore_ascii_case("webp") {
        return Ok(limited(webp(path)?)?.into_frames());
    }
    let file = File::open(path).map_err(decode_error)?;
    Ok(limited(GifDecoder::new(BufReader::new(file)).map_err(decode_error)?)?.into_frames())
}

fn webp(path: &Path) -> Result<WebPDecoder<BufReader<File>>> {
    let file = File::open(path).map_err(decode_error)?;
    WebPDecoder::new(BufReader::new(file)).map_err(decode_error)
}

/// Checks the canvas size of a decoder and limits its memory.
fn limited<D: ImageDecoder>(mut decoder: D) -> Result<D> {
    let (width, height) = decoder.dimensions();
    check_size(width, height)?;
    decoder.set_limits(limits()).map_err(decode_error)?;
    Ok(decoder)
}
