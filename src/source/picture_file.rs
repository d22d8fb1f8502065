//! Files of pictures: which formats are decoded, within which limits, and the errors of those that are not.

use super::heif;
use crate::error::{Error, Stage};
use crate::frame::MAX_PIXELS;
use image::{ImageError, ImageFormat, Limits};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// File name extensions of pictures, in lower case.
pub(super) const EXTENSIONS: [&str; 12] =
    ["png", "apng", "jpg", "jpeg", "jpe", "jfif", "webp", "bmp", "dib", "gif", "tif", "tiff"];

/// Maximum memory of a decoder: the largest frame in RGBA of 16 bits.
pub(super) const MAX_DECODER_BYTES: u64 = 8 * MAX_PIXELS;

/// Maximum number of bytes of a file that do not grow with its picture, such as metadata.
pub(super) const MAX_METADATA_BYTES: u64 = 32 << 20;

/// Returns whether files with this extension, in lower case, are opened as pictures.
pub(super) fn is_picture(extension: &str) -> bool {
    EXTENSIONS.contains(&extension)
}

/// Returns how many bytes the file of a picture of this size may have: RGBA of 16 bits, and metadata.
pub(super) fn max_file_bytes(width: u32, height: u32) -> u64 {
    MAX_METADATA_BYTES + 8 * u64::from(width) * u64::from(height)
}

/// Returns the extension of a file name, in lower case.
pub(super) fn extension(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}

/// Returns whether a file is opened as a picture, by its first bytes, or by its extension if they say nothing.
pub(super) fn is_picture_file(extension: &str, path: &Path) -> bool {
    format(extension, path).is_some() || is_picture(extension) && !heif::is_heif(path)
}

/// Returns the format of a picture by its first bytes; `None` if this program does not decode it. The extension decides
/// where the first bytes are those of other files as well, such as recordings of many JPEG pictures.
pub(super) fn format(extension: &str, path: &Path) -> Option<ImageFormat> {
    let mut head = Vec::new();
    File::open(path).ok()?.take(32).read_to_end(&mut head).ok()?;
    let format = image::guess_format(&head).ok()?;
    match format {
        ImageFormat::Png | ImageFormat::Gif | ImageFormat::WebP => Some(format),
        ImageFormat::Jpeg if extension.is_empty() => Some(format),
        ImageFormat::Jpeg | ImageFormat::Bmp | ImageFormat::Tiff if is_picture(extension) => Some(format),
        _ => None,
    }
}

/// Returns decoding limits that allow the largest frame.
pub(super) fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODER_BYTES);
    limits
}

/// Returns the error of a picture that cannot be decoded because of `error`.
pub(super) fn decode_error(error: impl core::error::Error + Send + Sync + 'static) -> Error {
    if is_unsupported(&error) {
        let expected = "a picture of a kind that is decoded without ffmpeg";
        return Error::new(Stage::Source, expected, &error, "convert it to PNG").with_source(error);
    }
    invalid_picture(&error).with_source(error)
}

/// Returns whether a picture is whole, but of a kind that `image` does not decode.
pub(super) fn is_unsupported(error: &(dyn core::error::Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(ImageError::Unsupported(_)))
}

/// Returns the error of a picture that cannot be decoded.
pub(super) fn invalid_picture(reason: impl core::fmt::Display) -> Error {
    let next = "check that the file is complete and save it again";
    Error::new(Stage::Source, "a complete PNG, JPEG, GIF, WebP, TIFF or BMP picture", reason, next)
}
