//! Animated GIF, PNG and WebP.

use super::{assert_expected, error_of, fixture, frames, open, pictures};
use figureground::Result;
use figureground::source::Source;
use image::codecs::gif::GifEncoder;
use image::{Delay, Rgba, RgbaImage};
use std::fs;

/// Opens an animation of these `bytes` in a file of `folder`.
fn open_bytes(folder: &tempfile::TempDir, bytes: &[u8]) -> Result<Box<dyn Source>> {
    let path = folder.path().join("a.gif");
    fs::write(&path, bytes).unwrap();
    open(path)
}

/// Returns index and time of the frames, whose red value is 40 times the index.
fn frame_times(source: &mut dyn Source) -> Vec<(u64, u64)> {
    let frames = frames(source).into_iter();
    frames.inspect(|(index, _, red)| assert!(red.abs_diff(*index as u8 * 40) < 12)).map(|(i, t, _)| (i, t)).collect()
}

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

#[test]
fn a_gif_keeps_its_frame_times() {
    let folder = tempfile::tempdir().unwrap();
    let mut source = open_bytes(&folder, &gif(&[40, 200, 0, 50])).unwrap();
    assert_eq!(frame_times(&mut *source), [(0, 0), (1, 40_000), (2, 240_000), (3, 340_000)]);
    assert_eq!(source.count().unwrap(), 4);
    assert_eq!(frame_times(&mut *source).len(), 4);
    source.select(&[1, 3]).unwrap();
    assert_eq!(frame_times(&mut *source), [(1, 40_000), (3, 340_000)]);
}

#[test]
fn a_truncated_gif_is_an_error_after_its_last_whole_frame() {
    let bytes = gif(&[40, 40, 40]);
    let folder = tempfile::tempdir().unwrap();
    let mut source = open_bytes(&folder, &bytes[..bytes.len() - 40]).unwrap();
    assert_eq!(source.count().unwrap(), 2);
    assert!(source.next_frame().unwrap().is_some());
    assert!(source.next_frame().unwrap().is_some());
    assert!(source.next_frame().unwrap_err().to_string().contains("a.gif, frame 2"));
}

#[test]
fn an_empty_or_invalid_gif_is_an_error() {
    assert!(open_bytes(&tempfile::tempdir().unwrap(), b"").is_err());
    assert!(open_bytes(&tempfile::tempdir().unwrap(), b"some text that is no picture").is_err());
    let folder = tempfile::tempdir().unwrap();
    assert!(open_bytes(&folder, &gif(&[40])[..20]).and_then(|mut source| source.count()).is_err());
}

#[test]
fn an_invalid_canvas_size_is_an_error_from_the_header() {
    let mut bytes = gif(&[40]);
    bytes[6..10].copy_from_slice(&[0x20, 0x4E, 0x20, 0x4E]);
    assert!(open_bytes(&tempfile::tempdir().unwrap(), &bytes).err().unwrap().to_string().contains("20000x20000"));
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
    let mut source = open(&path).unwrap();
    assert_eq!(frame_times(&mut *source), [(0, 0), (1, 30_000)]);
    assert_eq!(source.count().unwrap(), 2);
    image::RgbImage::new(16, 16).save(&path).unwrap();
    assert_eq!(frame_times(&mut *open(&path).unwrap()), [(0, 0)]);
}

#[test]
fn animations_are_disposed_of_and_blended_as_pillow_does() {
    let text = fs::read_to_string(fixture("animations.json")).unwrap();
    let delays: std::collections::BTreeMap<String, Vec<f64>> = serde_json::from_str(&text).unwrap();
    assert_eq!(delays.len(), 10);
    for (name, delays) in delays {
        let mut source = open(fixture(&name)).unwrap();
        assert_eq!(source.count().unwrap(), delays.len() as u64, "{name}");
        let frames = pictures(&mut *source);
        // A delay of 0 is one of 100 ms, as in other players.
        let delay_us = |delay: &f64| if *delay == 0.0 { 100_000 } else { (delay * 1e3) as u64 };
        let starts: Vec<u64> = (0..delays.len()).map(|i| delays[..i].iter().map(delay_us).sum()).collect();
        assert_eq!(frames.iter().map(|frame| frame.1).collect::<Vec<_>>(), starts, "{name}");
        assert_expected(&name, &frames, 2);
        source.select(&[1]).unwrap();
        assert_eq!(pictures(&mut *source), frames[1..2], "{name}");
    }
}

#[test]
fn a_png_of_one_frame_is_a_picture() {
    let mut source = open(fixture("one_frame.png")).unwrap();
    assert_eq!(source.count().unwrap(), 1);
    assert_eq!(frames(&mut *source).len(), 1);
}

#[test]
fn an_animation_is_known_by_its_content() {
    let folder = tempfile::tempdir().unwrap();
    for (name, other) in
        [("disposal.gif", "a.png"), ("disposal.png", "a.jpg"), ("disposal.webp", "a"), ("disposal.png", "a.apng")]
    {
        let path = folder.path().join(other);
        fs::copy(fixture(name), &path).unwrap();
        assert_expected(name, &pictures(&mut *open(&path).unwrap()), 2);
    }
}

#[test]
fn a_truncated_png_or_webp_is_an_error_after_its_last_whole_frame() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["disposal.png", "disposal.webp"] {
        let bytes = fs::read(fixture(name)).unwrap();
        let whole = pictures(&mut *open(fixture(name)).unwrap());
        let path = folder.path().join(name);
        fs::write(&path, &bytes[..bytes.len() - 60]).unwrap();
        let mut source = open(&path).unwrap();
        let count = source.count().unwrap();
        assert!(0 < count && count < whole.len() as u64, "{name}: {count}");
        for (_, time_us, pixels) in &whole[..count as usize] {
            let frame = source.next_frame().unwrap().unwrap();
            assert_eq!((frame.time_us(), frame.pixels()), (*time_us, &pixels[..]), "{name}");
        }
        let error = source.next_frame().unwrap_err().to_string();
        assert!(error.contains(&format!("{name}, frame {count}")), "{error}");
    }
}

#[test]
fn a_webp_frame_outside_its_canvas_is_an_error() {
    let mut bytes = fs::read(fixture("disposal.webp")).unwrap();
    let second = bytes.windows(4).enumerate().filter(|(_, name)| name == b"ANMF").nth(1).unwrap().0;
    bytes[second + 8] = 200;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.webp");
    fs::write(&path, bytes).unwrap();
    let mut source = open(&path).unwrap();
    assert_eq!(source.count().unwrap(), 1);
    source.next_frame().unwrap().unwrap();
    assert!(source.next_frame().unwrap_err().to_string().contains("outside its canvas of 24x18"));
}

#[test]
fn an_animation_in_a_folder_of_pictures_is_an_error() {
    for name in ["disposal.png", "disposal.webp", "disposal.gif"] {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(fixture(name), folder.path().join(name)).unwrap();
        fs::copy(fixture("one_frame.png"), folder.path().join("0.png")).unwrap();
        let mut source = open(folder.path()).unwrap();
        source.next_frame().unwrap().unwrap();
        let error = source.next_frame().unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("several frames"), "{error}");
    }
    assert!(error_of(tempfile::tempdir().unwrap()).contains("holds none"));
}
