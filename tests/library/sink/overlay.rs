//! Overlay pictures.

use figureground::Result;
use figureground::bundle::Bundle;
use figureground::engine::{Backend, BackendOptions, Precision};
use figureground::gate::{AbstainReason, FlagReason, Judgement, Verdict};
use figureground::pipeline::{FrameRecording, Pipeline, Window, WindowResult};
use figureground::sink::overlay::Overlay;
use figureground::source;
use figureground_tests::tiny_bundle;
use image::AnimationDecoder;
use std::fs;
use std::ops::ControlFlow;
use std::process::Command;
use tempfile::TempDir;

const FLAG: Verdict = Verdict::Flag(FlagReason::BackgroundDominates);
/// Size of a sheet with views of 80x80, those of the built-in bundle.
const SHEET: (u32, u32) = (1016, 416);

/// Gives `test` the result of the demo clip.
fn with_result(bundle: &Bundle, recording: FrameRecording, test: impl FnOnce(&WindowResult<'_>)) {
    let options = BackendOptions { backend: Backend::Cpu, precision: Precision::F32, threads: 1 };
    let mut pipeline = Pipeline::load(bundle, &options, recording).unwrap();
    let mut test = Some(test);
    let mut on_window = |result: &WindowResult<'_>| {
        test.take().unwrap()(result);
        Ok(ControlFlow::Continue(()))
    };
    assert_eq!(pipeline.watch(&mut *source::demo().unwrap(), Window::Clip, &mut on_window).unwrap(), 1);
}

/// Gives `test` a result with the views of the built-in bundle.
fn with_views(test: impl FnOnce(&WindowResult<'_>)) {
    with_result(&Bundle::built_in().unwrap(), FrameRecording::On, test);
}

/// A window of other frames with the views of `result`; views without a frame are not drawn.
struct OtherWindow<'a> {
    result: &'a WindowResult<'a>,
    names: Vec<String>,
    judgement: Judgement,
    frames: &'a [u64],
}

impl<'a> OtherWindow<'a> {
    fn new(result: &'a WindowResult<'a>, label: &str, frames: &'a [u64]) -> Self {
        let mut judgement = result.judgement;
        (judgement.label, judgement.verdict) = (0, FLAG);
        Self { result, names: vec![label.to_owned()], judgement, frames }
    }

