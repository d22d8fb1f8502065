//! The orientation that the metadata of a picture asks for.

use super::chunks;
use image::ImageFormat;
use image::metadata::Orientation;
use std::path::Path;

/// Returns the orientation of a PNG or WebP, whose EXIF data may follow the pixels, or of a TIFF.
pub(super) fn orientation(format: ImageFormat, path: &Path) -> Orientation {
    let exif = match format {
        ImageFormat::Png => chunks::png_exif(path),
        ImageFormat::WebP => chunks::webp_exif(path),
        ImageFormat::Tiff => chunks::tiff_tags(path),
        _ => None,
    };
    exif.and_then(|exif| of_exif(&exif)).unwrap_or(Orientation::NoTransforms)
}

/// Returns the orientation in EXIF data. Some writers put the name of a JPEG's segment in front of it.
fn of_exif(exif: &[u8]) -> Option<Orientation> {
    Orientation::from_exif_chunk(exif.strip_prefix(b"Exif\0\0").unwrap_or(exif))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_orientation_is_read_with_and_without_a_prefix() {
        let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        assert_eq!(of_exif(exif), Some(Orientation::Rotate90));
        assert_eq!(of_exif(&[b"Exif\0\0", &exif[..]].concat()), Some(Orientation::Rotate90));
        assert_eq!(of_exif(&exif[..20]), None);
        assert_eq!(of_exif(b"no EXIF"), None);
    }
}
