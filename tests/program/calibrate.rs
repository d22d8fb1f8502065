//! `calibrate --unlabelled` as a user runs it, and what a run says when its calibration no longer fits.

use figureground::source::{self, SourceOptions};
use figureground_tests::program::live::{Live, StreamServer, ask, free_port, listen, metric, until};
use figureground_tests::program::{Ended, Random, Workspace, demo, fixture, has_ffmpeg, interrupt};
use serde_json::Value;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::LazyLock;
use std::time::Duration;

const SIZE: [usize; 2] = [160, 120];

/// Frames of the demo's clip, and the person's pixels in each.
static PERSON: LazyLock<Vec<(Vec<u8>, Vec<u8>)>> =
    LazyLock::new(|| pictures(&demo()).into_iter().zip(pictures(&fixture("demo/masks"))).collect());

/// Returns the RGB pixels of all frames of a clip or folder.
fn pictures(path: &Path) -> Vec<Vec<u8>> {
    let mut source = source::open(path.as_os_str(), &SourceOptions::default()).unwrap();
    let mut all = Vec::new();
    while let Some(frame) = source.next_frame().unwrap() {
        all.push(frame.pixels().to_vec());
    }
    all
}

/// Draws a clip of a pattern of one colour, in front of which the demo's person waves unless the room is empty.
fn draw(random: &mut Random, frames: usize, has_person: bool) -> Vec<u8> {
    let [slope_x, slope_y, offset, tone] = [4, 4, 256, 60].map(|end| random.below(end));
    let [width, height] = SIZE;
    let mut clip = format!("YUV4MPEG2 W{width} H{height} F40:1 Ip A1:1 C444\n").into_bytes();
    let frames = PERSON.iter().cycle().step_by(if frames == 8 { 4 } else { 1 }).take(frames);
    for (pixels, mask) in frames {
        let rgb: Vec<[f32; 3]> = (0..width * height)
            .map(|at| {
                let pattern = offset + (at % width * slope_x + at / width * slope_y) / 4;
                [0, 1, 2].map(|channel| {
                    let is_person = has_person && mask[3 * at] > 127;
                    if is_person { pixels[3 * at + channel].into() } else { ((pattern + channel * tone) % 256) as f32 }
                })
            })
            .collect();
        clip.extend(b"FRAME\n");
        for [base, red, green, blue] in
            [[16.0, 0.257, 0.504, 0.098], [128.0, -0.148, -0.291, 0.439], [128.0, 0.439, -0.368, -0.071]]
        {
            clip.extend(rgb.iter().map(|[r, g, b]| (base + red * r + green * g + blue * b) as u8));
        }
    }
    clip
}

/// Writes `count` different clips of eight frames into the folder `name`.
fn clips(workspace: &Workspace, name: &str, count: usize, has_person: bool) -> Vec<PathBuf> {
    let mut random = Random(7);
    let clip = |index| workspace.write(&format!("{name}/{index}.y4m"), draw(&mut random, 8, has_person));
    (0..count).map(clip).collect()
}

fn calibrate(workspace: &Workspace, bundle: &Path, arguments: &[&str]) -> Ended {
    let bundle = bundle.display().to_string();
    let beginning = ["calibrate", "--bundle", &bundle, "--backend", "cpu", "--threads", "1"];
    workspace.figureground([&beginning[..], arguments].concat())
}

/// Returns the verdict lines of the clips with a bundle.
fn lines(workspace: &Workspace, bundle: &Path, clips: &str) -> Vec<Value> {
    let bundle = bundle.display().to_string();
    let ended = workspace.figureground(["run", "--bundle", &bundle, "--backend", "cpu", "--threads", "1", clips]);
    ended.succeeded().verdicts()
}

fn count(lines: &[Value], verdict: &str) -> usize {
    lines.iter().filter(|line| line["verdict"] == verdict).count()
}

/// Returns the value of a key in `[gate]` or one of its parts.
fn gate(bundle: &Path, key: &str) -> Value {
    let manifest: Value = {
        let text = std::fs::read_to_string(bundle.join("bundle.toml")).unwrap();
        let mut section = String::new();
        let mut all = serde_json::Map::new();
        for line in text.lines() {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                section = name.to_owned();
            } else if let Some((key, value)) = line.split_once(" = ")
                && let Ok(value) = serde_json::from_str(value)
            {
                all.insert(format!("{section}.{key}"), value);
            }
        }
        all.into()
    };
    manifest[key].clone()
}

