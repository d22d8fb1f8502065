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
    for name in ["-y.mp4", "concat:a.mp4", "a%03d.mp4", "ü 'b'.mp4", "a\n[error] b.mp4"] {
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
    let error = read_error(b"this is some text\nand no video\n");
    assert!(error.contains("bad.mp4: no video that can be decoded; ffmpeg says: moov atom not found"), "{error}");
    let bytes = fs::read(path).unwrap();
    assert!(read_error(&bytes[..bytes.len() / 2]).contains("moov atom not found"));
    let Some((_folder, path)) = made("tone.wav", "-f lavfi -i sine=duration=1") else {
        return;
    };
    let error = open(&path).unwrap().count().unwrap_err().to_string();
    assert!(error.contains("no video stream: sound only, or cover art; ffmpeg says:"), "{error}");
}

#[test]
fn frames_of_another_size_or_format_are_lent_as_they_are() {
    let clip = |more: &str| made("a.mjpeg", &format!("-f lavfi -i testsrc={more}"));
    let one = "size=64x48:rate=20:duration=1 -pix_fmt yuvj420p -q:v 2";
    for other in ["size=128x96:rate=20:duration=1", "size=64x48:rate=20:duration=1 -pix_fmt yuvj444p -q:v 2"] {
        let (Some((_a, first)), Some((_b, second))) = (clip(one), clip(other)) else {
            return;
        };
        let whole = [&first, &second].map(|path| read(&mut *open(path).unwrap()).0);
        // Alternating, the filters of ffmpeg begin anew more than once.
        let parts = [&first, &second, &first].map(|path| fs::read(path).unwrap());
        fs::write(&first, parts.concat()).unwrap();
        let expected: Vec<&Vec<u8>> =
            [0, 1, 0].iter().flat_map(|clip| whole[*clip].iter().map(|frame| &frame.2)).collect();
        let mut video = open(&first).unwrap();
        assert_eq!(video.count().unwrap(), 60, "{other}");
        assert!(read(&mut *video).0.iter().map(|frame| &frame.2).eq(expected.iter().copied()), "{other}");
        let indices = [3, 19, 20, 33, 41, 59];
        let count = video.sample(&mut |_| indices.to_vec()).unwrap();
        let (sampled, error) = read(&mut *video);
        assert_eq!((count, error), (60, None), "{other}");
        assert_eq!(sampled.iter().map(|frame| frame.0).collect::<Vec<_>>(), indices, "{other}");
        assert!(sampled.iter().zip(indices).all(|(frame, index)| &frame.2 == expected[index as usize]), "{other}");
    }
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

/// Returns the frames that one pass samples, after checking that all other ways give the same.
fn sampled(path: &std::path::Path, indices: &[u64]) -> (u64, Vec<OwnedFrame>) {
    let mut video = open(path).unwrap();
    let count = video.sample(&mut |_| indices.to_vec()).unwrap();
    let (frames, error) = read(&mut *video);
    assert_eq!(error, None);
    let mut slow = open(path).unwrap();
    assert_eq!(slow.count().unwrap(), count);
    slow.select(indices).unwrap();
    assert!(read(&mut *slow).0 == frames, "sampling and selecting differ");
    (count, frames)
}

#[test]
fn a_sampled_file_is_decoded_once_and_gives_the_same_frames() {
    for codec in
        ["mpeg4 -q:v 3", "libx264 -bf 2 -g 12", "libx265 -g 12 -x265-params log-level=error", "mjpeg", "prores"]
    {
        let file = if codec == "prores" { "clip.mov" } else { "clip.mp4" };
        let Some((_folder, path)) = made(file, &CLIP.replace("mpeg4 -q:v 3", codec)) else {
            return;
        };
        let (count, frames) = sampled(&path, &[3, 17, 18, 49]);
        assert_eq!((count, frames.len()), (50, 4), "{codec}");
        assert_eq!(frames.iter().map(|frame| frame.1).collect::<Vec<_>>(), [150_000, 850_000, 900_000, 2_450_000]);
    }
}

#[test]
fn every_way_of_storing_times_gives_the_same_frames_in_one_pass_and_in_two() {
    let h264 = CLIP.replace("mpeg4 -q:v 3", "libx264 -bf 3 -g 8");
    for (file, more) in [
        ("one.mp4", "-frames:v 1"),
        ("negative_offsets.mp4", "-movflags negative_cts_offsets"),
        ("fragments.mp4", "-movflags frag_keyframe+empty_moov"),
        ("late.mp4", "-output_ts_offset 3"),
        ("negative.mkv", "-avoid_negative_ts disabled -output_ts_offset -2"),
        ("interlaced.mp4", "-flags +ildct+ilme"),
        ("open.mov", "-x264-params open-gop=1:b-pyramid=normal"),
        ("variable.mp4", "-vf select='lt(n,3)+gt(n,7)' -fps_mode vfr"),
        ("turned.mp4", "-metadata:s:v rotate=90"),
        ("hidden.webm", "-c:v libvpx-vp9 -bf 0 -auto-alt-ref 1 -lag-in-frames 16 -cpu-used 8"),
    ] {
        let Some((_folder, path)) = made(file, &format!("{h264} {more}")) else { return };
        let count = open(&path).unwrap().count().unwrap();
        let last = count - 1;
        let mut indices = vec![0, last / 3, last / 2, last];
        indices.dedup();
        let (sampled_count, frames) = sampled(&path, &indices);
        assert_eq!((sampled_count, frames.len()), (count, indices.len()), "{file}");
        assert!(frames.is_sorted_by(|a, b| a.1 <= b.1) && frames[0].1 == 0, "{file}");
    }
}

#[test]
fn a_hundred_thousand_frames_are_counted_and_sampled() {
    let frames = "-f lavfi -i color=size=16x16:rate=1000:duration=100 -c:v mpeg4 -g 500";
    let Some((_folder, path)) = made("long.mp4", frames) else { return };
    let mut video = open(&path).unwrap();
    let indices = [5, 50_000, 99_999];
    assert_eq!(video.sample(&mut |_| indices.to_vec()).unwrap(), 100_000);
    let (frames, error) = read(&mut *video);
    assert_eq!((frames.iter().map(|frame| frame.0).collect::<Vec<_>>(), error), (indices.to_vec(), None));
}

#[test]
fn a_long_file_is_read_by_its_groups_of_pictures() {
    let Some((_folder, path)) = made(
        "long.mp4",
        "-f lavfi -i testsrc=size=320x240:rate=25:duration=120 -c:v libx264 -preset ultrafast -bf 2 -g 50",
    ) else {
        return;
    };
    let (count, frames) = sampled(&path, &[10, 49, 50, 1400, 2999]);
    assert_eq!((count, frames.len()), (3000, 5));
}

#[test]
fn a_container_that_lists_other_frames_is_noticed() {
    // An edit list that hides the first second, and one whose list of frames is longer than its data.
    let Some((_folder, path)) = made("clip.mp4", &CLIP.replace("mpeg4 -q:v 3", "libx264 -bf 2 -g 10")) else {
        return;
    };
    let cut = path.with_file_name("cut.mp4");
    let arguments = ["-v", "error", "-ss", "1.02", "-i", path.to_str().unwrap(), "-c", "copy", cut.to_str().unwrap()];
    assert!(Command::new("ffmpeg").args(arguments).status().unwrap().success());
    let mut video = open(&cut).unwrap();
    let count = video.sample(&mut |count| vec![0, count - 1]).unwrap();
    assert_eq!(count, open(&cut).unwrap().count().unwrap());
    assert_eq!(read(&mut *video).0.len(), 2);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() * 7 / 10]).unwrap();
    let mut asked = Vec::new();
    let mut video = open(&path).unwrap();
    let count = video.sample(&mut |count| {
        asked.push(count);
        vec![0, count - 1]
    });
    assert!(asked.len() == 2 && asked[0] == 50 && asked[1] == count.unwrap() && asked[1] < 50, "{asked:?}");
    let (frames, error) = read(&mut *video);
    assert!(frames.len() == 2 && error.is_some_and(|error| error.contains("pictures lost after")));
}

