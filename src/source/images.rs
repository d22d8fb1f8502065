//! Pictures: a single one is a clip of one frame, a folder of them is one clip in natural order.

use super::picture::{FirstSize, Picture};
use super::selection::Selection;
use super::{Source, SourceOptions, cannot_read, jpeg, sort_naturally};
use crate::error::{Error, Result, Setting, Stage};
use crate::frame::{Frame, MAX_PIXELS, check_size};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// File name extensions of pictures, in lower case.
const EXTENSIONS: [&str; 6] = ["png", "jpg", "jpeg", "webp", "bmp", "gif"];

/// Maximum memory of a decoder: the largest frame in RGBA of 16 bits.
const MAX_DECODER_BYTES: u64 = 8 * MAX_PIXELS;

/// Returns whether files with this extension, in lower case, are opened as pictures.
pub(super) fn is_picture(extension: &str) -> bool {
    EXTENSIONS.contains(&extension)
}

/// Returns decoding limits that allow the largest frame.
pub(super) fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODER_BYTES);
    limits
}

/// A clip of picture files, each decoded when it is read.
pub(super) struct Images {
    name: String,
    paths: Vec<PathBuf>,
    fps: f64,
    selection: Selection,
    /// Position in the selection.
    next: u64,
    size: FirstSize,
    picture: Picture,
}

impl Images {
    /// Opens one picture as a clip of one frame at time 0.
    ///
    /// # Errors
    /// Returns an error if its header is not that of a picture, or its size is invalid for frames.
    pub fn from_picture(name: String, path: &Path) -> Result<Self> {
        decoder(path).map_err(|error| error.at(&name))?;
        Ok(Self::new(name, vec![path.to_owned()], SourceOptions::default().fps))
    }

    /// Opens the pictures of a folder in natural order, `options.fps` per second. Skips other and hidden files, and the
    /// optical flow that mmaction2 stores with raw frames (`flow_x_…`, `flow_y_…` beside `img_…`).
    ///
    /// # Errors
    /// Returns an error if the folder cannot be read or holds no picture, or the frame rate is not positive.
    pub fn from_folder(name: String, folder: &Path, options: &SourceOptions) -> Result<Self> {
        if !(options.fps.is_finite() && options.fps > 0.0) {
            let error = Error::new(Stage::Source, "a positive frame rate", options.fps, "set it, for example to 25");
            return Err(error.about(Setting::Fps));
        }
        let mut names = picture_names(folder).map_err(|error| cannot_read(&name, error))?;
        if names.is_empty() {
            return Err(Error::new(
                Stage::Source,
                format_args!("a folder with pictures ({})", EXTENSIONS.join(", ")),
                format_args!("{name}, which holds none"),
                "pass the folder whose own files are the frames",
            ));
        }
        sort_naturally(&mut names);
        Ok(Self::new(name, names.iter().map(|file| folder.join(file)).collect(), options.fps))
    }

    fn new(name: String, paths: Vec<PathBuf>, fps: f64) -> Self {
        let (size, picture) = (FirstSize::default(), Picture::default());
        Self { name, paths, fps, selection: Selection::All, next: 0, size, picture }
    }

    /// Returns the index and path of the next frame.
    fn advance(&mut self) -> Option<(u64, PathBuf)> {
        let index = self.selection.nth(self.next)?;
        let path = self.paths.get(usize::try_from(index).ok()?)?;
        self.next += 1;
        Some((index, path.clone()))
    }

    fn decode(&mut self, index: u64, path: &Path) -> Result<()> {
        let pixels = decode(path).map_err(|error| error.at(path.display()))?.into_rgb8();
        self.size.check(&self.name, index, pixels.width(), pixels.height())?;
        (self.picture.width, self.picture.height) = pixels.dimensions();
        self.picture.pixels = pixels.into_raw();
        self.picture.index = index;
        self.picture.time_us = (index as f64 * 1e6 / self.fps).round() as u64;
        Ok(())
    }
}

