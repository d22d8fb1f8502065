//! `validate`, `merge` and `calibrate` as a user runs them.

mod program;

use program::{Desk, demo};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

const LABELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/demo/labels.txt");

/// A set of `count` clips in folders of the bundle's classes, one damaged, and one in a folder of another class.
fn set(desk: &Desk, count: usize) -> PathBuf {
    let labels = fs::read_to_string(LABELS).unwrap();
    let labels: Vec<&str> = labels.lines().collect();
    let root = desk.path("set");
    for index in 0..count {
        let folder = root.join(labels[index % labels.len()].replace(' ', "_"));
        fs::create_dir_all(&folder).unwrap();
        fs::copy(demo(), folder.join(format!("{index:03}.gif"))).unwrap();
    }
    fs::create_dir_all(root.join("knitting")).unwrap();
    fs::copy(demo(), root.join("knitting/a.gif")).unwrap();
    fs::write(root.join(labels[0].replace(' ', "_")).join("damaged.gif"), b"GIF89a, and no more").unwrap();
    root
}

fn arguments(desk: &Desk, root: &Path, out: &str, more: &[&str]) -> Vec<String> {
    let mut all = vec!["validate".into(), root.display().to_string(), "--format".into(), "folder".into()];
    all.extend(["--backend", "cpu", "--threads", "1", "--bundle"].map(String::from));
    all.extend([desk.bundle().display().to_string(), "--out".into(), desk.path(out).display().to_string()]);
    all.extend(more.iter().map(|&argument| argument.to_owned()));
    all
}

/// Records by clip, without times.
fn records(out: &Path) -> BTreeMap<String, Value> {
    let text = fs::read_to_string(out.join("records.jsonl")).unwrap();
    let lines = text.lines().skip(1).map(|line| {
        let mut record: Value = serde_json::from_str(line).unwrap();
        if let Some(scored) = record["outcome"].get_mut("scored") {
            scored["verdict"]["timing_us"].take();
        }
        (record["clip"].as_str().unwrap().to_owned(), record)
    });
    let all: Vec<(String, Value)> = lines.collect();
    let count = all.len();
    let by_clip: BTreeMap<String, Value> = all.into_iter().collect();
    assert_eq!(by_clip.len(), count, "no clip twice");
    by_clip
}

fn report(out: &Path) -> Value {
    serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap()
}

#[test]
fn a_run_that_is_killed_goes_on_and_ends_as_an_undisturbed_one() {
    let desk = Desk::new();
    let root = set(&desk, 60);
    desk.figureground(arguments(&desk, &root, "whole", &[])).succeeded();
    let whole = records(&desk.path("whole"));
    assert_eq!(whole.len(), 62);
    for (kill, millis) in [150, 300, 220].into_iter().enumerate() {
        let mut command = desk.command();
        command.args(arguments(&desk, &root, "killed", &["--jobs", "2"]));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(millis));
        child.kill().unwrap();
        child.wait().unwrap();
        println!("kill {kill}: {:?} bytes", fs::metadata(desk.path("killed/records.jsonl")).map(|file| file.len()));
    }
    desk.figureground(arguments(&desk, &root, "killed", &["--jobs", "2"])).succeeded();
    assert_eq!(records(&desk.path("killed")), whole);
    assert_eq!(report(&desk.path("killed")), report(&desk.path("whole")));
    assert_eq!(fs::read(desk.path("killed/report.html")).unwrap(), fs::read(desk.path("whole/report.html")).unwrap());

    // What could not be scored is counted and named, and nothing else ended because of it.
    let report = report(&desk.path("whole"));
    assert_eq!((report["listed"].as_u64(), report["clips"].as_u64()), (Some(62), Some(60)));
    assert_eq!(report["mislabelled"], serde_json::json!(["knitting/a"]));
    let unreadable: Vec<&String> = report["unreadable"].as_object().unwrap().keys().collect();
    assert!(unreadable.len() == 1 && unreadable[0].ends_with("/damaged"), "{unreadable:?}");

    // What was damaged is tried again, and all else is not.
    let damaged = root.join(unreadable[0].replace("/damaged", "")).join("damaged.gif");
    fs::copy(demo(), damaged).unwrap();
    let before = fs::metadata(desk.path("whole/records.jsonl")).unwrap().len();
    desk.figureground(arguments(&desk, &root, "whole", &[])).succeeded();
    assert_eq!(self::report(&desk.path("whole"))["clips"].as_u64(), Some(61));
    let after = fs::metadata(desk.path("whole/records.jsonl")).unwrap().len();
    assert!((before + 100..before + 10_000).contains(&after), "{before} {after}");

    // The same clip gives the same line as in `run`.
    let (_, record) = whole.iter().find(|(_, record)| record["outcome"].get("scored").is_some()).unwrap();
    let verdict = &record["outcome"]["scored"]["verdict"];
    let source = verdict["source"].as_str().unwrap();
    let mut ran = desk.run(["--backend", "cpu", "--threads", "1", source]).succeeded().verdict();
    ran["timing_us"].take();
    assert_eq!(&ran, verdict);
}