#[test]
fn thresholds_are_fitted_to_footage_without_labels() {
    let workspace = Workspace::new();
    let bundle = workspace.own_bundle("own");
    clips(&workspace, "clips", 28, true);
    clips(&workspace, "rooms", 2, false);
    let before = lines(&workspace, &bundle, "clips/*.y4m");
    let judged = 28 - count(&before, "abstain");
    assert!(judged >= 20, "{judged} of 28 clips are judged");

    // Shown, and nothing is written.
    let (manifest, files) = (std::fs::read(bundle.join("bundle.toml")).unwrap(), workspace.files());
    let arguments = ["--share", "0.25", "--empty", "rooms/*.y4m", "--unlabelled", "clips/*.y4m"];
    let shown = calibrate(&workspace, &bundle, &[&arguments[..], &["--dry-run"]].concat()).succeeded();
    assert_eq!((std::fs::read(bundle.join("bundle.toml")).unwrap(), workspace.files()), (manifest.clone(), files));
    assert!(shown.stdout.contains("gate.calibration.kind") && shown.stdout.contains("\"unlabelled\""), "{shown:#?}");
    let before_share = 100.0 * count(&before, "flag") as f64 / judged as f64;
    for words in
        [&format!("28 windows of 28 sources: {judged} judged"), &format!("flagged, {before_share:.1} % before")]
    {
        assert!(shown.stdout.contains(words.as_str()), "{words:?}: {shown:#?}");
    }
    for words in ["the temperature stays 1, because only labels can tell it", "an empty room, 2 windows", "--dry-run"] {
        assert!(shown.stderr.contains(words), "{words:?}: {shown:#?}");
    }

    // Written: at most the share is flagged, and the manifest says which.
    let copy = workspace.path("copy");
    calibrate(&workspace, &bundle, &[&arguments[..], &["--out", copy.to_str().unwrap()]].concat()).succeeded();
    assert_eq!(std::fs::read(bundle.join("bundle.toml")).unwrap(), manifest);
    let after = lines(&workspace, &copy, "clips/*.y4m");
    assert!(after.iter().all(|line| line["calibrated"] == "unlabelled"), "{after:#?}");
    let flagged = count(&after, "flag") as f64 / judged as f64;
    assert!(flagged <= 0.25, "{flagged}");
    assert_eq!(gate(&copy, "gate.calibration.flagged").as_f64(), Some(flagged));
    assert_eq!(gate(&copy, "gate.calibration.clips"), judged);
    assert_eq!(gate(&copy, "gate.temperature"), 1.0);
    let inspected = workspace.figureground(["inspect", copy.to_str().unwrap()]).succeeded().stdout;
    let words = format!("{judged} windows without labels, {:.1} % flagged", flagged * 100.0);
    assert!(inspected.contains(&words), "{words:?} in {inspected}");
    // A smaller tau flags more than the share.
    let tau = gate(&copy, "gate.threshold").as_f64().unwrap();
    assert!(tau >= 0.0 && gate(&copy, "gate.calibration.threshold") == tau);
    let judged_by_background = |tau: f64| {
        let over = |line: &&Value| {
            line["verdict"] != "abstain"
                && line["attribution"]["rank"] == 1
                && line["attribution"]["value"].as_f64().unwrap() > tau
        };
        before.iter().filter(over).count()
    };
    // 22 of the 28 are flagged at tau 0, so that the threshold must rise.
    assert!(tau > 0.0 && judged_by_background(tau) <= judged / 4, "{tau}");
    assert!(judged_by_background(tau - 1e-6) > judged / 4, "{tau}");
    calibrate(&workspace, &bundle, &[&arguments[..], &["--in-place"]].concat()).succeeded();
    assert_eq!(gate(&bundle, "gate.calibration.kind"), "unlabelled");
}

