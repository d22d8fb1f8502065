//! Tests of `figureground run` as a program: every kind of source, every kind of exit.

use figureground::frame::FrameBuffer;
use figureground::source::{self, SourceOptions};
use figureground_tests::program::{Ended, Workspace, assert_agree, demo, fixture, interrupt, near, verdict};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Probabilities of the same RGB differ by at most this.
const SAME_RGB: f64 = 1e-3;
/// Probabilities with a colour conversion in between differ by at most this.
const CONVERTED: f64 = 3e-2;
/// Frames per second of the demo clip.
const FPS: &str = "12.5";

/// Returns the frames of the demo clip.
fn frames() -> Vec<FrameBuffer> {
    let mut source = source::open(demo().as_os_str(), &SourceOptions::default()).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = source.next_frame().unwrap() {
        frames.push(FrameBuffer::default());
        frames.last_mut().unwrap().copy_from(&frame);
    }
    assert_eq!(frames.len(), 32);
    frames
}

/// Writes the frames as PNG files into `folder`, numbered without padding.
fn write_pictures(frames: &[FrameBuffer], folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    for (i, frame) in frames.iter().enumerate() {
        let frame = frame.frame().unwrap();
        let picture = image::RgbImage::from_raw(frame.width(), frame.height(), frame.pixels().to_vec()).unwrap();
        picture.save(folder.join(format!("{i}.png"))).unwrap();
    }
}

/// Returns the header of [`y4m`].
fn y4m_header(frame: &FrameBuffer) -> Vec<u8> {
    let frame = frame.frame().unwrap();
    format!("YUV4MPEG2 W{} H{} F25:2 Ip A1:1 C444\n", frame.width(), frame.height()).into_bytes()
}

/// Returns one frame of Y4M, 4:4:4, BT.601 in limited range.
fn y4m_frame(frame: &FrameBuffer) -> Vec<u8> {
    let mut bytes = b"FRAME\n".to_vec();
    let pixels = frame.frame().unwrap().pixels();
    for [offset, red, green, blue] in
        [[16.0, 65.481, 128.553, 24.966], [128.0, -37.797, -74.203, 112.0], [128.0, 112.0, -93.786, -18.214]]
    {
        let sample = |rgb: &[u8]| {
            let [r, g, b] = [rgb[0], rgb[1], rgb[2]].map(|v| f64::from(v) / 255.0);
            (offset + red * r + green * g + blue * b).round() as u8
        };
        bytes.extend(pixels.chunks_exact(3).map(sample));
    }
    bytes
}

/// Returns the frames as Y4M.
fn y4m(frames: &[FrameBuffer]) -> Vec<u8> {
    let mut bytes = y4m_header(&frames[0]);
    frames.iter().for_each(|frame| bytes.extend(y4m_frame(frame)));
    bytes
}

/// Returns a verdict without the timings, which differ between runs.
fn without_timing(mut verdict: Value) -> Value {
    for field in ["timing_us", "at", "run"] {
        assert!(verdict.as_object_mut().unwrap().remove(field).is_some(), "{field}");
    }
    verdict
}

#[test]
fn a_clip_gets_the_same_verdict_from_every_kind_of_source() {
    let workspace = Workspace::new();
    let frames = frames();
    write_pictures(&frames, &workspace.path("pictures"));
    let bytes = y4m(&frames);
    workspace.write("clip.y4m", &bytes);
    let gif = workspace.run([demo()]).succeeded().verdict();
    assert_eq!(gif["frames"], serde_json::json!([2, 6, 10, 14, 18, 22, 26, 30]), "int(i N/T + N/T/2)");
    assert_eq!(gif["time_us"], serde_json::json!([160_000, 2_400_000]));
    assert_eq!(gif["source"], demo().to_str().unwrap());
    assert!(gif["frames_with_person"].as_u64().unwrap() == 8 && gif["person_area"].as_f64().unwrap() > 0.05);
    let folder = workspace.run(["pictures", "--fps", FPS]).succeeded().verdict();
    assert_agree(&gif, &folder, SAME_RGB);
    assert_eq!(gif["time_us"], folder["time_us"]);
    let file = workspace.run(["clip.y4m"]).succeeded().verdict();
    assert_agree(&gif, &file, CONVERTED);
    assert_eq!(gif["time_us"], file["time_us"]);
    let pipe = workspace.run_with_stdin(&bytes, &["-"]).succeeded().verdict();
    assert_agree(&file, &pipe, 0.0);
    assert_eq!(pipe["source"], "-");
}