#[test]
fn shards_make_the_report_of_the_whole() {
    let desk = Desk::new();
    let root = set(&desk, 9);
    desk.figureground(arguments(&desk, &root, "whole", &[])).succeeded();
    let mut merge = vec!["merge".to_owned()];
    for shard in ["1/3", "2/3", "3/3"] {
        let out = format!("shard-{}", &shard[..1]);
        desk.figureground(arguments(&desk, &root, &out, &["--shard", shard])).succeeded();
        merge.push(desk.path(&out).display().to_string());
    }
    merge.extend(["--bundle".to_owned(), desk.bundle().display().to_string()]);
    merge.extend(["--out".to_owned(), desk.path("merged").display().to_string()]);
    desk.figureground(&merge).succeeded();
    assert_eq!(records(&desk.path("merged")), records(&desk.path("whole")));
    assert_eq!(report(&desk.path("merged")), report(&desk.path("whole")));

    // Shards of another set are none of these.
    let other = desk.path("other");
    fs::create_dir_all(&other).unwrap();
    let text = fs::read_to_string(desk.path("shard-1/records.jsonl")).unwrap();
    fs::write(other.join("records.jsonl"), text.replacen("\"set\":\"", "\"set\":\"0", 1)).unwrap();
    merge.insert(1, other.display().to_string());
    desk.figureground(&merge).refused("data set", &["another bundle or set"]);
}

#[test]
fn a_gate_is_written_into_the_bundle_or_the_bundle_stays_as_it_was() {
    let desk = Desk::new();
    let root = set(&desk, 40);
    let bundle = desk.own_bundle("own");
    let mut validate = arguments(&desk, &root, "out", &[]);
    let place = validate.iter().position(|argument| argument == "--bundle").unwrap();
    validate[place + 1] = bundle.display().to_string();
    desk.figureground(&validate).succeeded();
    let before = fs::read(bundle.join("bundle.toml")).unwrap();
    let records = desk.path("out/records.jsonl").display().to_string();
    let calibrate = |risk: &str, bundle: &Path| {
        let bundle = bundle.display().to_string();
        desk.figureground(["calibrate", &records, "--risk", risk, "--delta", "0.5", "--bundle", &bundle])
    };
    // Copies of one clip under all labels: nearly all are wrong.
    calibrate("0.05", &bundle).refused("gate", &["log-ratio"]);
    calibrate("1.5", &bundle).refused("gate", &["between 0 and 1"]);
    calibrate("0.5", &desk.own_bundle("another-of-the-same")).refused("gate", &["log-ratio"]);
    assert_eq!(fs::read(bundle.join("bundle.toml")).unwrap(), before);
    calibrate("0.99", &bundle).succeeded();
    let after = fs::read_to_string(bundle.join("bundle.toml")).unwrap();
    assert!(after.contains("[gate.calibration]") && after.as_bytes() != before);
    // The records are still this bundle's: its gate judges scores and makes none.
    calibrate("0.99", &bundle).succeeded();
}

#[test]
fn what_cannot_be_validated_is_an_error_and_leaves_nothing() {
    let desk = Desk::new();
    let root = set(&desk, 2);
    let with = |format: &str, data: &Path| {
        let mut all = arguments(&desk, data, "out", &[]);
        all[3] = format.to_owned();
        desk.figureground(all)
    };
    with("mimetics", &root).refused("data set", &["--annotations"]);
    with("hat", &root).refused("data set", &["ori"]);
    with("folder", &desk.path("nowhere")).refused("data set", &["nowhere"]);
    assert!(!desk.path("out").exists());
}