#[test]
fn footage_that_cannot_be_fitted_to_is_refused() {
    let workspace = Workspace::new();
    let bundle = workspace.own_bundle("own");
    let one = clips(&workspace, "clips", 1, true)[0].display().to_string();
    let room = clips(&workspace, "rooms", 1, false)[0].display().to_string();
    let before = (std::fs::read(bundle.join("bundle.toml")).unwrap(), workspace.files());
    let refused = |arguments: &[&str], stage: &str, words: &[&str]| {
        calibrate(&workspace, &bundle, &[arguments, &["--in-place"]].concat()).refused(stage, words);
    };
    for share in ["0", "1", "1.5", "-0.1", "NaN", "inf"] {
        refused(&["--unlabelled", &one, &format!("--share={share}")], "gate", &["between 0 and 1", share, "--share"]);
    }
    refused(&["--unlabelled", &one, "--share", "0.05"], "gate", &["at least 100 windows", "1 of 1", "larger share"]);
    refused(&["--unlabelled", &one, "--share", "0.5"], "gate", &["at least 20 windows", "1 of 1"]);
    refused(&["--unlabelled", &room, "--share", "0.5"], "gate", &["at least 20", "0 of 1", "no-person 1"]);
    refused(&["--unlabelled", "absent.y4m", "--share", "0.5"], "gate", &["at least 20", "no window"]);
    refused(&["--unlabelled", "absent*.y4m", "--share", "0.5"], "source", &["absent*.y4m", "no match"]);
    refused(&["--unlabelled", "", "--share", "0.5"], "command", &["empty argument"]);
    refused(&["--unlabelled", "camera:0", &one, "--share", "0.5"], "command", &["camera:0", "--duration"]);
    refused(&["--unlabelled", &one, "--empty", "camera:0", "--share", "0.5"], "command", &["camera:0", "--duration"]);
    // What does not go together is told by the command line.
    for arguments in [
        &["--unlabelled", &one][..],
        &["records.jsonl", "--unlabelled", &one, "--share", "0.5"],
        &["--unlabelled", &one, "--share", "0.5", "--risk", "0.1"],
        &["--unlabelled", &one, "--share", "0.5", "--delta", "0.1"],
        &["records.jsonl", "--risk", "0.1", "--share", "0.5"],
        &["records.jsonl", "--risk", "0.1", "--empty", &one],
        &["--share", "0.5"],
        &["--unlabelled", &one, "--share", "0.5", "--duration", "0"],
    ] {
        let bundle = bundle.display().to_string();
        let ended = workspace.figureground([&["calibrate", "--bundle", &bundle, "--in-place"], arguments].concat());
        assert!(ended.code == Some(2) && ended.stderr.contains("error:"), "{arguments:?}: {ended:#?}");
    }
    assert_eq!((std::fs::read(bundle.join("bundle.toml")).unwrap(), workspace.files()), before);
}

#[test]
fn a_clip_that_cannot_be_read_is_left_out_with_a_warning() {
    let workspace = Workspace::new();
    clips(&workspace, "clips", 28, true);
    workspace.write("clips/damaged.y4m", b"YUV4MPEG2 W64 H64 F8:1 C444\nFRAME\nno more");
    let arguments = ["--unlabelled", "clips/*.y4m", "--share", "0.25", "--dry-run"];
    let ended = calibrate(&workspace, &workspace.bundle(), &arguments).succeeded();
    assert!(ended.stderr.contains("damaged.y4m"), "{ended:#?}");
    assert!(ended.stdout.contains("1 source could not be read to the end"), "{ended:#?}");
}