#[test]
fn without_a_source_run_is_a_usage_error_that_names_the_demo() {
    let workspace = Workspace::new();
    let words = ["a source", "camera:0", "`figureground demo`"];
    workspace.refuses(["run"], "command", &words);
    // The outputs are left alone.
    workspace.refuses(["run", "--lines", "verdicts.jsonl", "--overlay", "pictures"], "command", &words);
    // An unset variable in quotes.
    workspace.refuses(["run", ""], "command", &["an empty argument", "variable", "`figureground demo`"]);
    assert!(workspace.figureground(["run", "--print-config"]).succeeded().stdout.contains("sources = []"));
}

#[test]
fn a_source_after_a_live_one_is_refused_by_its_name() {
    let workspace = Workspace::new();
    let (first, second) = ("rtsp://user:hunter2@127.0.0.1:9/a", "rtsp://127.0.0.1:9/b");
    let ended = workspace.refuses(["run", first, second], "command", &["rtsp://***:***@127.0.0.1:9/a", second]);
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    workspace.refuses(["run", "camera:0", "clip.gif"], "command", &["camera:0", "got clip.gif"]);
    workspace.refuses(["run", "clip.gif", "camera:0", "camera:1"], "command", &["camera:0", "got camera:1"]);
    // A file may have such a name, and clips may precede a live source.
    std::fs::copy(demo(), workspace.path("camera:0.gif")).unwrap();
    assert_eq!(workspace.run(["camera:0.gif", "camera:0.gif"]).succeeded().verdicts().len(), 2);
    let ended = workspace.run(["camera:0.gif", "rtsp://127.0.0.1:9/a", "--stall-timeout", "2", "--wait", "0"]);
    assert_eq!((ended.code, ended.verdict()["source"].as_str()), (Some(2), Some("camera:0.gif")), "{ended:#?}");
}

#[test]
fn an_address_after_page_and_a_space_is_refused_with_the_right_spelling() {
    let workspace = Workspace::new();
    for address in ["0.0.0.0:8088", "8088", "localhost", "localhost:8088"] {
        let advice = format!("--page={address}");
        workspace.refuses(["run", "camera:0", "--page", address], "command", &[address, &advice]);
        workspace.refuses(["run", "--page", address], "command", &[&advice]);
    }
    workspace.refuses(["run", "8088"], "source", &["8088"]);
}

#[test]
fn without_a_bundle_the_built_in_one_accepts_the_demo_clip_by_the_person() {
    let workspace = Workspace::new();
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/demo/out-of-context.gif");
    let ended = workspace.figureground([Path::new("run"), &clip]).succeeded();
    let verdict = ended.verdict();
    assert_eq!((&verdict["verdict"], &verdict["explained_by"]), (&"accept".into(), &"person".into()));
    assert_eq!(verdict["calibrated"], "labels");
    assert_ne!(verdict["label"], verdict["background_view"][0]["label"], "the background says another label");
    assert_eq!(verdict["label"], verdict["person_view"][0]["label"], "the person supports it");
}

#[test]
fn one_picture_is_a_clip_with_one_frame_repeated() {
    let workspace = Workspace::new();
    write_pictures(&frames()[..2], &workspace.path("pictures"));
    let ended = workspace.run(["pictures/0.png"]).succeeded();
    let verdict = ended.verdict();
    assert_eq!(verdict["frames"], serde_json::json!([0, 0, 0, 0, 0, 0, 0, 0]));
    assert_eq!(verdict["distinct_frames"], 1);
    assert_ne!(verdict["reason"], "too-few-frames", "a still picture is exempt");
    assert_eq!(ended.stderr, "", "a picture is one frame");
    let verdict = workspace.run(["pictures"]).succeeded().verdict();
    assert_eq!(verdict["frames"], serde_json::json!([0, 0, 0, 0, 1, 1, 1, 1]));
    assert_eq!((&verdict["distinct_frames"], &verdict["reason"]), (&2.into(), &"too-few-frames".into()));
}

