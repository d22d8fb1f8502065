//! Video files and streams through ffmpeg.

use super::open;
use figureground::source::{Source, SourceOptions};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// Makes a video with ffmpeg in a new folder; reports a skipped test and returns `None` if ffmpeg is missing.
fn made(file: &str, arguments: &str) -> Option<(tempfile::TempDir, PathBuf)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(file);
    let made = Command::new("ffmpeg").args(["-v", "error", "-y"]).args(arguments.split(' ')).arg(&path).output();
    let Ok(output) = made else {
        eprintln!("SKIPPED: this test needs ffmpeg: apt-get install ffmpeg");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some((folder, path))
}

/// Arguments of a clip of 50 moving frames of 128x96 at 20 frames per second.
const CLIP: &str = "-f lavfi -i testsrc=size=128x96:rate=20:duration=2.5 -c:v mpeg4 -q:v 3 -movflags +faststart";

/// Index, time and pixels of a frame.
type OwnedFrame = (u64, u64, Vec<u8>);

/// Returns all frames, and the error after them, if any.
fn read(video: &mut dyn Source) -> (Vec<OwnedFrame>, Option<String>) {
    let mut frames = Vec::new();
    loop {
        match video.next_frame() {
            Ok(Some(frame)) => frames.push((frame.index(), frame.time_us(), frame.pixels().to_vec())),
            Ok(None) => return (frames, None),
            Err(error) => {
                assert!(video.next_frame().is_ok_and(|frame| frame.is_none()), "an error is returned once");
                return (frames, Some(error.to_string()));
            }
        }
    }
}

fn read_error(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.mp4");
    fs::write(&path, bytes).unwrap();
    let (frames, error) = read(&mut *open(&path).unwrap());
    assert!(frames.is_empty());
    assert_eq!(open(&path).unwrap().count().unwrap_err().to_string(), error.clone().unwrap());
    error.unwrap()
}

#[test]
fn all_passes_return_the_same_frames() {
    let Some((_folder, path)) = made("clip.mp4", CLIP) else {
        return;
    };
    let mut video = open(&path).unwrap();
    let (streamed, error) = read(&mut *video);
    assert_eq!(error, None);
    let times: Vec<_> = streamed.iter().map(|(index, time_us, _)| (*index, *time_us)).collect();
    assert_eq!(times, (0..50).map(|i| (i, i * 50_000)).collect::<Vec<_>>());
    assert_eq!(video.count().unwrap(), 50);
    assert!(read(&mut *video).0 == streamed);
    video.select(&[3, 17, 18, 49]).unwrap();
    let (selected, error) = read(&mut *video);
    assert_eq!(error, None);
    assert!(selected == [3, 17, 18, 49].map(|index: usize| streamed[index].clone()));
}

#[test]
fn a_selection_may_be_empty_long_or_unfinished() {
    let Some((_folder, path)) = made("clip.mp4", CLIP) else {
        return;
    };
    let mut video = open(&path).unwrap();
    video.select(&[]).unwrap();
    assert!(read(&mut *video).0.is_empty());
    video.select(&(0..200).filter(|index| index % 10 != 3).collect::<Vec<_>>()).unwrap();
    assert_eq!(read(&mut *video).0.len(), 45);
    video.select(&[1, 2]).unwrap();
    assert_eq!(video.next_frame().unwrap().unwrap().index(), 1);
    video.select(&[40]).unwrap();
    assert_eq!(video.next_frame().unwrap().unwrap().index(), 40);
    assert!(video.next_frame().unwrap().is_none());
}

#[test]
fn frames_of_variable_rate_keep_their_times() {
    let Some((_folder, path)) = made("vfr.mp4", &format!("{CLIP} -vf select='lt(n,3)+gt(n,7)' -fps_mode vfr")) else {
        return;
    };
    let mut video = open(&path).unwrap();
    let times: Vec<u64> = read(&mut *video).0.iter().map(|frame| frame.1).take(5).collect();
    assert_eq!(times, [0, 50_000, 100_000, 400_000, 450_000]);
    video.select(&[3]).unwrap();
    assert_eq!(read(&mut *video).0[0].1, 400_000);
}

#[test]
fn a_path_is_neither_an_option_nor_a_protocol() {
    for name in ["-y.mp4", "concat:a.mp4", "a%03d.mp4", "ü 'b'.mp4"] {
        let Some((folder, path)) = made("clip.mp4", CLIP) else {
            return;
        };
        let renamed = folder.path().join(name);
        fs::rename(path, &renamed).unwrap();
        assert_eq!(open(&renamed).unwrap().count().unwrap(), 50, "{name}");
    }
}