/// Replaces the calibration of a bundle by one in which a fraction `flagged` of 400 clips was flagged.
fn set_calibration(bundle: &Path, flagged: Option<f64>) {
    let path = bundle.join("bundle.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, after) = text.split_once("[files]").unwrap();
    let flagged = flagged.map_or_else(String::new, |share| format!("flagged = {share:?}\n"));
    let calibration = format!(
        "[gate.calibration]\nkind = \"labels\"\ntemperature = 1.0\nthreshold = 1.0\nclips = 400\nrecords = \"x\"\n\
         at = \"2026-11-27T20:00:00Z\"\n{flagged}\n"
    );
    assert!(before.contains("\nthreshold = 0.0\n"), "{before}");
    let before = before.replace("\nthreshold = 0.0\n", "\nthreshold = 1.0\n");
    std::fs::write(path, format!("{before}{calibration}[files]{after}")).unwrap();
}

/// Starts a run over 150 windows of one clip, which then serves its page, and waits for the last window.
fn watch(workspace: &Workspace, bundle: &Path, arguments: &[&str]) -> (Live, SocketAddr) {
    workspace.write("long.y4m", draw(&mut Random(7), 160, true));
    let mut command = workspace.command();
    command.arg("run").arg("--bundle").arg(bundle).args(["--backend", "cpu", "--threads", "1"]);
    command.args(["long.y4m", "--window", "0.2", "--stride", "0.025", "--page=127.0.0.1:0"]).args(arguments);
    let live = Live::of(command);
    let page = live.address("live page");
    live.wait_for("the live page stays until ctrl-C");
    let judged = live.verdicts_so_far().iter().filter(|line| line["verdict"] != "abstain").count();
    assert!(judged >= 110, "{judged} windows are judged");
    (live, page)
}

fn end(live: &mut Live) {
    live.signal("INT");
    assert_eq!(live.ended(), Some(0), "{}", live.stderr());
}

#[test]
fn a_run_that_flags_less_than_its_calibration_drifts_and_says_so_once() {
    let workspace = Workspace::new();
    let bundle = workspace.own_bundle("own");
    // Nothing is flagged above a dominance of 1.
    set_calibration(&bundle, Some(0.9));
    let (mut live, page) = watch(&workspace, &bundle, &[]);
    assert_eq!(metric(page, "figureground_calibration_drift{figure=\"flagged\"}"), 1.0);
    assert_eq!(metric(page, "figureground_flagged_share{of=\"calibration\"}"), 0.9);
    assert_eq!(metric(page, "figureground_flagged_share{of=\"run\"}"), 0.0);
    // The gate has no test of the risk.
    assert!(!ask(page, "GET /metrics", &[], "").body.contains("figureground_mean_risk"));
    let (mut channel, mut received, mut bytes) = (listen(page), Vec::new(), [0; 65536]);
    until("the drift on the page", || {
        let count = channel.read(&mut bytes).unwrap();
        received.extend_from_slice(&bytes[..count]);
        let text = String::from_utf8_lossy(&received);
        text.contains("\"calibration\":{\"flagged\":{\"running\":0.0,\"calibration\":0.9,\"is_drifting\":true}")
    });
    end(&mut live);
    let warning = "the gate's share of flags is 0 %, and was 90 % at its calibration: calibrate it again";
    assert_eq!(live.stderr().matches(warning).count(), 1, "{}", live.stderr());
}

#[test]
fn a_tolerance_or_a_calibration_without_figures_is_no_drift() {
    let workspace = Workspace::new();
    for (flagged, tolerance, has_figures) in [(Some(0.9), "0.95", true), (None, "0", false)] {
        let bundle = workspace.own_bundle(&format!("own-{tolerance}"));
        set_calibration(&bundle, flagged);
        let (mut live, page) = watch(&workspace, &bundle, &["--drift", tolerance]);
        assert_eq!(metric(page, "figureground_flagged_share{of=\"run\"}"), 0.0);
        let scrape = ask(page, "GET /metrics", &[], "").body;
        assert_eq!(scrape.contains("figureground_calibration_drift{figure=\"flagged\"} 0"), has_figures, "{scrape}");
        end(&mut live);
        assert!(!live.stderr().contains("calibrat"), "{}", live.stderr());
    }
    let inspected = workspace.figureground(["inspect", workspace.path("own-0").to_str().unwrap()]).succeeded().stdout;
    assert!(inspected.contains("it does not say which share of them is flagged"), "{inspected}");
    for drift in ["-0.1", "nan", "much"] {
        let ended = workspace.run(["a.gif", &format!("--drift={drift}")]);
        assert!(ended.code == Some(2) && ended.stderr.contains("a number from 0"), "{ended:#?}");
    }
}

#[test]
fn a_manifest_with_impossible_figures_is_refused() {
    let workspace = Workspace::new();
    for (name, share) in [("above", 1.5), ("below", -0.5)] {
        let bundle = workspace.own_bundle(name);
        set_calibration(&bundle, Some(share));
        workspace.refuses(["inspect", bundle.to_str().unwrap()], "gate", &["calibration.flagged", "from 0 to 1"]);
    }
}

#[test]
fn a_stream_ends_after_its_duration_or_by_ctrl_c_and_the_fit_goes_on() {
    if !has_ffmpeg("a stream that a gate is fitted to") {
        return;
    }
    let workspace = Workspace::new();
    for duration in [Some("3"), None] {
        let port = free_port();
        let input = ["-f", "lavfi", "-i", "testsrc=size=128x128:rate=12"].map(OsStr::new);
        let _server = StreamServer::start(port, &input, &[]);
        std::thread::sleep(Duration::from_millis(500));
        let url = format!("tcp://127.0.0.1:{port}");
        let mut command = workspace.command();
        command.args(["calibrate", "--share", "0.5", "--dry-run", "--unlabelled", &url]);
        command.args(duration.iter().flat_map(|seconds| ["--duration", seconds]));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        if duration.is_none() {
            let mut stderr = BufReader::new(child.stderr.take().unwrap());
            let mut line = String::new();
            while !line.contains("until ctrl-C") {
                line.clear();
                assert!(stderr.read_line(&mut line).unwrap() > 0, "it ended");
            }
            std::thread::sleep(Duration::from_secs(4));
            interrupt(&child);
            let mut rest = String::new();
            stderr.read_to_string(&mut rest).unwrap();
            assert!(rest.contains("gate: expected at least 20 windows") && !rest.contains("got no window"), "{rest}");
            assert_eq!(child.wait().unwrap().code(), Some(2), "{rest}");
            continue;
        }
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains("for 3 s, or until ctrl-C"), "{stderr}");
        assert!(stderr.contains("gate: expected at least 20 windows"), "{stderr}");
        assert_eq!(output.status.code(), Some(2), "{stderr}");
    }
}