#[test]
fn pixels_of_more_than_8_bits_are_the_rgb_of_ffmpeg() {
    let formats = [
        ("a.mp4", "libx264 -pix_fmt yuv420p10le"),
        ("a.mp4", "libx265 -pix_fmt yuv420p10le -x265-params log-level=error"),
        ("a.mov", "prores -pix_fmt yuv422p10le"),
        ("a.mkv", "ffv1 -pix_fmt yuv444p16le"),
        ("a.mkv", "ffv1 -pix_fmt gray12le"),
    ];
    for (file, format) in formats {
        let arguments = format!("-f lavfi -i testsrc2=size=64x48:rate=10:duration=0.5 -c:v {format}");
        let Some((_folder, path)) = made(file, &arguments) else { return };
        let (count, frames) = sampled(&path, &[0, 4]);
        assert_eq!(count, 5, "{format}");
        let raw = Command::new("ffmpeg")
            .args(["-v", "error", "-i", path.to_str().unwrap(), "-pix_fmt", "rgb24", "-f", "rawvideo", "-"])
            .output()
            .unwrap()
            .stdout;
        assert!(frames[1].2 == raw[4 * 3 * 64 * 48..], "{format}");
    }
}

#[test]
fn a_high_dynamic_range_is_mapped_to_the_standard_one() {
    let color = " -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc";
    let clip = |more: &str| {
        let grey = "-f lavfi -i color=c=0xB0B0B0:size=64x48:rate=10:duration=0.3 -c:v libx265 \
                    -x265-params log-level=error -pix_fmt";
        made("a.mp4", &format!("{grey} yuv420p10le{more}"))
    };
    let (Some((_a, plain)), Some((_b, pq))) = (clip(""), clip(color)) else { return };
    let level = |path: &std::path::Path| {
        let mut video = open(path).unwrap();
        video.sample(&mut |_| vec![1]).unwrap();
        let frames = read(&mut *video).0;
        frames[0].2[3 * (24 * 64 + 32)]
    };
    assert!(level(&plain).abs_diff(0xB0) < 4);
    // A code of 0xB0 of 0xFF in PQ is about 450 candelas per square metre, brighter than the standard white.
    assert!(level(&pq) > 220, "{}", level(&pq));
}

