//! `migrate` as a user runs it.

use figureground_tests::program::{Workspace, demo, valid_line};
use serde_json::Value;
use std::fs;

const VERDICT: &str = concat!(
    r#"{"schema":1,"source":"a.gif","frames":[2,6,10],"time_us":[80,240],"label":"waving","verdict":"flag","#,
    r#""reason":"background-dominates","calibrated":true,"dominance":1.5,"scores":{"log-ratio":1.5,"margin":0.1,"#,
    r#""tie":0.0,"disagreement":0.2},"p":{"full":0.9,"person":0.1,"background":0.7},"#,
    r#""full":[{"label":"waving","p":0.9}],"person":[{"label":"bowing","p":0.8}],"#,
    r#""background":[{"label":"waving","p":0.7}],"person_area":0.125,"background_area":0.71,"#,
    r#""frames_with_person":3,"backend":"cpu","#,
    r#""timing_us":{"decode":1,"segment":2,"views":3,"encode":4,"score":5}}"#
);

fn records() -> String {
    let header = r#"{"schema":1,"classes":["waving","bowing"],"bundle":"b","clips":2,"set":"s","masks":false}"#;
    let logits = "[[-0.1,-2.5],[-0.2,-2.0],[-0.3,-1.5]]";
    let scored = format!(r#"{{"scored":{{"verdict":{VERDICT},"log_probs":{logits}}}}}"#);
    let record = |clip: &str, outcome: &str| {
        format!(r#"{{"clip":"{clip}","truth":"waving","strata":{{}},"outcome":{outcome}}}"#)
    };
    [header.to_owned(), record("a", &scored), record("b", "\"missing\"")].map(|line| line + "\n").concat()
}

#[test]
fn verdict_lines_and_records_are_rewritten_and_the_original_stays() {
    let workspace = Workspace::new();
    let lines = workspace.write("lines.jsonl", format!("{VERDICT}\n{VERDICT}\n"));
    workspace.figureground(["migrate", "lines.jsonl"]).succeeded();
    let text = fs::read_to_string(&lines).unwrap();
    assert_eq!(text.lines().count(), 2);
    for line in text.lines() {
        let line = valid_line(line);
        assert_eq!((&line["label"], &line["person_area"]), (&"waving".into(), &0.125.into()));
        assert!(line["p"].is_null() && line["full"].is_null() && line["attribution"].is_null(), "{line}");
    }
    assert!(fs::read_to_string(workspace.path("lines.jsonl.v1")).unwrap().starts_with(VERDICT));
    // What is of version 2 is refused, and so is a second original.
    workspace.refuses(["migrate", "lines.jsonl"], "command", &["schema 2"]);
    workspace.write("lines.jsonl", format!("{VERDICT}\n"));
    workspace.refuses(["migrate", "lines.jsonl"], "sink", &["lines.jsonl.v1", "exists"]);

    workspace.write("records.jsonl", records());
    // Everything else names the command.
    workspace.refuses(["compare", "records.jsonl", "records.jsonl"], "data set", &["schema 1", "figureground migrate"]);
    workspace.figureground(["migrate", "records.jsonl", "--out", "new.jsonl"]).succeeded();
    assert_eq!(fs::read_to_string(workspace.path("records.jsonl")).unwrap(), records());
    let schema = serde_json::from_str(include_str!("../../schemas/record.schema.json")).unwrap();
    let schema = jsonschema::draft202012::options().build(&schema).unwrap();
    for line in fs::read_to_string(workspace.path("new.jsonl")).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(schema.is_valid(&line), "{line}");
        if let Some(scored) = line["outcome"].get("scored") {
            valid_line(&scored["verdict"].to_string());
        }
    }
    let compared = workspace.figureground(["compare", "new.jsonl", "new.jsonl", "--json", "-"]).succeeded();
    let compared: Value = serde_json::from_str(&compared.stdout).unwrap();
    assert_eq!(compared["clips"], 1, "{compared}");
}

#[test]
fn a_bundle_is_rewritten_with_an_uncalibrated_gate() {
    let workspace = Workspace::new();
    let bundle = workspace.own_bundle("old");
    let path = bundle.join("bundle.toml");
    let text = fs::read_to_string(&path).unwrap().replacen("schema = 2", "schema = 1", 1);
    let gate = text.find("[gate]").unwrap_or_else(|| text.find("[files]").unwrap());
    let files = text.find("[files]").unwrap();
    let old = "[gate]\nscore = \"log-ratio\"\nhysteresis = 0.1\nmin-person-area = 0.02\nalpha = 1.0\n\n\
               [gate.threshold]\nlog-ratio = 1.2\nmargin = 0.6\ntie = 0.0\ndisagreement = 0.3\n\n\
               [gate.calibration]\ntemperature = [0.6, 0.5, 16.0]\noffset = [0.0, 0.04, 3.16]\n\n";
    fs::write(&path, [&text[..gate], old, &text[files..]].concat()).unwrap();
    let run =
        |bundle: &str| ["run", "--backend", "cpu", "--bundle", bundle, demo().to_str().unwrap()].map(String::from);
    workspace.refuses(run("old"), "manifest", &["schema = 1", "figureground migrate"]);
    workspace.figureground(["migrate", "old", "--out", "new"]).succeeded();
    let line = workspace.figureground(run("new")).succeeded().verdict();
    assert!(line["calibrated"].is_null(), "{line}");
    let manifest = fs::read_to_string(workspace.path("new/bundle.toml")).unwrap();
    assert!(manifest.contains("min-person-area = 0.02") && !manifest.contains("log-ratio"), "{manifest}");
    workspace.figureground(["migrate", "old"]).succeeded();
    assert!(bundle.join("bundle.toml.v1").is_file());
    workspace.figureground(run("old")).succeeded();
    workspace.refuses(["migrate", "old"], "command", &["schema = 2"]);
    workspace.refuses(["migrate", "set"], "command", &["set"]);
}
