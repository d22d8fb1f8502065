//! Pictures and folders of pictures.

use super::{assert_expected, error_of, fixture, frames, open, pictures};
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
    for extension in ["png", "jpg", "webp", "bmp", "tif", "tiff"] {
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
    for extension in ["png", "jpg", "webp", "bmp", "tif"] {
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

#[test]
fn pictures_of_every_number_format_have_the_colours_of_pillow() {
    let exact = [
        "alpha.png",
        "grey_alpha.png",
        "grey_16.png",
        "bits.png",
        "palette.png",
        "palette.gif",
        "palette.bmp",
        "lzw.tif",
        "deflate.tif",
        "packbits.tif",
        "bits.tif",
        "cmyk.tif",
    ];
    for name in exact {
        assert_expected(name, &pictures(&mut *open(fixture(name)).unwrap()), 1);
    }
    // Decoders of JPEG differ by their rounding and the interpolation of colours.
    for name in ["tables.jpg", "grey.jpg", "progressive.jpg", "cmyk.jpg", "jpeg.tif"] {
        assert_expected(name, &pictures(&mut *open(fixture(name)).unwrap()), 8);
    }
}

#[test]
fn a_tiff_of_another_kind_is_for_ffmpeg_unless_it_is_turned_or_in_a_folder() {
    let made = std::process::Command::new("ffmpeg").arg("-version").output();
    if made.is_err() {
        eprintln!("SKIPPED: this test needs ffmpeg: apt-get install ffmpeg");
        return;
    }
    assert_expected("palette.tif", &pictures(&mut *open(fixture("palette.tif")).unwrap()), 1);
    let error = error_of(fixture("turned_palette.tif"));
    assert!(error.contains("stored turned") && error.ends_with("convert it to PNG"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    fs::copy(fixture("palette.tif"), folder.path().join("0.tif")).unwrap();
    let error = open(folder.path()).unwrap().next_frame().unwrap_err().to_string();
    assert!(error.contains("without ffmpeg") && error.ends_with("convert it to PNG"), "{error}");
}

#[test]
fn orientation_is_applied_in_every_format_and_in_folders() {
    let folder = tempfile::tempdir().unwrap();
    for (name, tolerance) in
        [("turned.jpg", 8), ("turned.png", 0), ("turned_late.png", 0), ("turned_still.webp", 0), ("turned.tiff", 0)]
    {
        let frames = pictures(&mut *open(fixture(name)).unwrap());
        assert_eq!(frames[0].0, [18, 24], "{name}");
        assert_expected(name, &frames, tolerance);
        fs::copy(fixture(name), folder.path().join(name)).unwrap();
    }
    let frames = pictures(&mut *open(folder.path()).unwrap());
    assert!(frames.len() == 5 && frames.iter().all(|frame| frame.0 == [18, 24]));
}

#[test]
fn a_picture_is_known_by_its_content() {
    let folder = tempfile::tempdir().unwrap();
    for (name, other) in [
        ("alpha.png", "a.jpg"),
        ("tables.jpg", "a.png"),
        ("tables.jpg", "a"),
        ("tables.jpg", "a.jfif"),
        ("alpha.png", "a.mp4"),
        ("lzw.tif", "a.bmp"),
        ("turned_still.webp", "a.jpeg"),
        ("palette.bmp", "a.gif"),
    ] {
        let path = folder.path().join(other);
        fs::copy(fixture(name), &path).unwrap();
        assert_expected(name, &pictures(&mut *open(&path).unwrap()), 8);
    }
}

#[test]
fn a_jpeg_without_huffman_tables_has_the_pixels_of_the_whole_one() {
    let pixels = |name| pictures(&mut *open(fixture(name)).unwrap());
    assert!(!fs::read(fixture("no_tables.jpg")).unwrap().windows(2).any(|pair| pair == [0xFF, 0xC4]));
    assert_eq!(pixels("no_tables.jpg"), pixels("tables.jpg"));
}

#[test]
fn a_file_larger_than_its_picture_can_need_is_not_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    // A JPEG that ends is read to its end, whatever follows.
    let path = folder.path().join("a.jpg");
    fs::copy(fixture("tables.jpg"), &path).unwrap();
    let stretch = || fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(6 << 30).unwrap();
    stretch();
    assert_expected("tables.jpg", &pictures(&mut *open(&path).unwrap()), 8);
    // One that does not is read up to what a picture of its size can need.
    let bytes = fs::read(fixture("tables.jpg")).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 10]).unwrap();
    stretch();
    let error = open(&path).and_then(|mut source| source.next_frame().map(|_| ())).unwrap_err().to_string();
    assert!(error.contains("a JPEG of more than 33557888 bytes"), "{error}");
    let path = folder.path().join("a.webp");
    fs::copy(fixture("turned_still.webp"), &path).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(6 << 30).unwrap();
    assert!(error_of(&path).contains("more than 33557888 bytes"), "{}", error_of(&path));
}

/// A box of an AVIF file.
fn heif_box(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&(8 + content.len() as u32).to_be_bytes()[..], name, content].concat()
}

