//! `--probe`: the person of a doubted window is asked elsewhere.

use figureground::bundle::Bundle;
use figureground::gate::ProbeThreshold;
use figureground_tests::program::{Ended, Workspace, demo};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The built-in demo clip, whose label the gate of the built-in bundle doubts.
fn doubted() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/demo/out-of-context.gif")
}

/// Writes the built-in bundle with a gate that doubts labels above `tau`, and is calibrated for probes in the numbers
/// of places.
fn bundle(workspace: &Workspace, name: &str, tau: f32, places: &[u32]) -> String {
    let mut bundle = Bundle::built_in().unwrap();
    let threshold = |&places: &u32| ProbeThreshold { places, threshold: 0.0 };
    let probe = places.iter().map(threshold).collect();
    let gate = bundle.manifest().gate.clone();
    bundle.set_gate(figureground::gate::GateSettings { threshold: tau, probe, ..gate }).unwrap();
    let path = workspace.path(name);
    bundle.write_to(&path).unwrap();
    path.display().to_string()
}

/// Runs a clip on the CPU.
fn run(workspace: &Workspace, bundle: &str, clip: &Path, more: &[&str]) -> Ended {
    let clip = clip.display().to_string();
    let arguments = ["run", "--backend", "cpu", "--bundle", bundle, clip.as_str()];
    workspace.figureground(arguments.iter().chain(more))
}

/// Writes a picture of places, each with more than one colour.
fn place(path: &Path, shade: u8) {
    let colour = |x: u32, y: u32| image::Rgb([shade, (3 * x) as u8, (2 * y) as u8]);
    image::RgbImage::from_fn(120, 90, colour).save(path).unwrap();
}

#[test]
fn a_doubted_window_is_probed_and_its_attribution_is_the_probes() {
    let workspace = Workspace::new();
    let name = bundle(&workspace, "calibrated", -2.0, &[2, 5]);
    let line = run(&workspace, &name, &doubted(), &["--probe", "5"]).succeeded().verdict();
    let [places, kept] = ["places", "kept"].map(|key| line["probe"][key].as_u64().unwrap());
    assert!(places == 5 && kept <= 5, "{line}");
    let value = line["p"]["background"].as_f64().unwrap() - kept as f64 / 5.0;
    assert_eq!(line["attribution"]["score"], "probe", "{line}");
    assert!((line["attribution"]["value"].as_f64().unwrap() - value).abs() < 1e-5, "{line}");
    // Without it, and of a label that is not doubted, there is none.
    let plain = run(&workspace, &name, &doubted(), &[]).succeeded().verdict();
    assert_eq!((&plain["probe"], &plain["attribution"]["score"]), (&Value::Null, &"dominance".into()), "{plain}");
    assert_eq!((&plain["label"], &plain["p"]), (&line["label"], &line["p"]));
    let sure = bundle(&workspace, "sure", 2.0, &[5]);
    let line = run(&workspace, &sure, &doubted(), &["--probe", "5"]).succeeded().verdict();
    assert_eq!(line["probe"], Value::Null, "{line}");
    let line = run(&workspace, &sure, &doubted(), &["--probe", "5", "--probe-all"]).succeeded().verdict();
    assert_eq!(line["probe"]["places"], 5, "{line}");
}

#[test]
fn a_person_on_its_own_frames_background_keeps_its_label_in_a_still_clip() {
    let workspace = Workspace::new();
    let name = bundle(&workspace, "calibrated", -2.0, &[1]);
    // The whole frame as the place: pasting a person onto itself changes nothing.
    let frame = workspace.path("frame.png");
    let gif = std::io::BufReader::new(std::fs::File::open(doubted()).unwrap());
    let mut frames = image::AnimationDecoder::into_frames(image::codecs::gif::GifDecoder::new(gif).unwrap());
    image::DynamicImage::from(frames.next().unwrap().unwrap().into_buffer()).to_rgb8().save(&frame).unwrap();
    std::fs::create_dir(workspace.path("bank")).unwrap();
    std::fs::copy(&frame, workspace.path("bank/frame.png")).unwrap();
    let line = run(&workspace, &name, &frame, &["--probe", "1", "--probe-bank", "bank"]).succeeded().verdict();
    assert_eq!((line["probe"]["places"].as_u64(), line["probe"]["kept"].as_u64()), (Some(1), Some(1)), "{line}");
}

#[test]
fn probes_of_sliding_windows_are_those_of_their_frames() {
    let workspace = Workspace::new();
    let name = bundle(&workspace, "calibrated", -2.0, &[3]);
    let slide = ["--window", "0.8", "--stride", "0.4", "--probe", "3"];
    let lines = run(&workspace, &name, &doubted(), &slide).succeeded().verdicts();
    assert!(lines.len() > 2 && lines.iter().all(|line| line["probe"]["places"] == 3), "{lines:?}");
    let again = run(&workspace, &name, &doubted(), &slide).succeeded().verdicts();
    let probes = |lines: &[Value]| lines.iter().map(|line| line["probe"].clone()).collect::<Vec<Value>>();
    assert_eq!(probes(&lines), probes(&again));
}