impl Source for Images {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_live(&self) -> bool {
        false
    }

    fn next_frame(&mut self) -> Result<Option<Frame<'_>>> {
        let Some((index, path)) = self.advance() else {
            return Ok(None);
        };
        self.decode(index, &path)?;
        self.picture.lend().map(Some)
    }

    fn count(&mut self) -> Result<u64> {
        (self.selection, self.next) = (Selection::All, 0);
        Ok(self.paths.len() as u64)
    }

    fn select(&mut self, indices: &[u64]) -> Result<()> {
        (self.selection, self.next) = (Selection::only(indices)?, 0);
        Ok(())
    }
}

fn picture_names(folder: &Path) -> std::io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in folder.read_dir()? {
        let name = entry?.file_name();
        let extension = Path::new(&name).extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let is_hidden = name.as_encoded_bytes().starts_with(b".");
        if is_picture(&extension) && !is_hidden {
            names.push(name);
        }
    }
    let begins = |name: &OsString, with: &[u8]| name.as_encoded_bytes().starts_with(with);
    if names.iter().any(|name| begins(name, b"img_")) {
        names.retain(|name| !begins(name, b"flow_x_") && !begins(name, b"flow_y_"));
    }
    Ok(names)
}

/// Opens a decoder after checking that the size of its picture is valid for frames.
fn decoder(path: &Path) -> Result<impl ImageDecoder> {
    let mut reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format).map_err(decode_error)?;
    if reader.format() == Some(ImageFormat::Jpeg) && !jpeg::has_end(&fs::read(path).map_err(decode_error)?) {
        return Err(invalid_picture("a truncated JPEG picture"));
    }
    reader.limits(limits());
    let decoder = reader.into_decoder().map_err(decode_error)?;
    let (width, height) = decoder.dimensions();
    check_size(width, height)?;
    Ok(decoder)
}