/// An AVIF whose picture is item 2 of this kind, with a property, without pixels.
fn avif(kind: &[u8; 4], property: Vec<u8>) -> Vec<u8> {
    let item = |id: u8, kind: &[u8; 4]| heif_box(b"infe", &[&[2, 0, 0, 0, 0, id, 0, 0][..], kind, b"\0"].concat());
    let items = [&[0, 0, 0, 0, 0, 2][..], &item(1, b"av01"), &item(2, kind)].concat();
    let known = heif_box(b"ipco", &[heif_box(b"ispe", &[0; 12]), property].concat());
    let used = heif_box(b"ipma", &[0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 1, 1, 0, 2, 2, 1, 0x82]);
    let children = [
        vec![0; 4],
        heif_box(b"pitm", &[0, 0, 0, 0, 0, 2]),
        heif_box(b"iinf", &items),
        heif_box(b"iprp", &[known, used].concat()),
    ];
    [heif_box(b"ftyp", b"avif\0\0\0\0mif1miaf"), heif_box(b"meta", &children.concat())].concat()
}

#[test]
fn an_avif_that_is_tiled_or_turned_is_an_error_whatever_its_ending() {
    let folder = tempfile::tempdir().unwrap();
    let reason = |file: &str, bytes: &[u8]| {
        let path = folder.path().join(file);
        fs::write(&path, bytes).unwrap();
        open(&path).map(|_| ()).map_err(|error| error.to_string())
    };
    for file in ["a.avif", "a.heic", "a.jpg", "a"] {
        let error = reason(file, &avif(b"grid", heif_box(b"irot", &[0]))).unwrap_err();
        assert!(error.contains("several items") && error.contains("convert it to PNG"), "{error}");
        let error = reason(file, &avif(b"av01", heif_box(b"irot", &[1]))).unwrap_err();
        assert!(error.contains("turned or mirrored"), "{error}");
        assert!(reason(file, &avif(b"hvc1", heif_box(b"imir", &[0]))).unwrap_err().contains("turned or mirrored"));
        assert!(reason(file, &avif(b"iovl", heif_box(b"irot", &[0]))).unwrap_err().contains("several items"));
        // One upright piece is for ffmpeg.
        assert_eq!(reason(file, &avif(b"av01", heif_box(b"irot", &[0]))), Ok(()));
    }
    let whole = avif(b"grid", heif_box(b"irot", &[0]));
    for kept in 1..whole.len() {
        // What is cut off is for ffmpeg to refuse.
        let _ = reason("a.avif", &whole[..kept]);
    }
}

#[test]
fn metadata_larger_than_a_picture_can_need_is_an_error() {
    let bytes = fs::read(fixture("alpha.png")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    // A text of 1 GB, which takes no place on the disk, before the pixels.
    fs::write(&path, [&bytes[..33], &(1u32 << 30).to_be_bytes(), b"tEXt"].concat()).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(2 << 30).unwrap();
    let error = open(&path).and_then(|mut source| source.next_frame().map(|_| ())).unwrap_err().to_string();
    assert!(error.contains("a.png") && error.contains("imit"), "{error}");
}

/// Opens the folder of a damaged file, and the file itself unless only ffmpeg may decode it, and reads all frames.
fn read_all(folder: &std::path::Path, path: &std::path::Path) {
    let is_tiff = path.extension().is_some_and(|extension| extension == "tif" || extension == "tiff");
    for source in [open(folder)].into_iter().chain((!is_tiff).then(|| open(path))) {
        let Ok(mut source) = source else { continue };
        let _ = source.count();
        while let Ok(Some(frame)) = source.next_frame() {
            assert_eq!(frame.pixels().len(), 3 * (frame.width() * frame.height()) as usize);
        }
    }
}

#[test]
fn damaged_pictures_end_in_an_error_or_in_frames() {
    let mut random = 25u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    let folder = tempfile::tempdir().unwrap();
    let mut files = 0;
    for entry in fs::read_dir(fixture("")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".expected.png") || name.ends_with(".json") {
            continue;
        }
        files += 1;
        let whole = fs::read(fixture(&name)).unwrap();
        let path = folder.path().join(&name);
        for _ in 0..25 {
            let mut bytes = whole.clone();
            for _ in 0..=next(3) {
                // Half of the damage is in the first bytes, where headers are.
                let at = if next(2) == 0 { next(bytes.len()) } else { next(bytes.len().min(120)) };
                bytes[at] = [0, 1, 0x7F, 0xFF, next(256) as u8][next(5)];
            }
            bytes.truncate(bytes.len() - if next(4) == 0 { next(bytes.len()) } else { 0 });
            fs::write(&path, bytes).unwrap();
            read_all(folder.path(), &path);
        }
        fs::remove_file(&path).unwrap();
    }
    assert!(files > 35, "{files}");
}
