//! `compare` as a user runs it.

use figureground_tests::program::{Workspace, demo};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Validates two clips of each of three classes into `out`.
fn validate(workspace: &Workspace, out: &str, bundle: &Path) {
    let bytes = fs::read(demo()).unwrap();
    for class in ["waving", "walking", "bowing"] {
        for clip in ["a", "b"] {
            workspace.write(&format!("set/{class}/{clip}.gif"), &bytes);
        }
    }
    let bundle = bundle.display().to_string();
    let flags = ["validate", "set", "--format", "folder", "--backend", "cpu", "--threads", "1", "--bundle", &bundle];
    workspace.figureground([&flags[..], &["--out", out]].concat()).succeeded();
}

/// Changes the verdict line of `clip` in the records of `out`.
fn change(workspace: &Workspace, out: &str, clip: &str, change: impl Fn(&mut Value)) {
    let path = workspace.path(out).join("records.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let lines = text.lines().map(|line| {
        let mut record: Value = serde_json::from_str(line).unwrap();
        if record["clip"] == clip {
            change(&mut record["outcome"]["scored"]["verdict"]);
        }
        record.to_string() + "\n"
    });
    fs::write(&path, lines.collect::<String>()).unwrap();
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_run_does_not_differ_from_itself_and_a_changed_clip_is_named() {
    let workspace = Workspace::new();
    validate(&workspace, "a", &workspace.bundle());
    let same = json(&workspace.figureground(["compare", "a", "a/records.jsonl", "--json", "-"]).succeeded().stdout);
    assert_eq!((same["clips"].as_u64(), same["changed"].as_array().map(Vec::len)), (Some(6), Some(0)));
    let differences = same["differences"].as_array().unwrap();
    assert!(differences.iter().any(|difference| difference["measure"] == "aurc_max-softmax"), "{same}");
    for difference in differences.iter().filter(|difference| !difference["difference"].is_null()) {
        assert_eq!((difference["low"].as_f64(), difference["high"].as_f64()), (Some(0.0), Some(0.0)), "{difference}");
    }
    assert!(same["runs"][0]["bundle"]["checksum"].as_str().unwrap().len() == 64, "{same}");

    fs::create_dir(workspace.path("b")).unwrap();
    fs::copy(workspace.path("a/records.jsonl"), workspace.path("b/records.jsonl")).unwrap();
    change(&workspace, "b", "waving/b", |line| {
        line["label"] = "bowing".into();
        line["verdict"] = "flag".into();
        line["reason"] = "background-dominates".into();
    });
    let ended = workspace.figureground(["compare", "a", "b", "--html", "page.html", "--json", "out.json"]).succeeded();
    assert!(ended.stdout.contains("1 clips changed") && ended.stdout.contains("waving/b"), "{}", ended.stdout);
    let changed = json(&fs::read_to_string(workspace.path("out.json")).unwrap())["changed"].clone();
    assert_eq!(changed[0]["labels"][1], "bowing", "{changed}");
    assert_eq!(changed[0]["verdicts"][1], "flag: background-dominates", "{changed}");
    let page = fs::read_to_string(workspace.path("page.html")).unwrap();
    assert!(page.contains("waving/b") && page.contains("role=\"img\"") && !page.contains("http"), "{page}");
}

#[test]
fn runs_on_other_clips_are_refused_unless_only_common_ones_are_wanted() {
    let workspace = Workspace::new();
    validate(&workspace, "a", &workspace.bundle());
    fs::create_dir(workspace.path("b")).unwrap();
    let text = fs::read_to_string(workspace.path("a/records.jsonl")).unwrap();
    let kept = text.lines().filter(|line| !line.contains("\"clip\":\"walking/a\"")).map(|line| format!("{line}\n"));
    fs::write(workspace.path("b/records.jsonl"), kept.collect::<String>()).unwrap();
    workspace.refuses(
        ["compare", "a", "b", "--html", "page.html"],
        "data set",
        &["1 clips only in A (walking/a)", "--common"],
    );
    let common = workspace.figureground(["compare", "b", "a", "--common", "--json", "-"]).succeeded();
    let common = json(&common.stdout);
    assert_eq!((common["clips"].as_u64(), common["left_out"].as_u64()), (Some(5), Some(1)));
    workspace.refuses(["compare", "a", "nowhere"], "data set", &["nowhere"]);
    workspace.refuses(["compare", "a", "set"], "data set", &["records.jsonl"]);
}