/// Decodes a picture and applies its EXIF orientation. Transparency is dropped, as Pillow and OpenCV do.
fn decode(path: &Path) -> Result<DynamicImage> {
    let mut decoder = decoder(path)?;
    let orientation = decoder.orientation().map_err(decode_error)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(decode_error)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// Returns the error of a picture that cannot be decoded because of `error`.
pub(super) fn decode_error(error: impl core::error::Error + Send + Sync + 'static) -> Error {
    invalid_picture(&error).with_source(error)
}

/// Returns the error of a picture that cannot be decoded.
pub(super) fn invalid_picture(reason: impl core::fmt::Display) -> Error {
    Error::new(
        Stage::Source,
        "a complete PNG, JPEG, GIF, WebP or BMP picture",
        reason,
        "check that the file is complete and save it again",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage};

    fn shade(width: u32, height: u32, level: u8) -> RgbImage {
        RgbImage::from_pixel(width, height, Rgb([level, 0, 255 - level]))
    }

    /// Creates a folder of `count` pictures named without padding, so that only natural order is right.
    fn clip(count: u8) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        (0..count).for_each(|i| shade(24, 16, i).save(folder.path().join(format!("{i}.png"))).unwrap());
        folder
    }

    fn open(folder: &Path) -> Result<Images> {
        Images::from_folder("clip".to_owned(), folder, &SourceOptions::default())
    }

    fn levels(source: &mut Images) -> Vec<(u64, u64, u8)> {
        let mut frames = Vec::new();
        while let Some(frame) = source.next_frame().unwrap() {
            frames.push((frame.index(), frame.time_us(), frame.pixels()[0]));
        }
        frames
    }

    #[test]
    fn a_folder_is_one_clip_in_natural_order() {
        let folder = clip(12);
        fs::write(folder.path().join("notes.txt"), "x").unwrap();
        fs::write(folder.path().join("._0.png"), "x").unwrap();
        let mut source = open(folder.path()).unwrap();
        assert_eq!(source.count().unwrap(), 12);
        let expected: Vec<_> = (0..12u8).map(|i| (u64::from(i), u64::from(i) * 40_000, i)).collect();
        assert_eq!(levels(&mut source), expected);
        source.select(&[2, 11]).unwrap();
        assert_eq!(levels(&mut source), [(2, 80_000, 2), (11, 440_000, 11)]);
    }

    #[test]
    fn a_picture_of_any_format_is_one_frame() {
        let folder = tempfile::tempdir().unwrap();
        for extension in ["png", "jpg", "webp", "bmp"] {
            let path = folder.path().join(format!("a.{extension}"));
            shade(20, 30, 200).save(&path).unwrap();
            let mut source = Images::from_picture("a".to_owned(), &path).unwrap();
            let frame = source.next_frame().unwrap().unwrap();
            assert_eq!((frame.width(), frame.height(), frame.time_us()), (20, 30, 0));
            assert!(frame.pixels()[0].abs_diff(200) < 4, "{extension}");
            assert!(source.next_frame().unwrap().is_none());
        }
    }

    #[test]
    fn a_change_of_size_is_an_error_after_the_frames_before_it() {
        let folder = clip(2);
        shade(16, 24, 9).save(folder.path().join("2.png")).unwrap();
        let mut source = open(folder.path()).unwrap();
        assert!(source.next_frame().is_ok() && source.next_frame().is_ok());
        let error = source.next_frame().unwrap_err().to_string();
        assert!(error.contains("24x16") && error.contains("frame 2 of 16x24"), "{error}");
    }

    #[test]
    fn an_invalid_picture_size_is_an_error_from_the_header() {
        let folder = tempfile::tempdir().unwrap();
        let open_error = |width, height| {
            let path = folder.path().join("a.bmp");
            fs::write(&path, bmp_header(width, height)).unwrap();
            Images::from_picture("a.bmp".to_owned(), &path).err().unwrap().to_string()
        };
        assert!(open_error(1, 1).contains("a.bmp: 1x1"), "{}", open_error(1, 1));
        assert!(open_error(20_000, 20_000).contains("20000x20000"));
    }

    /// The header of an uncompressed 24-bit BMP, without its pixels.
    fn bmp_header(width: i32, height: i32) -> Vec<u8> {
        let mut header = b"BM".to_vec();
        [0u32, 0, 54, 40].iter().for_each(|field| header.extend(field.to_le_bytes()));
        [width, height].iter().for_each(|side| header.extend(side.to_le_bytes()));
        [1u16, 24].iter().for_each(|field| header.extend(field.to_le_bytes()));
        header.extend([0; 24]);
        header
    }

    #[test]
    fn a_truncated_picture_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let noise =
            RgbImage::from_fn(64, 64, |x, y| Rgb([(x * y % 251) as u8, (x * 7 % 256) as u8, (y * 13 % 256) as u8]));
        for extension in ["png", "jpg", "webp", "bmp"] {
            let path = folder.path().join(format!("cut.{extension}"));
            noise.save(&path).unwrap();
            let bytes = fs::read(&path).unwrap();
            for kept in [0, 10, bytes.len() / 2, bytes.len() * 9 / 10] {
                fs::write(&path, &bytes[..kept]).unwrap();
                let frame = Images::from_picture("cut".to_owned(), &path)
                    .and_then(|mut source| source.next_frame().map(|frame| frame.is_some()));
                assert!(frame.is_err(), "{extension} cut to {kept} of {} bytes", bytes.len());
            }
        }
    }

    #[test]
    fn a_folder_without_pictures_and_a_frame_rate_of_zero_are_errors() {
        assert!(open(tempfile::tempdir().unwrap().path()).err().unwrap().to_string().contains("holds none"));
        let options = SourceOptions { fps: 0.0, ..SourceOptions::default() };
        assert!(Images::from_folder("a".to_owned(), clip(1).path(), &options).is_err());
    }
}
