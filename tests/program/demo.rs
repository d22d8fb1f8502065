//! `figureground demo`, the first command of a new user.

use figureground_tests::program::live::{Live, ask, metric, until};
use figureground_tests::program::{Ended, Workspace};
use image::AnimationDecoder;
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn the_demo_prints_a_verdict_writes_its_pictures_and_says_what_is_next() {
    let workspace = Workspace::new();
    let ended = workspace.figureground(["demo"]).succeeded();
    let mut lines = ended.stdout.lines();
    let (plain, masked) = (lines.next().unwrap(), lines.next().unwrap());
    assert!(plain.starts_with("demo, plain encoder "), "{}", ended.stdout);
    assert!(plain.contains("FLAGGED: the background dominates"), "{}", ended.stdout);
    assert!(masked.starts_with("demo, masked encoder ") && masked.contains("accepted"), "{}", ended.stdout);
    for word in ["verdict.gif", "figureground import --help", "figureground run --bundle my-bundle clip.mp4"] {
        assert!(ended.stdout.contains(word), "{word} is missing: {}", ended.stdout);
    }
    assert_eq!(workspace.files(), BTreeSet::from([workspace.path("verdict.gif")]));
    let gif = std::io::BufReader::new(std::fs::File::open(workspace.path("verdict.gif")).unwrap());
    let frames = image::codecs::gif::GifDecoder::new(gif).unwrap().into_frames().collect_frames().unwrap();
    assert_eq!(frames.len(), 16, "eight of each encoder");
    // `run` says the same as the masked encoder, that of the built-in bundle.
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/demo/out-of-context.gif");
    let verdict = workspace.figureground([Path::new("run"), &clip]).succeeded().verdict();
    assert_eq!(verdict["verdict"], "accept");
    assert!(masked.contains(verdict["label"].as_str().unwrap()), "{masked}");
    assert!(!plain.contains(verdict["label"].as_str().unwrap()), "{plain}");
}

#[test]
fn the_demo_writes_its_pictures_where_it_is_told() {
    let workspace = Workspace::new();
    let ended = workspace.figureground(["demo", "--out", "pictures", "--quiet"]).succeeded();
    assert!(ended.stdout.contains("pictures shows"), "{}", ended.stdout);
    assert_eq!(workspace.path("pictures").read_dir().unwrap().count(), 16);
    workspace.refuses(["demo", "--out", "look.png"], "sink", &[".gif"]);
    workspace.refuses(["demo", "--out", "absent/look.gif"], "sink", &["absent"]);
    for arguments in [&["demo", "clip.mp4"][..], &["demo", "--page", "--out", "look.gif"], &["demo", "--page", "host"]]
    {
        let Ended { code, stdout, .. } = workspace.figureground(arguments);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}");
    }
}

#[test]
fn the_demo_page_repeats_the_clip_until_ctrl_c() {
    let workspace = Workspace::new();
    let mut command = workspace.command();
    command.args(["demo", "--page", "127.0.0.1:0"]);
    let mut live = Live::of(command);
    let page = live.address("live page");
    live.wait_for("repeats until ctrl-C");
    assert_eq!(ask(page, "GET /", &[], "").status, 200);
    // The clip has 25 frames.
    until("a second repetition", || metric(page, "figureground_frames_total") > 50.0);
    until("windows", || {
        let scrape = ask(page, "GET /metrics", &[], "").body;
        let windows = scrape.lines().filter(|line| line.starts_with("figureground_windows_total"));
        windows.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>() >= 2.0
    });
    live.signal("INT");
    assert_eq!(live.ended(), Some(130), "{}", live.stderr());
    assert!(workspace.files().is_empty());
}
