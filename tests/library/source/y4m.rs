//! Y4M from files and pipes.

use super::{frames, open};
use figureground::source::Source;
use std::io::Cursor;

fn pipe(bytes: &[u8]) -> Box<dyn Source> {
    figureground::source::y4m("-", Box::new(Cursor::new(bytes.to_vec())))
}

/// Returns index and time of the frames of a [`clip`] that are left.
fn frame_times(source: &mut dyn Source) -> Vec<(u64, u64)> {
    let luma = |byte: u8| (f64::from(byte) * 219.0 / 255.0).round() as u64;
    let frames = frames(source).into_iter();
    frames.inspect(|(index, _, byte)| assert_eq!(luma(*byte), *index)).map(|(index, time, _)| (index, time)).collect()
}

/// `count` grey frames of 16x16 in 4:2:0, the i-th of luma 16 + i.
fn clip(count: u8) -> Vec<u8> {
    let mut bytes = b"YUV4MPEG2 W16 H16 F30000:1001 Ip C420jpeg\n".to_vec();
    for i in 0..count {
        bytes.extend(b"FRAME\n");
        bytes.extend([16 + i; 256]);
        bytes.extend([128; 128]);
    }
    bytes
}

#[test]
fn a_pipe_is_spooled_by_count_and_rewound() {
    let mut source = pipe(&clip(5));
    assert_eq!(source.count().unwrap(), 5);
    source.select(&[1, 4]).unwrap();
    assert_eq!(frame_times(&mut *source), [(1, 33_366), (4, 133_466)]);
    assert_eq!(source.count().unwrap(), 5);
    assert_eq!(frame_times(&mut *source).len(), 5);
}

#[test]
fn a_pipe_that_was_read_cannot_be_rewound() {
    let mut source = pipe(&clip(2));
    source.next_frame().unwrap();
    assert!(source.count().unwrap_err().to_string().contains("read already"));
    assert!(source.next_frame().unwrap().is_some());
}

#[test]
fn a_truncated_stream_is_an_error_after_its_last_whole_frame() {
    let bytes = clip(3);
    for cut in [1, 100, 384, 389] {
        let mut source = pipe(&bytes[..bytes.len() - cut]);
        assert_eq!(source.count().unwrap(), 2, "{cut} bytes missing");
        source.next_frame().unwrap().unwrap();
        source.next_frame().unwrap().unwrap();
        let error = source.next_frame().unwrap_err().to_string();
        assert!(error.contains("2 whole frames"), "{error}");
    }
}

#[test]
fn a_stream_without_a_whole_frame_is_an_error() {
    for bytes in [&b""[..], b"YUV4MPEG2 W16", b"YUV4MPEG2 W16 H16\n", b"YUV4MPEG2 W16 H16\nFRAME\nxx"] {
        assert!(pipe(bytes).count().is_err(), "{bytes:?}");
    }
}

#[test]
fn a_file_is_read_again_from_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("-a.y4m");
    std::fs::write(&path, clip(4)).unwrap();
    let mut source = open(&path).unwrap();
    source.next_frame().unwrap();
    assert_eq!(source.count().unwrap(), 4);
    source.select(&[3]).unwrap();
    assert_eq!(frame_times(&mut *source), [(3, 100_100)]);
}

#[test]
fn samples_of_more_than_8_bits_have_the_colours_of_8() {
    let yuv = [81.0, 90.0, 240.0];
    for (space, chroma) in [("420p", 90), ("422p", 171), ("444p", 323), ("mono", 0)] {
        for bits in [9, 10, 12, 14, 16] {
            let samples = |level: f64, count| {
                let sample = (level * f64::from(1 << (bits - 8))) as u16;
                std::iter::repeat_n(sample.to_le_bytes(), count).flatten()
            };
            let mut frame = b"FRAME\n".to_vec();
            frame.extend(samples(yuv[0], 17 * 19).chain(samples(yuv[1], chroma)).chain(samples(yuv[2], chroma)));
            let header = format!("YUV4MPEG2 W17 H19 F25:1 C{space}{bits} XYSCSS=X\n").into_bytes();
            let mut source = pipe(&[header, frame.repeat(2)].concat());
            let first = source.next_frame().unwrap().unwrap().pixels().to_vec();
            assert_eq!(source.next_frame().unwrap().unwrap().pixels(), first);
            let expected = convert(&format!("C{}", space.trim_end_matches('p')), chroma, [81, 90, 240]);
            assert!(first.as_chunks::<3>().0.iter().all(|rgb| *rgb == expected), "{space}{bits}: {:?}", &first[..3]);
            assert!(source.next_frame().unwrap().is_none());
        }
    }
}

#[test]
fn white_of_full_range_stays_white_and_bits_that_are_too_many_are_white() {
    for (bits, sample) in [(10, 1023u16), (10, 65535), (16, 65535), (12, 4095)] {
        let mut bytes = format!("YUV4MPEG2 W16 H16 Cmono{bits} XCOLORRANGE=FULL\nFRAME\n").into_bytes();
        bytes.extend(sample.to_le_bytes().repeat(256));
        assert_eq!(frames(&mut *pipe(&bytes)), [(0, 0, 255)]);
    }
}