    fn draw(&self, overlay: &mut Overlay, source: &str) -> Result<()> {
        let times_us: Vec<u64> = self.frames.iter().map(|frame| frame * 40_000).collect();
        overlay.draw(
            source,
            &WindowResult {
                names: &self.names,
                judgement: self.judgement,
                visibility: self.result.visibility,
                frames: self.frames,
                times_us: &times_us,
                at: self.result.at,
                logits: self.result.logits,
                top: self.result.top.clone(),
                backend: self.result.backend,
                timing: self.result.timing,
                pictures: self.result.pictures,
            },
        )
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn files(folder: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn has_ffmpeg() -> bool {
    let found = Command::new("ffmpeg").arg("-version").output().is_ok();
    if !found {
        eprintln!("SKIPPED: this test needs ffmpeg: apt-get install ffmpeg");
    }
    found
}

#[test]
fn a_gif_holds_each_frame_of_overlapping_windows_once() {
    let folder = folder();
    let path = folder.path().join("out.GIF");
    let mut overlay = Overlay::create(&path).unwrap();
    with_views(|result| {
        OtherWindow::new(result, "waving", &[0, 10, 20, 30]).draw(&mut overlay, "a.mp4").unwrap();
        OtherWindow::new(result, "waving", &[10, 20, 30, 40]).draw(&mut overlay, "a.mp4").unwrap();
        OtherWindow::new(result, "waving", &[5, 5, 6]).draw(&mut overlay, "b.mp4").unwrap();
    });
    assert!(!path.exists(), "it is written to a temporary file first");
    overlay.finish().unwrap();
    assert_eq!(files(&folder), ["out.GIF"]);
    let decoder = image::codecs::gif::GifDecoder::new(std::io::BufReader::new(fs::File::open(&path).unwrap())).unwrap();
    let frames = decoder.into_frames().collect_frames().unwrap();
    assert_eq!(frames.len(), 5 + 2);
    assert_eq!(frames[1].delay().numer_denom_ms().0, 400);
    assert_eq!(frames[0].buffer().dimensions(), SHEET);
}

#[test]
fn an_mp4_repeats_frames_for_their_duration() {
    if !has_ffmpeg() {
        return;
    }
    let folder = folder();
    let path = folder.path().join("out.mp4");
    let mut overlay = Overlay::create(&path).unwrap();
    with_views(|result| OtherWindow::new(result, "waving", &[0, 10, 20]).draw(&mut overlay, "a.mp4").unwrap());
    overlay.finish().unwrap();
    assert_eq!(files(&folder), ["out.mp4"]);
    let log = Command::new("ffmpeg").arg("-i").arg(&path).args(["-f", "null", "-"]).output().unwrap().stderr;
    let log = String::from_utf8_lossy(&log);
    let size = format!("{}x{}", SHEET.0, SHEET.1);
    assert!(log.contains("yuv420p") && log.contains(&size) && log.contains("frame=   12"), "{log}");
}

#[test]
fn a_folder_holds_one_picture_per_frame_under_a_safe_name() {
    let parent = folder();
    let path = parent.path().join("pictures");
    let mut overlay = Overlay::create(&path).unwrap();
    with_views(|result| {
        OtherWindow::new(result, "waving", &[3, 70]).draw(&mut overlay, "clips/wave hello.v2.mp4").unwrap();
        let address = "rtsp://me:secret@host/..?key=secret";
        OtherWindow::new(result, "waving", &[9]).draw(&mut overlay, address).unwrap();
    });
    overlay.finish().unwrap();
    let mut names: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["_.-w0002-f000009.png", "wave_hello.v2-w0001-f000003.png", "wave_hello.v2-w0001-f000070.png"]);
    assert_eq!(image::open(path.join(&names[1])).unwrap().to_rgb8().dimensions(), SHEET);
}

#[test]
fn without_finish_no_file_is_left() {
    let parent = folder();
    with_views(|result| {
        for name in ["out.gif", "out.mp4"] {
            if name == "out.mp4" && !has_ffmpeg() {
                continue;
            }
            let mut overlay = Overlay::create(&parent.path().join(name)).unwrap();
            OtherWindow::new(result, "waving", &[0, 10]).draw(&mut overlay, "a.mp4").unwrap();
            drop(overlay);
            assert_eq!(files(&parent), [""; 0], "{name}");
        }
    });
    drop(Overlay::create(&parent.path().join("pictures")).unwrap());
    assert_eq!(files(&parent), [""; 0]);
}

#[test]
fn an_empty_overlay_is_an_error_and_keeps_the_old_file() {
    let folder = folder();
    let path = folder.path().join("out.gif");
    fs::write(&path, "before").unwrap();
    let error = Overlay::create(&path).unwrap().finish().unwrap_err();
    assert!(error.to_string().contains("at least one window"), "{error}");
    let mut overlay = Overlay::create(&path).unwrap();
    with_result(&Bundle::built_in().unwrap(), FrameRecording::Off, |result| {
        assert!(overlay.draw("a", result).unwrap_err().to_string().contains("FrameRecording::On"));
    });
    drop(overlay);
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), files(&folder).len()), ("before", 1));
}

#[test]
fn other_extensions_and_missing_directories_are_refused() {
    let folder = folder();
    let refused = |name: &str| Overlay::create(&folder.path().join(name)).unwrap_err().to_string();
    assert!(refused("a.avi").contains("got .avi; choose a .gif or .mp4 file"));
    assert!(refused("missing/a.gif").contains("mkdir -p"));
    fs::write(folder.path().join("file"), "").unwrap();
    assert!(refused("file").contains("a directory"));
    assert_eq!(files(&folder), ["file"]);
}

#[test]
fn a_change_of_size_is_an_error_in_a_file() {
    let folder = folder();
    let mut overlay = Overlay::create(&folder.path().join("out.gif")).unwrap();
    with_views(|result| OtherWindow::new(result, "waving", &[0]).draw(&mut overlay, "a.mp4").unwrap());
    let bundle = tiny_bundle::make(folder.path()).unwrap();
    with_result(&bundle, FrameRecording::On, |result| {
        let error = OtherWindow::new(result, "waving", &[10]).draw(&mut overlay, "a.mp4").unwrap_err().to_string();
        assert!(error.contains("1016x416") && error.contains("one size"), "{error}");
    });
}

#[test]
fn any_label_and_any_verdict_can_be_drawn() {
    let folder = folder();
    let mut overlay = Overlay::create(folder.path()).unwrap();
    let long = "häkeln 编织 🧶 \u{0}\n\t\u{301}".repeat(1000);
    let verdicts = [Verdict::Accept, Verdict::Abstain(AbstainReason::PersonFillsFrame), FLAG];
    with_views(|result| {
        for (index, (label, verdict)) in (0..).zip([long.as_str(), "", "a"].into_iter().zip(verdicts)) {
            let frames = [index];
            let mut window = OtherWindow::new(result, label, &frames);
            (window.judgement.verdict, window.judgement.p) = (verdict, [f32::NAN, f32::INFINITY, -1.0]);
            window.draw(&mut overlay, &long).unwrap();
            window.judgement.label = 7;
            window.draw(&mut overlay, "").unwrap();
        }
    });
}
