//! Pictures: a single one is a clip of one frame, a folder of them is one clip in natural order.

use super::picture::{FirstSize, Picture};
use super::picture_file::{self, EXTENSIONS, decode_error, invalid_picture, is_picture, limits};
use super::selection::Selection;
use super::{Source, SourceOptions, animation, apng, cannot_read, exif, jpeg, sort_naturally};
use crate::error::{Error, Result, Setting, Stage};
use crate::frame::{Frame, check_size};
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::{Path, PathBuf};

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
            let expected = format!("a folder with pictures ({})", EXTENSIONS.join(", "));
            let next = "pass the folder whose own files are the frames";
            return Err(Error::new(Stage::Source, expected, format_args!("{name}, which holds none"), next));
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
        if animation::has_several_frames(path) {
            return Err(not_still(path));
        }
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

fn not_still(path: &Path) -> Error {
    let got = format_args!("{}, which has several frames", path.display());
    let next = "pass it as a source of its own, or write its frames to files";
    Error::new(Stage::Source, "a still picture", got, next)
}

/// Returns the names of the files of `folder` that are not hidden and whose extension, in lower case, is wanted.
pub(super) fn file_names(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> std::io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in folder.read_dir()? {
        let name = entry?.file_name();
        let extension = Path::new(&name).extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        if is_wanted(&extension) && !name.as_encoded_bytes().starts_with(b".") {
            names.push(name);
        }
    }
    Ok(names)
}

fn picture_names(folder: &Path) -> std::io::Result<Vec<OsString>> {
    let mut names = file_names(folder, is_picture)?;
    let begins = |name: &OsString, with: &[u8]| name.as_encoded_bytes().starts_with(with);
    if names.iter().any(|name| begins(name, b"img_")) {
        names.retain(|name| !begins(name, b"flow_x_") && !begins(name, b"flow_y_"));
    }
    Ok(names)
}

/// Opens a decoder after checking that the size of its picture is valid for frames.
fn decoder(path: &Path) -> Result<(Box<dyn ImageDecoder>, Option<ImageFormat>)> {
    let file = File::open(path).map_err(decode_error)?;
    let length = file.metadata().map_err(decode_error)?.len();
    let mut reader = ImageReader::new(BufReader::new(file)).with_guessed_format().map_err(decode_error)?;
    let format = reader.format();
    let decoder: Box<dyn ImageDecoder> = match format {
        Some(ImageFormat::Jpeg) => {
            let mut decoder = JpegDecoder::new(Cursor::new(jpeg::read(reader.into_inner())?)).map_err(decode_error)?;
            decoder.set_limits(limits()).map_err(decode_error)?;
            Box::new(decoder)
        }
        Some(ImageFormat::Png) => {
            let (width, height) = apng::size(path)?;
            let mut limits = limits();
            limits.max_alloc = Some(picture_file::max_file_bytes(width, height));
            Box::new(PngDecoder::with_limits(reader.into_inner(), limits).map_err(decode_error)?)
        }
        _ => {
            reader.limits(limits());
            Box::new(reader.into_decoder().map_err(decode_error)?)
        }
    };
    let (width, height) = decoder.dimensions();
    check_size(width, height)?;
    // Other decoders read no more than they need.
    let max = picture_file::max_file_bytes(width, height);
    if format == Some(ImageFormat::WebP) && length > max {
        return Err(invalid_picture(format_args!("a WebP picture of {width}x{height} with more than {max} bytes")));
    }
    Ok((decoder, format))
}

/// Returns whether only ffmpeg decodes a picture: a TIFF with a palette, in Lab or float, or in a rare compression.
///
/// # Errors
/// Returns an error if such a TIFF is stored turned or mirrored, which ffmpeg does not undo.
pub(super) fn needs_ffmpeg(name: &str, extension: &str, path: &Path) -> Result<bool> {
    if picture_file::format(extension, path) != Some(ImageFormat::Tiff) {
        return Ok(false);
    }
    let Err(error) = decode_unturned(path) else {
        return Ok(false);
    };
    if !core::error::Error::source(&error).is_some_and(picture_file::is_unsupported) {
        return Ok(false);
    }
    if exif::orientation(ImageFormat::Tiff, path) == Orientation::NoTransforms {
        return Ok(true);
    }
    let got = format_args!("{name}: a TIFF that is stored turned or mirrored, of a kind that only ffmpeg decodes");
    Err(Error::new(Stage::Source, "an upright picture", got, "convert it to PNG"))
}

/// Decodes a picture without its EXIF orientation, as masks are stored.
///
/// # Errors
/// Returns an error if it cannot be decoded, or its size is invalid for frames.
pub(super) fn decode_unturned(path: &Path) -> Result<DynamicImage> {
    let (decoder, _) = decoder(path)?;
    DynamicImage::from_decoder(decoder).map_err(decode_error)
}

/// Decodes a picture and applies its EXIF orientation. Transparency is dropped, as Pillow and OpenCV do.
fn decode(path: &Path) -> Result<DynamicImage> {
    let (mut decoder, format) = decoder(path)?;
    if format == Some(ImageFormat::Gif) {
        return animation::first_of_gif(path).map(DynamicImage::ImageRgba8);
    }
    let orientation = match format {
        Some(ImageFormat::Jpeg | ImageFormat::Tiff) => decoder.orientation().map_err(decode_error)?,
        Some(format) => exif::orientation(format, path),
        None => Orientation::NoTransforms,
    };
    let mut picture = DynamicImage::from_decoder(decoder).map_err(decode_error)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}