#[test]
fn a_truncated_video_is_an_error_after_its_last_whole_frame() {
    for file in ["clip.mp4", "clip.mkv", "clip.avi", "clip.ts"] {
        let Some((_folder, path)) =
            made(file, &CLIP.replace("mpeg4", if file.ends_with("ts") { "mpeg2video" } else { "mpeg4" }))
        else {
            return;
        };
        let mut whole = open(&path).unwrap();
        let (frames, error) = read(&mut *whole);
        assert_eq!((frames.len(), error), (50, None), "{file}");
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() * 6 / 10]).unwrap();
        let mut video = open(&path).unwrap();
        let (cut, error) = read(&mut *video);
        let error = error.unwrap_or_else(|| panic!("{file}: no error after {} frames", cut.len()));
        assert!(error.contains("whole frames") && (5..45).contains(&cut.len()), "{file}: {error}");
        // A transport stream does not store picture lengths: the decoder completes the last one.
        let whole = if file == "clip.ts" { cut.len() - 1 } else { cut.len() };
        assert!(cut[..whole] == frames[..whole], "{file}: a frame that is not whole was lent");
        assert_eq!(video.count().unwrap(), cut.len() as u64, "{file}");
        video.select(&[1, 4]).unwrap();
        let (selected, after) = read(&mut *video);
        assert_eq!((selected.len(), after), (2, Some(error)), "{file}");
    }
}

#[test]
fn a_file_that_is_not_a_video_is_an_error_with_the_message_of_ffmpeg() {
    let Some((_folder, path)) = made("clip.mp4", &CLIP.replace(" -movflags +faststart", "")) else {
        return;
    };
    assert!(read_error(b"this is some text\nand no video\n").contains("bad.mp4: moov atom not found"));
    let bytes = fs::read(path).unwrap();
    assert!(read_error(&bytes[..bytes.len() / 2]).contains("moov atom not found"));
    let Some((_folder, path)) = made("tone.wav", "-f lavfi -i sine=duration=1") else {
        return;
    };
    let error = open(&path).unwrap().count().unwrap_err().to_string();
    assert!(error.contains("matches no streams"), "{error}");
}

#[test]
fn a_change_of_size_is_an_error_with_frame_and_sizes() {
    let clip = |size: &str| made("a.mjpeg", &format!("-f lavfi -i testsrc=size={size}:rate=20:duration=1"));
    let (Some((_a, small)), Some((_b, large))) = (clip("64x48"), clip("128x96")) else {
        return;
    };
    fs::write(&small, [fs::read(&small).unwrap(), fs::read(&large).unwrap()].concat()).unwrap();
    let mut video = open(&small).unwrap();
    let (frames, error) = read(&mut *video);
    let error = error.unwrap();
    assert!(error.contains("64x48") && error.contains("frame 20 of 128x96"), "{error}");
    assert_eq!(frames.len(), 20);
    assert_eq!(video.count().unwrap(), 20);
    video.select(&[19]).unwrap();
    assert_eq!(read(&mut *video).0.len(), 1);
}

#[test]
fn an_invalid_frame_size_is_an_error() {
    let Some((_folder, path)) = made("tiny.mkv", "-f lavfi -i testsrc=size=8x8:duration=1 -c:v ffv1") else {
        return;
    };
    assert!(read(&mut *open(&path).unwrap()).1.unwrap().contains("8x8"));
}

#[test]
fn a_stalled_stream_is_an_error() {
    if made("a.mjpeg", "-f lavfi -i testsrc=size=64x48:duration=0.1").is_none() {
        return;
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let options = SourceOptions { stall: Duration::from_millis(700), ..SourceOptions::default() };
    let mut video = figureground::source::open(url.as_ref(), &options).unwrap();
    assert!(video.is_live());
    assert!(video.count().unwrap_err().to_string().contains("which is live"));
    assert!(video.select(&[0]).is_err());
    let start = Instant::now();
    let error = video.next_frame().unwrap_err().to_string();
    assert!(error.contains("within 700.0ms") && start.elapsed() < Duration::from_secs(5), "{error}");
}

#[test]
fn dropping_a_video_ends_its_ffmpeg() {
    let long = CLIP.replace("2.5", "30");
    let Some((_folder, path)) = made("clip.mp4", &long) else {
        return;
    };
    let mut video = open(&path).unwrap();
    video.next_frame().unwrap();
    let start = Instant::now();
    drop(video);
    assert!(start.elapsed() < Duration::from_secs(5));
}