#[test]
fn several_sources_and_globs_give_one_line_each_in_order() {
    let workspace = Workspace::new();
    for name in ["clip10.gif", "clip2.gif", "other.gif"] {
        std::fs::copy(demo(), workspace.path(name)).unwrap();
    }
    let sources = |ended: Ended| -> Vec<String> {
        ended.succeeded().verdicts().iter().map(|v| v["source"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(sources(workspace.run(["other.gif", "clip2.gif"])), ["other.gif", "clip2.gif"]);
    assert_eq!(sources(workspace.run(["clip*.gif"])), ["clip2.gif", "clip10.gif"]);
}

#[test]
fn an_unreadable_source_does_not_stop_the_others() {
    let workspace = Workspace::new();
    let ended = workspace.run([PathBuf::from("nowhere.gif"), demo()]).refused("source", &["nowhere.gif"]);
    assert_eq!(ended.verdict()["source"], demo().to_str().unwrap());
}

#[test]
fn sliding_windows_step_by_their_stride_and_overlap() {
    let workspace = Workspace::new();
    let verdicts =
        workspace.run([demo().to_str().unwrap(), "--window", "1", "--stride", "0.25"]).succeeded().verdicts();
    // 2.48 s of frames hold the windows that end at 1.0, 1.25, ... 2.25.
    assert!((6..=7).contains(&verdicts.len()), "{} windows", verdicts.len());
    for (i, verdict) in verdicts.iter().enumerate() {
        let frames: Vec<f64> = verdict["frames"].as_array().unwrap().iter().map(|f| f.as_f64().unwrap()).collect();
        assert_eq!(frames.len(), 8);
        for (place, frame) in frames.iter().enumerate() {
            let centre = 0.25 * i as f64 + (place as f64 + 0.5) / 8.0;
            assert!((frame * 0.08 - centre).abs() <= 0.041, "window {i}, place {place}: frame {frame}");
        }
    }
}

#[test]
fn tau_sets_the_threshold_and_fail_flagged_the_exit_code() {
    let workspace = Workspace::new();
    let run = |arguments: &[&str]| {
        let ended = workspace.run([&[demo().to_str().unwrap(), "--json"], arguments].concat());
        (ended.code, ended.verdict()["verdict"].as_str().unwrap().to_owned())
    };
    assert_eq!(run(&["--tau", "-100"]), (Some(0), "flag".to_owned()));
    assert_eq!(run(&["--tau", "-100", "--fail-flagged"]), (Some(1), "flag".to_owned()));
    assert_eq!(run(&["--tau", "100", "--fail-flagged"]), (Some(0), "accept".to_owned()));
}

#[test]
fn a_run_is_reproducible_and_threads_change_it_only_slightly() {
    let workspace = Workspace::new();
    let run = |threads: &str| without_timing(workspace.run([demo().to_str().unwrap(), "--threads", threads]).verdict());
    let two = run("2");
    assert_eq!(two, run("2"));
    let one = run("1");
    assert_agree(&one, &two, 1e-4);
    assert!(near(&one["attribution"]["value"], &two["attribution"]["value"], 1e-3));
}

#[test]
fn a_path_may_begin_with_a_dash() {
    let workspace = Workspace::new();
    std::fs::copy(demo(), workspace.path("-x.gif")).unwrap();
    assert_eq!(workspace.run(["--", "-x.gif"]).succeeded().verdict()["source"], "-x.gif");
    assert_eq!(workspace.run(["./-x.gif"]).succeeded().verdict()["source"], "./-x.gif");
}

#[test]
fn a_closed_stdout_is_not_an_error() {
    let workspace = Workspace::new();
    let mut command = workspace.run_command();
    command.args([&demo(); 3]).args(["--window", "0.3", "--stride", "0.04"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    drop(stdout);
    verdict(line.trim_end());
    Ended::of(child.wait_with_output().unwrap()).succeeded();
}

/// Feeds an endless stream to `run - arguments`, sends ctrl-C after `lines` lines, and returns the result and the time
/// until the exit. The stream continues if `continues`, and stalls otherwise.
fn interrupted(workspace: &Workspace, arguments: &[&str], lines: usize, continues: bool) -> (Ended, Duration) {
    let mut command = workspace.run_command();
    command.arg("-").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let frames = frames();
    stdin.write_all(&y4m_header(&frames[0])).unwrap();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let feeder = std::thread::spawn(move || {
        for frame in frames.iter().cycle() {
            let is_stopped = stopped.recv_timeout(Duration::from_millis(5)).is_ok();
            if is_stopped && !continues {
                break;
            }
            if stdin.write_all(&y4m_frame(frame)).is_err() {
                return;
            }
        }
        // The pipe stays open.
        let _ = stopped.recv();
    });
    let mut text = String::new();
    (0..lines).for_each(|_| assert!(stdout.read_line(&mut text).unwrap() > 0, "{text}"));
    if lines == 0 {
        std::thread::sleep(Duration::from_millis(700));
    }
    stop.send(()).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    interrupt(&child);
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > Duration::from_secs(10) {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let took = began.elapsed();
    drop(stop);
    feeder.join().unwrap();
    std::io::Read::read_to_string(&mut stdout, &mut text).unwrap();
    let mut ended = Ended::of(child.wait_with_output().unwrap());
    ended.stdout = text;
    (ended, took)
}

#[test]
fn ctrl_c_in_a_stream_ends_it_with_whole_lines() {
    let workspace = Workspace::new();
    let (ended, took) = interrupted(&workspace, &["--window", "0.5"], 2, true);
    assert_eq!((ended.code, took < Duration::from_secs(5)), (Some(130), true), "{took:?} {ended:#?}");
    assert!(ended.verdicts().len() >= 2);
}

#[test]
fn ctrl_c_ends_a_stalled_stream() {
    let workspace = Workspace::new();
    let (ended, took) = interrupted(&workspace, &["--window", "0.5"], 1, false);
    assert_eq!((ended.code, took < Duration::from_secs(5)), (Some(130), true), "{took:?} {ended:#?}");
    assert!(!ended.verdicts().is_empty());
}

#[test]
fn ctrl_c_ends_the_spooling_of_an_endless_pipe() {
    let workspace = Workspace::new();
    let (ended, took) = interrupted(&workspace, &[], 0, true);
    assert_eq!((ended.code, took < Duration::from_secs(5)), (Some(130), true), "{took:?} {ended:#?}");
    assert_eq!(ended.stdout, "");
}

#[test]
fn a_truncated_clip_has_a_line_and_an_error() {
    let workspace = Workspace::new();
    let bytes = y4m(&frames());
    let frame = y4m_frame(&frames()[0]).len();
    let whole = workspace.run_with_stdin(&bytes[..bytes.len() - 2 * frame], &["-"]).succeeded().verdict();
    let truncated = workspace.run_with_stdin(&bytes[..bytes.len() - 2 * frame + 100], &["-"]);
    let truncated = truncated.refused("source", &["after 30 whole frames"]);
    assert_agree(&whole, &truncated.verdict(), 0.0);
}

#[test]
fn fewer_than_half_distinct_frames_are_no_verdict() {
    let workspace = Workspace::new();
    let verdict = |count: usize| workspace.run_with_stdin(&y4m(&frames()[..count]), &["-"]).succeeded().verdict();
    let few = verdict(3);
    assert_eq!(few["frames"], serde_json::json!([0, 0, 0, 1, 1, 2, 2, 2]));
    assert_eq!((&few["distinct_frames"], &few["reason"]), (&3.into(), &"too-few-frames".into()));
    let enough = verdict(4);
    assert_eq!(enough["distinct_frames"], 4);
    assert_ne!(enough["reason"], "too-few-frames");
}

#[test]
fn a_folder_of_mask_pictures_is_a_clip() {
    let workspace = Workspace::new();
    let verdict = workspace.run([fixture("demo/masks")]).succeeded().verdict();
    assert_eq!(verdict["frames"].as_array().unwrap().len(), 8);
}