#[test]
fn pixels_that_are_not_square_are_stretched_unless_asked_not_to() {
    let Some((_folder, path)) = made("a.mp4", &format!("{CLIP} -vf setsar=2/1")) else { return };
    let width = |stretch: bool| {
        let options = SourceOptions { stretch, ..SourceOptions::default() };
        let mut video = figureground::source::open(path.as_os_str(), &options).unwrap();
        let frame = video.next_frame().unwrap().unwrap();
        (frame.width(), frame.height())
    };
    assert_eq!((width(true), width(false)), ((256, 96), (128, 96)));
}

#[test]
fn the_default_video_is_read_and_sound_has_no_say() {
    let Some((folder, path)) = made("a.mp4", CLIP) else { return };
    let two = folder.path().join("two.mkv");
    let inputs =
        "-f lavfi -i color=c=red:size=64x48:rate=20:duration=1 -f lavfi -i color=c=blue:size=64x48:rate=20:duration=2";
    let maps = "-map 0 -map 1 -c:v ffv1 -disposition:v:0 0 -disposition:v:1 default";
    let made =
        Command::new("ffmpeg").args(["-v", "error"]).args(inputs.split(' ')).args(maps.split(' ')).arg(&two).status();
    assert!(made.unwrap().success());
    let mut video = open(&two).unwrap();
    assert_eq!(video.count().unwrap(), 40);
    let blue = video.next_frame().unwrap().unwrap().pixels()[2];
    assert!(blue > 200);
    // Sound whose every packet is damaged.
    let sounding = folder.path().join("sound.avi");
    let sound = "-f lavfi -i sine=duration=2.5 -map 0:v -map 1:a -c:v copy -c:a mp2 -bsf:a noise=amount=1";
    let made =
        Command::new("ffmpeg").args(["-v", "error", "-i"]).arg(&path).args(sound.split(' ')).arg(&sounding).status();
    assert!(made.unwrap().success());
    let (frames, error) = read(&mut *open(&sounding).unwrap());
    assert_eq!((frames.len(), error), (50, None));
}

#[test]
fn a_recording_that_begins_between_key_frames_loses_nothing() {
    let Some((_folder, path)) = made("a.ts", &CLIP.replace("mpeg4 -q:v 3", "libx264 -g 10 -bf 0")) else { return };
    let bytes = fs::read(&path).unwrap();
    let packets = bytes.len() / 188;
    fs::write(&path, &bytes[188 * (packets / 5)..]).unwrap();
    let (frames, error) = read(&mut *open(&path).unwrap());
    assert!((20..50).contains(&frames.len()), "{}", frames.len());
    assert_eq!(error, None);
}

#[test]
fn a_list_of_other_files_is_no_video() {
    let Some((folder, path)) = made("secret.ts", &CLIP.replace("mpeg4", "mpeg2video")) else { return };
    for list in
        ["#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:2.5,\nsecret.ts\n", "ffconcat version 1.0\nfile secret.ts\n"]
    {
        let listed = folder.path().join("clip.mp4");
        fs::write(&listed, list).unwrap();
        let error = read(&mut *open(&listed).unwrap()).1.unwrap();
        assert!(error.contains("list of other files") || error.contains("no video"), "{error}");
    }
    drop(path);
}

#[test]
fn a_url_of_this_machine_is_its_file() {
    let Some((folder, path)) = made("a.mp4", CLIP) else { return };
    let spaced = folder.path().join("a b%.mp4");
    fs::rename(path, &spaced).unwrap();
    let escaped = spaced.to_str().unwrap().replace('%', "%25").replace(' ', "%20");
    for url in [format!("file://{escaped}"), format!("file:{escaped}"), format!("FILE://localhost{escaped}")] {
        assert_eq!(open(&url).unwrap().count().unwrap(), 50, "{url}");
    }
}
