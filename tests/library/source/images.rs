//! Pictures and folders of pictures.

use super::{error_of, frames, open};
use figureground::source::SourceOptions;
use image::{Rgb, RgbImage};
use std::fs;

fn shade(width: u32, height: u32, level: u8) -> RgbImage {
    RgbImage::from_pixel(width, height, Rgb([level, 0, 255 - level]))
}

/// Creates a folder of `count` pictures named without padding, so that only natural order is right.
fn clip(count: u8) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    (0..count).for_each(|i| shade(24, 16, i).save(folder.path().join(format!("{i}.png"))).unwrap());
    folder
}

#[test]
fn a_folder_is_one_clip_in_natural_order() {
    let folder = clip(12);
    fs::write(folder.path().join("notes.txt"), "x").unwrap();
    fs::write(folder.path().join("._0.png"), "x").unwrap();
    let mut source = open(folder.path()).unwrap();
    assert_eq!(source.count().unwrap(), 12);
    let expected: Vec<_> = (0..12u8).map(|i| (u64::from(i), u64::from(i) * 40_000, i)).collect();
    assert_eq!(frames(&mut *source), expected);
    source.select(&[2, 11]).unwrap();
    assert_eq!(frames(&mut *source), [(2, 80_000, 2), (11, 440_000, 11)]);
}

#[test]
fn a_picture_of_any_format_is_one_frame() {
    let folder = tempfile::tempdir().unwrap();
    for extension in ["png", "jpg", "webp", "bmp"] {
        let path = folder.path().join(format!("a.{extension}"));
        shade(20, 30, 200).save(&path).unwrap();
        let mut source = open(&path).unwrap();
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
        error_of(path)
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
    let noise = RgbImage::from_fn(64, 64, |x, y| Rgb([(x * y % 251) as u8, (x * 7 % 256) as u8, (y * 13 % 256) as u8]));
    for extension in ["png", "jpg", "webp", "bmp"] {
        let path = folder.path().join(format!("cut.{extension}"));
        noise.save(&path).unwrap();
        let bytes = fs::read(&path).unwrap();
        for kept in [0, 10, bytes.len() / 2, bytes.len() * 9 / 10] {
            fs::write(&path, &bytes[..kept]).unwrap();
            let frame = open(&path).and_then(|mut source| source.next_frame().map(|frame| frame.is_some()));
            assert!(frame.is_err(), "{extension} cut to {kept} of {} bytes", bytes.len());
        }
    }
}

#[test]
fn a_folder_without_pictures_and_a_frame_rate_of_zero_are_errors() {
    assert!(error_of(tempfile::tempdir().unwrap()).contains("holds none"));
    let options = SourceOptions { fps: 0.0, ..SourceOptions::default() };
    assert!(figureground::source::open(clip(1).path().as_os_str(), &options).is_err());
}
