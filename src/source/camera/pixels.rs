//! Conversion of camera pixel formats to RGB8.

use crate::error::{Error, Result, Stage};
use crate::source::jpeg;
use crate::source::picture::Picture;
use crate::source::picture_file::{decode_error, invalid_picture};
use crate::source::yuv::LIMITED_RANGE;
use image::codecs::jpeg::JpegDecoder;
use image::{ColorType, DynamicImage, ImageDecoder};
use nokhwa::utils::{FrameFormat, Resolution};
use std::io::Cursor;

/// The formats that [`convert`] supports, the cheapest first.
pub(super) const FORMATS: [FrameFormat; 6] = [
    FrameFormat::YUYV,
    FrameFormat::NV12,
    FrameFormat::MJPEG,
    FrameFormat::RAWRGB,
    FrameFormat::RAWBGR,
    FrameFormat::GRAY,
];

/// Converts the `bytes` of a picture of `size` into `picture`. YUV is BT.601 in limited range, as cameras send it.
///
/// # Errors
/// Returns an error if there are too few bytes, a JPEG is damaged or of another size, or the size is invalid for
/// frames.
pub(super) fn convert(format: FrameFormat, bytes: &[u8], size: Resolution, picture: &mut Picture) -> Result<()> {
    let (width, height) = (size.width(), size.height());
    picture.resize(width, height)?;
    if format == FrameFormat::MJPEG {
        return decode_jpeg(bytes, size, picture);
    }
    let needed = byte_count(format, width as usize, height as usize);
    let bytes = bytes.get(..needed).ok_or_else(|| too_short(format, size, needed, bytes.len()))?;
    match format {
        FrameFormat::YUYV => convert_yuyv(bytes, picture),
        FrameFormat::NV12 => convert_nv12(bytes, picture),
        FrameFormat::GRAY => picture.pixels.chunks_exact_mut(3).zip(bytes).for_each(|(rgb, &gray)| rgb.fill(gray)),
        FrameFormat::RAWBGR => {
            picture.pixels.copy_from_slice(bytes);
            picture.pixels.chunks_exact_mut(3).for_each(<[u8]>::reverse);
        }
        FrameFormat::RAWRGB | FrameFormat::MJPEG => picture.pixels.copy_from_slice(bytes),
    }
    Ok(())
}

/// Returns the number of bytes of an uncompressed picture. Two pixels of a row share their chroma, in NV12 also two
/// rows.
fn byte_count(format: FrameFormat, width: usize, height: usize) -> usize {
    match format {
        FrameFormat::YUYV => width.next_multiple_of(2) * 2 * height,
        FrameFormat::NV12 => width * height + width.next_multiple_of(2) * height.div_ceil(2),
        FrameFormat::GRAY => width * height,
        FrameFormat::RAWRGB | FrameFormat::RAWBGR | FrameFormat::MJPEG => 3 * width * height,
    }
}

/// Groups of four bytes: Y of two pixels, with U and V between them.
fn convert_yuyv(bytes: &[u8], picture: &mut Picture) {
    let width = picture.width as usize;
    let rows = bytes.chunks_exact(2 * width.next_multiple_of(2)).zip(picture.pixels.chunks_exact_mut(3 * width));
    let [mut y, mut u, mut v] = [const { Vec::new() }; 3];
    for (row, rgb) in rows {
        let groups = row.as_chunks::<4>().0;
        replace(&mut y, groups.iter().flat_map(|group| [group[0], group[2]]).take(width));
        replace(&mut u, groups.iter().map(|group| group[1]));
        replace(&mut v, groups.iter().map(|group| group[3]));
        LIMITED_RANGE.convert_row::<2>(&y, &u, &v, rgb);
    }
}

/// A plane of Y, then a plane of U and V in pairs, each for two by two pixels.
fn convert_nv12(bytes: &[u8], picture: &mut Picture) {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let (y_plane, chroma) = bytes.split_at(width * height);
    let rows = y_plane.chunks(2 * width).zip(chroma.chunks_exact(width.next_multiple_of(2)));
    let [mut u, mut v] = [const { Vec::new() }; 2];
    for ((y, pairs), rgb) in rows.zip(picture.pixels.chunks_mut(6 * width)) {
        replace(&mut u, pairs.iter().step_by(2).copied());
        replace(&mut v, pairs.iter().skip(1).step_by(2).copied());
        for (y, rgb) in y.chunks_exact(width).zip(rgb.chunks_exact_mut(3 * width)) {
            LIMITED_RANGE.convert_row::<2>(y, &u, &v, rgb);
        }
    }
}

/// Replaces the contents of a buffer, which keeps its memory.
fn replace(buffer: &mut Vec<u8>, samples: impl Iterator<Item = u8>) {
    buffer.clear();
    buffer.extend(samples);
}

