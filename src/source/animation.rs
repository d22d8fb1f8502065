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

    fn is_live(&self) -> bool {
        false
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

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::gif::GifEncoder;
    use image::{Delay, Rgba};
    use std::fs;

    fn gif(delays_ms: &[u32]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = GifEncoder::new(&mut bytes);
        for (i, &delay) in delays_ms.iter().enumerate() {
            let canvas = RgbaImage::from_fn(32, 24, |x, y| Rgba([i as u8 * 40, (x * 8) as u8, (y * 8) as u8, 255]));
            let delay = Delay::from_numer_denom_ms(delay, 1);
            encoder.encode_frame(image::Frame::from_parts(canvas, 0, 0, delay)).unwrap();
        }
        drop(encoder);
        bytes
    }

    /// Opens an animation of these `bytes` in a file of `folder`.
    fn open(folder: &tempfile::TempDir, bytes: &[u8]) -> Result<Animation> {
        let path = folder.path().join("a.gif");
        fs::write(&path, bytes).unwrap();
        Animation::open("a.gif".to_owned(), &path)
    }

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn frame_times(source: &mut Animation) -> Vec<(u64, u64)> {
        let mut times = Vec::new();
        while let Some(frame) = source.next_frame().unwrap() {
            assert!(frame.pixels()[0].abs_diff(frame.index() as u8 * 40) < 12);
            times.push((frame.index(), frame.time_us()));
        }
        times
    }

    #[test]
    fn a_gif_keeps_its_frame_times() {
        let folder = folder();
        let mut source = open(&folder, &gif(&[40, 200, 0, 50])).unwrap();
        assert_eq!(frame_times(&mut source), [(0, 0), (1, 40_000), (2, 240_000), (3, 340_000)]);
        assert_eq!(source.count().unwrap(), 4);
        assert_eq!(frame_times(&mut source).len(), 4);
        source.select(&[1, 3]).unwrap();
        assert_eq!(frame_times(&mut source), [(1, 40_000), (3, 340_000)]);
    }

    #[test]
    fn a_truncated_gif_is_an_error_after_its_last_whole_frame() {
        let bytes = gif(&[40, 40, 40]);
        let folder = folder();
        let mut source = open(&folder, &bytes[..bytes.len() - 40]).unwrap();
        assert_eq!(source.count().unwrap(), 2);
        assert!(source.next_frame().unwrap().is_some());
        assert!(source.next_frame().unwrap().is_some());
        assert!(source.next_frame().unwrap_err().to_string().contains("a.gif, frame 2"));
    }

    #[test]
    fn an_empty_or_invalid_gif_is_an_error() {
        assert!(open(&folder(), b"").is_err());
        assert!(open(&folder(), b"some text that is no picture").is_err());
        let folder = folder();
        assert!(open(&folder, &gif(&[40])[..20]).and_then(|mut source| source.count()).is_err());
    }

    #[test]
    fn an_invalid_canvas_size_is_an_error_from_the_header() {
        let mut bytes = gif(&[40]);
        bytes[6..10].copy_from_slice(&[0x20, 0x4E, 0x20, 0x4E]);
        assert!(open(&folder(), &bytes).err().unwrap().to_string().contains("20000x20000"));
    }

    /// Two lossless WebP frames of 16x16 in one colour each, 30 and 70 ms, written chunk by chunk.
    fn animated_webp() -> Vec<u8> {
        fn chunk(id: &[u8; 4], data: &[u8]) -> Vec<u8> {
            let mut bytes = id.to_vec();
            bytes.extend((data.len() as u32).to_le_bytes());
            bytes.extend(data);
            bytes.resize(bytes.len().next_multiple_of(2), 0);
            bytes
        }
        fn frame(level: u8, delay: u8) -> Vec<u8> {
            let mut still = std::io::Cursor::new(Vec::new());
            let canvas = image::RgbImage::from_pixel(16, 16, image::Rgb([level, 0, 0]));
            canvas.write_to(&mut still, image::ImageFormat::WebP).unwrap();
            let mut data = vec![0, 0, 0, 0, 0, 0, 15, 0, 0, 15, 0, 0, delay, 0, 0, 0];
            data.extend(&still.into_inner()[12..]);
            chunk(b"ANMF", &data)
        }
        let mut body = b"WEBP".to_vec();
        body.extend(chunk(b"VP8X", &[2, 0, 0, 0, 15, 0, 0, 15, 0, 0]));
        body.extend(chunk(b"ANIM", &[0; 6]));
        body.extend(frame(0, 30));
        body.extend(frame(40, 70));
        chunk(b"RIFF", &body)
    }

    #[test]
    fn an_animated_webp_keeps_its_frame_times_and_a_still_one_is_a_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.webp");
        fs::write(&path, animated_webp()).unwrap();
        assert!(is_animated("webp", &path));
        let mut source = Animation::open("a.webp".to_owned(), &path).unwrap();
        assert_eq!(frame_times(&mut source), [(0, 0), (1, 30_000)]);
        assert_eq!(source.count().unwrap(), 2);
        image::RgbImage::new(16, 16).save(&path).unwrap();
        assert!(!is_animated("webp", &path));
    }
}
