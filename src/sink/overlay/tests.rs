use super::*;
use crate::gate::{AbstainReason, FlagReason, Judgement, Scores, Verdict, Visibility};
use crate::mask::{Shape, Size};
use crate::pipeline::{FrameViews, Timing, WindowViews};
use image::AnimationDecoder;
use std::fs;
use tempfile::TempDir;

const FLAG: Verdict = Verdict::Flag(FlagReason::BackgroundDominates);

/// An owned window result.
struct Window {
    names: Vec<String>,
    judgement: Judgement,
    frames: Vec<u64>,
    pictures: Vec<FrameViews>,
}

impl Window {
    /// Creates frames of 32x32 with a person in the middle.
    fn new(label: &str, frames: &[u64]) -> Self {
        let size = Size::new(32, 32).unwrap();
        let mut person = Shape::new(size);
        for row in person.pixels_mut().chunks_exact_mut(32).take(28).skip(6) {
            row[12..20].fill(true);
        }
        let views = (0..3 * 3 * size.area()).map(|index| (index / 7 % 256) as u8).collect();
        let judgement = Judgement {
            label: 0,
            verdict: FLAG,
            scores: Scores::default(),
            dominance: 1.73,
            p: [0.81, 0.09, 0.5],
            calibrated: true,
        };
        Self {
            names: vec![label.to_owned()],
            judgement,
            frames: frames.to_vec(),
            pictures: vec![FrameViews { views, person }; frames.len()],
        }
    }

    fn draw(&self, overlay: &mut Overlay, source: &str) -> Result<()> {
        let order: Vec<usize> = (0..self.frames.len()).collect();
        let times: Vec<u64> = self.frames.iter().map(|frame| frame * 40_000).collect();
        overlay.draw(
            source,
            &WindowResult {
                names: &self.names,
                judgement: self.judgement,
                visibility: Visibility { person_area: 0.2, background_area: 0.7, frames_with_person: 8, frames: 8 },
                frames: &self.frames,
                times_us: &times,
                log_probs: [&[]; 3],
                top: Default::default(),
                backend: "cpu",
                timing: Timing::default(),
                pictures: WindowViews { pictures: &self.pictures, order: &order },
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
    let found = std::process::Command::new("ffmpeg").arg("-version").output().is_ok();
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
    Window::new("waving", &[0, 10, 20, 30]).draw(&mut overlay, "a.mp4").unwrap();
    Window::new("waving", &[10, 20, 30, 40]).draw(&mut overlay, "a.mp4").unwrap();
    Window::new("waving", &[5, 5, 6]).draw(&mut overlay, "b.mp4").unwrap();
    assert!(!path.exists(), "it is written to a temporary file first");
    overlay.finish().unwrap();
    assert_eq!(files(&folder), ["out.GIF"]);
    let decoder = image::codecs::gif::GifDecoder::new(std::io::BufReader::new(fs::File::open(&path).unwrap())).unwrap();
    let frames = decoder.into_frames().collect_frames().unwrap();
    assert_eq!(frames.len(), 5 + 2);
    assert_eq!(frames[1].delay().numer_denom_ms().0, 400);
    assert_eq!(frames[0].buffer().dimensions(), (952, 400));
}

#[test]
fn an_mp4_repeats_frames_for_their_duration() {
    if !has_ffmpeg() {
        return;
    }
    let folder = folder();
    let path = folder.path().join("out.mp4");
    let mut overlay = Overlay::create(&path).unwrap();
    Window::new("waving", &[0, 10, 20]).draw(&mut overlay, "a.mp4").unwrap();
    overlay.finish().unwrap();
    assert_eq!(files(&folder), ["out.mp4"]);
    let mut probe = std::process::Command::new("ffmpeg");
    let log = probe.arg("-i").arg(&path).args(["-f", "null", "-"]).output().unwrap().stderr;
    let log = String::from_utf8_lossy(&log);
    assert!(log.contains("yuv420p") && log.contains("952x400") && log.contains("frame=   12"), "{log}");
}

#[test]
fn a_folder_holds_one_picture_per_frame_under_a_safe_name() {
    let parent = folder();
    let path = parent.path().join("pictures");
    let mut overlay = Overlay::create(&path).unwrap();
    Window::new("waving", &[3, 70]).draw(&mut overlay, "clips/wave hello.v2.mp4").unwrap();
    Window::new("waving", &[9]).draw(&mut overlay, "rtsp://me:secret@host/..?key=secret").unwrap();
    overlay.finish().unwrap();
    let mut names: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["_.-w0002-f000009.png", "wave_hello.v2-w0001-f000003.png", "wave_hello.v2-w0001-f000070.png"]);
    assert_eq!(image::open(path.join(&names[1])).unwrap().to_rgb8().dimensions(), (952, 400));
}

#[test]
fn without_finish_no_file_is_left() {
    let parent = folder();
    for name in ["out.gif", "out.mp4"] {
        if name == "out.mp4" && !has_ffmpeg() {
            continue;
        }
        let mut overlay = Overlay::create(&parent.path().join(name)).unwrap();
        Window::new("waving", &[0, 10]).draw(&mut overlay, "a.mp4").unwrap();
        drop(overlay);
        assert_eq!(files(&parent), [""; 0], "{name}");
    }
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
    assert!(Window::new("waving", &[]).draw(&mut overlay, "a").unwrap_err().to_string().contains("FrameRecording::On"));
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
    let mut window = Window::new("waving", &[0, 10]);
    let size = Size::new(16, 48).unwrap();
    window.pictures[1] = FrameViews { views: vec![0; 9 * size.area()], person: Shape::new(size) };
    let error = window.draw(&mut overlay, "a.mp4").unwrap_err().to_string();
    assert!(error.contains("952x400") && error.contains("one size"), "{error}");
}

#[test]
fn any_label_and_any_verdict_can_be_drawn() {
    let folder = folder();
    let mut overlay = Overlay::create(folder.path()).unwrap();
    let long = "häkeln 编织 🧶 \u{0}\n\t\u{301}".repeat(1000);
    let verdicts = [Verdict::Accept, Verdict::Abstain(AbstainReason::PersonFillsFrame), FLAG];
    for (index, (label, verdict)) in [(long.as_str(), verdicts[0]), ("", verdicts[1]), ("a", FLAG)].iter().enumerate() {
        let mut window = Window::new(label, &[index as u64]);
        window.judgement.verdict = *verdict;
        window.judgement.p = [f32::NAN, f32::INFINITY, -1.0];
        window.draw(&mut overlay, &long).unwrap();
        window.judgement.label = 7;
        window.draw(&mut overlay, "").unwrap();
    }
}