#[test]
fn an_uncalibrated_number_of_places_is_refused_with_the_calibrated_ones() {
    let workspace = Workspace::new();
    let name = bundle(&workspace, "calibrated", 0.0, &[2, 8]);
    let clip = doubted().display().to_string();
    let with = |more: &[&str]| {
        let arguments = ["run", "--bundle", name.as_str(), clip.as_str()];
        arguments.iter().chain(more).map(|argument| (*argument).to_owned()).collect::<Vec<String>>()
    };
    workspace.refuses(with(&["--probe", "4"]), "pipeline", &["4 places", "one for 2, 8", "--probe"]);
    workspace.refuses(with(&["--probe", "4", "--probe-all"]), "pipeline", &["4 places", "one for 2, 8"]);
    workspace.refuses(with(&["--probe", "17"]), "pipeline", &["17 pictures", "16 pictures", "--probe-bank"]);
    for arguments in [&["--probe", "0"][..], &["--probe", "65"], &["--probe-all"], &["--probe-bank", "bank"]] {
        let Ended { code, stdout, .. } = workspace.figureground(with(arguments));
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}");
    }
    let none = bundle(&workspace, "uncalibrated", 0.0, &[]);
    workspace.refuses(["run", "--bundle", &none, &clip, "--probe", "8"], "pipeline", &["8 places", "for none"]);
}

#[test]
fn a_bad_bank_is_refused_before_the_first_frame() {
    let workspace = Workspace::new();
    let name = bundle(&workspace, "calibrated", 0.0, &[2]);
    // The source is never opened.
    let with = |bank: &str| {
        ["run", "--bundle", name.as_str(), "absent.mp4", "--probe", "2", "--probe-bank", bank].map(str::to_owned)
    };
    workspace.refuses(with("absent"), "bundle", &["absent", "--probe-bank"]);
    std::fs::create_dir(workspace.path("bank")).unwrap();
    workspace.refuses(with("bank"), "bundle", &["2 to 64 pictures", "0 files", "--probe-bank"]);
    place(&workspace.path("bank/1.png"), 10);
    workspace.refuses(with("bank"), "bundle", &["2 to 64 pictures", "1 files"]);
    workspace.write("bank/2.png", "no picture");
    workspace.refuses(with("bank"), "source", &["2.png", "--probe-bank"]);
    workspace.write("bank/2.png", "");
    workspace.refuses(with("bank"), "source", &["2.png"]);
    image::RgbImage::from_pixel(90, 90, image::Rgb([9, 8, 7])).save(workspace.path("bank/2.png")).unwrap();
    workspace.refuses(with("bank"), "bundle", &["2.png", "a single colour", "--probe-bank"]);
    image::RgbImage::from_pixel(5, 5, image::Rgb([9, 8, 7])).save(workspace.path("bank/2.png")).unwrap();
    workspace.refuses(with("bank"), "frame", &["2.png", "5x5"]);
    place(&workspace.path("bank/2.png"), 20);
    workspace.write("bank/notes.txt", "The garden in May.");
    workspace.refuses(with("bank"), "source", &["notes.txt"]);
    std::fs::remove_file(workspace.path("bank/notes.txt")).unwrap();
    (3..=65).for_each(|index| place(&workspace.path(&format!("bank/{index}.png")), index));
    workspace.refuses(with("bank"), "bundle", &["2 to 64 pictures", "65 files"]);
    std::fs::remove_file(workspace.path("bank/65.png")).unwrap();
    workspace.refuses(with("bank"), "source", &["absent.mp4"]);
}

#[test]
fn a_bundle_without_a_bank_names_the_next_step() {
    let workspace = Workspace::new();
    let arguments = ["run", "--bundle", &workspace.bundle().display().to_string(), &demo().display().to_string()];
    let arguments = arguments.iter().chain(&["--probe", "2"]);
    workspace.refuses(arguments, "pipeline", &["bank of backgrounds", "pictures of places", "--probe-bank"]);
}

#[test]
fn validate_measures_any_number_of_places() {
    let workspace = Workspace::new();
    let label = "clapping while standing";
    std::fs::create_dir_all(workspace.path("set").join(label)).unwrap();
    std::fs::copy(doubted(), workspace.path("set").join(label).join("a.gif")).unwrap();
    let validate = |out: &str, more: &[&str]| {
        let arguments = ["validate", "set", "--format", "folder", "--backend", "cpu", "--out", out];
        arguments.iter().chain(more).map(|argument| (*argument).to_owned()).collect::<Vec<String>>()
    };
    workspace.refuses(validate("out", &["--probe", "3"]), "pipeline", &["3 places"]);
    workspace.figureground(validate("out", &["--probe", "3", "--probe-all"])).succeeded();
    let text = std::fs::read_to_string(workspace.path("out/records.jsonl")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["probe"]["places"], &lines[0]["probe"]["all"]), (&3.into(), &true.into()), "{text}");
    let line = &lines[1]["outcome"]["scored"]["verdict"];
    assert_eq!((&line["probe"]["places"], &line["attribution"]["score"]), (&3.into(), &"dominance".into()), "{line}");
    // The same command resumes; another number of places is another run.
    workspace.figureground(validate("out", &["--probe", "3", "--probe-all"])).succeeded();
    assert_eq!(std::fs::read_to_string(workspace.path("out/records.jsonl")).unwrap(), text);
    let refused = workspace.figureground(validate("out", &["--probe", "2", "--probe-all"]));
    refused.refused("data set", &["other probes", "--out"]);
}