/// A gradient of `bits` in 4:4:4, and the RGB of ffmpeg for it; reports a skipped test if ffmpeg is missing.
fn gradient(bits: u32) -> Option<(Vec<u8>, Vec<u8>)> {
    let plane = |slope: [u32; 2]| {
        let level = move |i: u32| 40 * 4 + slope[0] * (i % 64) + slope[1] * (i / 64);
        (0..64 * 64).flat_map(move |i| ((level(i) << (bits - 10)) as u16).to_le_bytes())
    };
    let mut bytes = format!("YUV4MPEG2 W64 H64 F25:1 Ip C444p{bits}\nFRAME\n").into_bytes();
    bytes.extend(plane([5, 4]).chain(plane([1, 6])).chain(plane([2, 3])));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.y4m");
    std::fs::write(&path, &bytes).unwrap();
    let mut ffmpeg = std::process::Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(path).args(["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]);
    let output = ffmpeg.output();
    if output.is_err() {
        eprintln!("SKIPPED: this test needs ffmpeg: apt-get install ffmpeg");
    }
    Some((bytes, output.ok()?.stdout))
}

#[test]
fn deep_samples_have_the_colours_of_ffmpeg() {
    for bits in [10, 12] {
        let Some((bytes, expected)) = gradient(bits) else {
            return;
        };
        let pixels = pipe(&bytes).next_frame().unwrap().unwrap().pixels().to_vec();
        assert_eq!(pixels.len(), expected.len());
        let worst = pixels.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(worst <= 2, "{bits} bits: {worst} levels from ffmpeg");
    }
}

/// The first pixel of a frame of uniform `yuv`.
fn convert(parameters: &str, chroma_bytes: usize, yuv: [u8; 3]) -> [u8; 3] {
    let mut bytes = format!("YUV4MPEG2 W17 H19 F25:1 {parameters}\nFRAME Ip\n").into_bytes();
    bytes.extend([yuv[0]; 17 * 19]);
    bytes.extend(std::iter::repeat_n(yuv[1], chroma_bytes));
    bytes.extend(std::iter::repeat_n(yuv[2], chroma_bytes));
    let mut source = pipe(&bytes);
    let pixels = source.next_frame().unwrap().unwrap().pixels().to_vec();
    assert!(source.next_frame().unwrap().is_none());
    assert_eq!(pixels[..3], pixels[pixels.len() - 3..]);
    [pixels[0], pixels[1], pixels[2]]
}

#[test]
fn every_subsampling_converts_with_bt601() {
    // Red: Y 81, Cb 90, Cr 240 in limited range. Sides are odd, so chroma planes round up.
    let red = [81, 90, 240];
    let layouts =
        [("", 90), ("C420", 90), ("C420jpeg", 90), ("C420paldv", 90), ("C420mpeg2", 90), ("C422", 171), ("C444", 323)];
    for (parameters, chroma_bytes) in layouts {
        let [r, g, b] = convert(parameters, chroma_bytes, red);
        assert!(r >= 253 && g <= 2 && b <= 2, "{parameters}: {r} {g} {b}");
    }
    assert_eq!(convert("Cmono", 0, [235, 0, 0]), [255, 255, 255]);
}

#[test]
fn the_range_is_limited_unless_the_header_says_full() {
    assert_eq!(convert("C420", 90, [16, 128, 128]), [0, 0, 0]);
    assert_eq!(convert("C420 XCOLORRANGE=LIMITED", 90, [235, 128, 128]), [255, 255, 255]);
    assert_eq!(convert("C420 XCOLORRANGE=FULL", 90, [16, 128, 128]), [16, 16, 16]);
    assert_eq!(convert("C444 XCOLORRANGE=FULL", 323, [235, 128, 128]), [235, 235, 235]);
}

#[test]
fn invalid_headers_are_errors_with_a_reason() {
    let error = |header: &str| pipe(header.as_bytes()).next_frame().unwrap_err().to_string();
    assert!(error("").contains("no bytes"));
    assert!(error("some text\n").contains("other bytes"));
    assert!(error("YUV4MPEG2 W16 H16").contains("endless"));
    assert!(error("YUV4MPEG2 W16\n").contains("without size"));
    assert!(error("YUV4MPEG2 W16 H16 Cxyz\n").contains("colour space"));
    for space in ["444alpha", "411", "420p8", "420p17", "mono7", "420p", "mono"] {
        let is_read = space == "mono";
        let error = error(&format!("YUV4MPEG2 W16 H16 C{space}\nFRAME\nxx"));
        assert_eq!(error.contains(&format!("the colour space {space}")), !is_read, "{error}");
    }
    assert!(error("YUV4MPEG2 W1 H1\n").contains("1x1"));
    assert!(error("YUV4MPEG2 W20000 H20000\n").contains("20000x20000"));
    assert!(error("YUV4MPEG2 W16 H16 W4294967295 H4294967295\n").contains("4294967295"));
    assert!(error(&format!("YUV4MPEG2 W16 H16 X{}\n", "x".repeat(2000))).contains("endless"));
    assert!(error("YUV4MPEG2 W16 H16 F25\n").contains("not a header"));
}

#[test]
fn bytes_between_frames_are_an_error_with_the_frame_count() {
    let mut bytes = b"YUV4MPEG2 W16 H16 Cmono\nFRAME\n".to_vec();
    bytes.extend([128; 256]);
    bytes.extend(b"YUV4MPEG2 W32 H32 Cmono\n");
    let mut source = pipe(&bytes);
    assert!(source.next_frame().unwrap().is_some());
    let error = source.next_frame().unwrap_err().to_string();
    assert!(error.contains("after 1 whole frames"), "{error}");
}
