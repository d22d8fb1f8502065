//! Real video and real segmenters from `../shared/real`, which are other people's work and no part of the repository:
//! without them these tests say so and end.

use figureground_tests::program::{self, Ended, Workspace, assert_agree, ffmpeg, fixture, has_ffmpeg, skipped};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Probabilities of the same RGB differ by at most this.
const SAME_RGB: f64 = 1e-3;
/// Probabilities with a colour conversion in between differ by at most this.
const CONVERTED: f64 = 3e-2;
/// Frames of every clip.
const CLIPS: [(&str, u64); 4] = [
    ("arm_wrestling.mp4", 280),
    ("hugging_two_people.mp4", 72),
    ("applying_makeup_closeup.mp4", 300),
    ("shooting_basketball.mp4", 300),
];
/// The clip whose people fill much of the picture: both segmenters must find them.
const CLOSE_UP: &str = "arm_wrestling.mp4";

/// The folder, where it and ffmpeg are.
fn real(what: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/real");
    if !folder.join("clips").is_dir() || !folder.join("segmenters").is_dir() {
        skipped(what, &format!("there is no folder {} with clips and segmenters", folder.display()));
        return None;
    }
    has_ffmpeg(what).then_some(folder)
}

/// A bundle of the small CLIP and a real segmenter.
fn import(workspace: &Workspace, model: &Path, manifest: &str) -> PathBuf {
    let out = workspace.path(manifest).with_extension("");
    let mut arguments = program::import_arguments(&fixture("clip/hf"), &fixture("demo/labels.txt"), &out);
    arguments[4] = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/segmenters").join(manifest);
    arguments[6] = model.to_owned();
    workspace.figureground(arguments).succeeded();
    out
}

#[test]
fn every_clip_has_its_line_with_every_segmenter() {
    let Some(real) = real("four real clips with two real segmenters") else { return };
    let workspace = Workspace::new();
    for (model, manifest) in
        [("selfie_segmentation.onnx", "selfie-general.toml"), ("mediapipe.onnx", "selfie-landscape.toml")]
    {
        let bundle = import(&workspace, &real.join("segmenters").join(model), manifest);
        let clips = CLIPS.map(|(clip, _)| real.join("clips").join(clip));
        let run = workspace.command().args(["run", "--bundle"]).arg(&bundle).args(&clips).output().unwrap();
        let verdicts = Ended::of(run).succeeded().verdicts();
        assert_eq!(verdicts.len(), CLIPS.len());
        for ((clip, count), verdict) in CLIPS.into_iter().zip(&verdicts) {
            assert!(verdict["source"].as_str().unwrap().ends_with(clip));
            // int(i N/T + N/T/2)
            let expected: Vec<u64> = (0..8).map(|i| (2 * i + 1) * count / 16).collect();
            assert_eq!(verdict["frames"], serde_json::json!(expected), "{clip}");
            let (people, area) = (verdict["frames_with_person"].as_u64(), verdict["person_area"].as_f64());
            println!("{manifest} {clip}: person in {people:?} frames, area {area:?}, {}", verdict["verdict"]);
            assert!(people >= Some(1), "nobody is ever seen in {clip} with {manifest}: {verdict}");
            if clip == CLOSE_UP {
                assert!(people >= Some(6) && area > Some(0.1), "{clip} with {manifest}: {verdict}");
            }
        }
    }
}

#[test]
fn a_real_clip_gives_one_answer_as_mp4_png_and_y4m() {
    let Some(real) = real("one real clip as .mp4, PNG files and Y4M") else { return };
    let workspace = Workspace::new();
    let bundle = import(&workspace, &real.join("segmenters/selfie_segmentation.onnx"), "selfie-general.toml");
    let clip = real.join("clips/arm_wrestling.mp4").display().to_string();
    std::fs::create_dir(workspace.path("png")).unwrap();
    let pictures = workspace.path("png/%d.png").display().to_string();
    ffmpeg(["-i", &clip, "-fps_mode", "passthrough", "-compression_level", "1", &pictures]);
    let y4m = ffmpeg(["-i", &clip, "-fps_mode", "passthrough", "-f", "yuv4mpegpipe", "-"]);
    let run = |arguments: &[&str]| -> Value {
        let mut command = workspace.command();
        command.args(["run", "--bundle"]).arg(&bundle).args(arguments);
        if arguments == ["-"] {
            std::fs::write(workspace.path("pipe"), &y4m).unwrap();
            command.stdin(std::fs::File::open(workspace.path("pipe")).unwrap());
        }
        Ended::of(command.output().unwrap()).succeeded().verdict()
    };
    // Its pixels are not square, which neither PNG nor Y4M tells.
    let mp4 = run(&[&clip, "--no-stretch"]);
    assert_agree(&mp4, &run(&["png"]), SAME_RGB);
    let y4m = run(&["-"]);
    assert_agree(&mp4, &y4m, CONVERTED);
    for end in 0..2 {
        let times = [&mp4, &y4m].map(|verdict| verdict["time_us"][end].as_f64().unwrap());
        assert!((times[0] - times[1]).abs() < 20_000.0, "{mp4}\n{y4m}");
    }
}