fn decode_jpeg(bytes: &[u8], size: Resolution, picture: &mut Picture) -> Result<()> {
    let decoder = JpegDecoder::new(Cursor::new(jpeg::read(bytes)?)).map_err(decode_error)?;
    let (width, height) = decoder.dimensions();
    if (width, height) != (size.width(), size.height()) {
        return Err(invalid_picture(format_args!("a JPEG picture of {width}x{height} instead of {size}")));
    }
    if decoder.color_type() == ColorType::Rgb8 {
        return decoder.read_image(&mut picture.pixels).map_err(decode_error);
    }
    picture.pixels = DynamicImage::from_decoder(decoder).map_err(decode_error)?.into_rgb8().into_raw();
    Ok(())
}

fn too_short(format: FrameFormat, size: Resolution, needed: usize, got: usize) -> Error {
    let next = "try another USB port or a smaller format";
    Error::new(Stage::Source, format_args!("{needed} bytes of {format} for {size}"), format_args!("{got} bytes"), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(format: FrameFormat, bytes: &[u8]) -> Result<Vec<u8>> {
        let mut picture = Picture::default();
        convert(format, bytes, Resolution::new(18, 16), &mut picture)?;
        Ok(picture.pixels)
    }

    fn assert_all(pixels: &[u8], expected: [u8; 3], tolerance: u8) {
        assert_eq!(pixels.len(), 3 * 18 * 16);
        for rgb in pixels.chunks(3) {
            assert!(rgb.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= tolerance), "{rgb:?} for {expected:?}");
        }
    }

    #[test]
    fn yuv_formats_are_converted_with_bt601() {
        let yuyv: Vec<u8> = [81, 90, 81, 240].repeat(9 * 16);
        assert_all(&pixels(FrameFormat::YUYV, &yuyv).unwrap(), [254, 0, 0], 2);
        let nv12 = [vec![81; 18 * 16], [90, 240].repeat(9 * 8)].concat();
        assert_all(&pixels(FrameFormat::NV12, &nv12).unwrap(), [254, 0, 0], 2);
    }

    #[test]
    fn the_last_pixel_of_an_odd_size_has_chroma_of_its_own() {
        // Red, but for the last pixel of each row, which is green.
        let yuyv = [[81, 90, 81, 240].repeat(8), vec![145, 54, 0, 34]].concat().repeat(16);
        let luma = [vec![81; 16], vec![145]].concat().repeat(16);
        let nv12 = [luma, [[90, 240].repeat(8), vec![54, 34]].concat().repeat(8)].concat();
        for (format, bytes) in [(FrameFormat::YUYV, yuyv), (FrameFormat::NV12, nv12)] {
            let mut picture = Picture::default();
            convert(format, &bytes, Resolution::new(17, 16), &mut picture).unwrap();
            for row in picture.pixels.as_chunks::<3>().0.chunks_exact(17) {
                assert!(row[..16].iter().all(|red| red[0] > 250 && red[1] < 3), "{format}: {row:?}");
                assert!(row[16][1] > 250 && row[16][0] < 3, "{format}: {row:?}");
            }
        }
    }

    #[test]
    fn raw_formats_keep_their_values() {
        assert_all(&pixels(FrameFormat::GRAY, &[77; 18 * 16]).unwrap(), [77; 3], 0);
        assert_all(&pixels(FrameFormat::RAWRGB, &[1, 2, 3].repeat(18 * 16)).unwrap(), [1, 2, 3], 0);
        assert_all(&pixels(FrameFormat::RAWBGR, &[1, 2, 3].repeat(18 * 16)).unwrap(), [3, 2, 1], 0);
    }

    fn jpeg(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let picture = image::RgbImage::from_pixel(width, height, image::Rgb([200, 30, 60]));
        picture.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn mjpeg_is_decoded_even_with_padding_after_it() {
        let padded = [jpeg(18, 16), vec![0; 100]].concat();
        assert_all(&pixels(FrameFormat::MJPEG, &padded).unwrap(), [200, 30, 60], 4);
    }

    /// A JPEG without its Huffman tables, as cameras send it.
    fn without_tables(jpeg: &[u8]) -> Vec<u8> {
        let (mut kept, mut rest) = (jpeg[..2].to_vec(), &jpeg[2..]);
        while rest[1] != 0xDA {
            let (segment, after) = rest.split_at(2 + usize::from(u16::from_be_bytes([rest[2], rest[3]])));
            if segment[1] != 0xC4 {
                kept.extend(segment);
            }
            rest = after;
        }
        [&kept, rest].concat()
    }

    #[test]
    fn mjpeg_without_huffman_tables_is_decoded() {
        let (whole, bare) = (jpeg(18, 16), without_tables(&jpeg(18, 16)));
        assert!(bare.len() < whole.len());
        assert_eq!(pixels(FrameFormat::MJPEG, &bare).unwrap(), pixels(FrameFormat::MJPEG, &whole).unwrap());
    }

    #[test]
    fn short_and_damaged_pictures_are_errors() {
        for format in FORMATS {
            assert!(pixels(format, &[]).is_err() && pixels(format, &[7; 18 * 16 - 1]).is_err(), "{format}");
        }
        let whole = jpeg(18, 16);
        assert!(pixels(FrameFormat::MJPEG, &whole[..whole.len() - 8]).is_err());
        assert!(pixels(FrameFormat::MJPEG, &jpeg(32, 32)).is_err());
    }
}
