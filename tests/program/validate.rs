//! `validate`, `merge` and `calibrate` as a user runs them.

use figureground_tests::program::{self, Workspace, demo};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::LazyLock;
use std::time::Duration;

const LABELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/demo/labels.txt");

/// Writes a data set of `count` clips in folders of the bundle's classes, a damaged one, and one of another class.
fn data_set(workspace: &Workspace, count: usize) -> PathBuf {
    let labels = fs::read_to_string(LABELS).unwrap();
    let labels: Vec<&str> = labels.lines().collect();
    let root = workspace.path("set");
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

/// Writes a data set of which nearly half the labels are right, so that there is a best temperature.
fn half_right(workspace: &Workspace) -> PathBuf {
    let root = data_set(workspace, 16);
    let line = workspace.run(["--backend", "cpu", demo().to_str().unwrap()]).succeeded().verdict();
    let folder = root.join(line["label"].as_str().unwrap().replace(' ', "_"));
    for index in 0..12 {
        fs::copy(demo(), folder.join(format!("right-{index}.gif"))).unwrap();
    }
    root
}

fn arguments(workspace: &Workspace, root: &Path, out: &str, more: &[&str]) -> Vec<String> {
    let mut all = vec!["validate".into(), root.display().to_string(), "--format".into(), "folder".into()];
    all.extend(["--backend", "cpu", "--threads", "1", "--bundle"].map(String::from));
    all.extend([workspace.bundle().display().to_string(), "--out".into(), workspace.path(out).display().to_string()]);
    all.extend(more.iter().map(|&argument| argument.to_owned()));
    all
}

/// Keys of a verdict line that differ between runs that measure the same.
const OF_ONE_LINE: [&str; 3] = ["timing_us", "at", "run"];

static RECORD_SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = serde_json::from_str(include_str!("../../schemas/record.schema.json")).unwrap();
    jsonschema::draft202012::options().build(&schema).unwrap()
});

/// Checks a line of records against its schema, and its verdict line as those on stdout.
fn check_record(line: &str) {
    let record: Value = serde_json::from_str(line).unwrap();
    let errors: Vec<String> =
        RECORD_SCHEMA.iter_errors(&record).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    if let Some(scored) = record["outcome"].get("scored") {
        let line = program::verdict(&scored["verdict"].to_string());
        // The imported bundle has temperature 1 until it is calibrated.
        if line["calibrated"].is_null() {
            ["full", "person", "background"]
                .iter()
                .for_each(|view| check_logits(&line, view, &scored["logits"][*view]));
        }
    }
}

/// Checks that the probability of the label in a view is the softmax of its logits.
fn check_logits(line: &Value, view: &str, logits: &Value) {
    let logits: Vec<f64> = logits.as_array().unwrap().iter().map(|logit| logit.as_f64().unwrap()).collect();
    let p = line["p"][view].as_f64().unwrap();
    let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
    assert!(logits.iter().any(|logit| (logit.exp() / sum - p).abs() < 1e-6), "{view}: {p} in {line}");
}

/// Reads the records by clip, without what differs between runs that measure the same.
fn records(out: &Path) -> BTreeMap<String, Value> {
    let text = fs::read_to_string(out.join("records.jsonl")).unwrap();
    text.lines().for_each(check_record);
    let lines = text.lines().skip(1).map(|line| {
        let mut record: Value = serde_json::from_str(line).unwrap();
        if let Some(scored) = record["outcome"].get_mut("scored") {
            OF_ONE_LINE.iter().for_each(|key| drop(scored["verdict"][*key].take()));
        }
        (record["clip"].as_str().unwrap().to_owned(), record)
    });
    let all: Vec<(String, Value)> = lines.collect();
    let count = all.len();
    let by_clip: BTreeMap<String, Value> = all.into_iter().collect();
    assert_eq!(by_clip.len(), count, "no clip twice");
    by_clip
}

static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = serde_json::from_str(include_str!("../../schemas/report.schema.json")).unwrap();
    jsonschema::draft202012::options().build(&schema).unwrap()
});

/// Reads `report.json` and checks it against its schema.
fn whole_report(out: &Path) -> Value {
    let report = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    let errors: Vec<String> =
        SCHEMA.iter_errors(&report).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    report
}

/// Keys of `made` that differ between runs that measure the same.
const OF_ONE_RUN: [&str; 4] = ["at", "command", "machine", "shards"];

/// Reads `report.json` without what differs between runs that measure the same.
fn report(out: &Path) -> Value {
    let mut report = whole_report(out);
    let made = report["made"].as_object_mut().unwrap();
    OF_ONE_RUN.iter().for_each(|key| drop(made.remove(*key)));
    report
}

/// Reads `report.html` without what differs between runs that measure the same.
fn page(out: &Path) -> String {
    let (page, report) = (fs::read_to_string(out.join("report.html")).unwrap(), whole_report(out));
    let command = report["made"]["command"].as_str().unwrap();
    page.replace(report["made"]["at"].as_str().unwrap(), "AT").replace(&escaped(command), "COMMAND")
}

/// Returns `text` as the page escapes it.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    text.replace('\'', "&#x27;").replace('/', "&#x2f;")
}

/// Returns the time of the system's clock in whole seconds: UTC, RFC 3339 without the zone.
fn now() -> String {
    let output = std::process::Command::new("date").args(["-u", "+%FT%T"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Reads the rows of a CSV file (RFC 4180) by the names of their columns.
fn table(path: &Path) -> Vec<BTreeMap<String, String>> {
    let text = fs::read_to_string(path).unwrap();
    let (mut rows, mut row, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => field.extend(characters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\r' if !quoted => {
                assert_eq!(characters.next(), Some('\n'));
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            other => field.push(other),
        }
    }
    assert!(row.is_empty() && field.is_empty() && !quoted, "an incomplete last row");
    let header = rows.remove(0);
    let named = |row: Vec<String>| {
        assert_eq!(row.len(), header.len(), "{row:?}");
        header.iter().cloned().zip(row).collect()
    };
    rows.into_iter().map(named).collect()
}

#[test]
fn a_killed_run_resumes_and_gives_the_same_report() {
    let workspace = Workspace::new();
    let root = data_set(&workspace, 60);
    workspace.figureground(arguments(&workspace, &root, "complete", &[])).succeeded();
    let complete = records(&workspace.path("complete"));
    assert_eq!(complete.len(), 62);
    for (kill, millis) in [150, 300, 220].into_iter().enumerate() {
        let mut command = workspace.command();
        command.args(arguments(&workspace, &root, "killed", &["--jobs", "2"]));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(millis));
        child.kill().unwrap();
        child.wait().unwrap();
        println!(
            "kill {kill}: {:?} bytes",
            fs::metadata(workspace.path("killed/records.jsonl")).map(|file| file.len())
        );
    }
    workspace.figureground(arguments(&workspace, &root, "killed", &["--jobs", "2"])).succeeded();
    assert_eq!(records(&workspace.path("killed")), complete);
    assert_eq!(report(&workspace.path("killed")), report(&workspace.path("complete")));
    assert_eq!(page(&workspace.path("killed")), page(&workspace.path("complete")));
    assert_eq!(
        fs::read(workspace.path("killed/records.csv")).unwrap(),
        fs::read(workspace.path("complete/records.csv")).unwrap()
    );

    // Clips that cannot be scored are listed, and all others are scored.
    let report = report(&workspace.path("complete"));
    assert_eq!((report["listed"].as_u64(), report["clips"].as_u64()), (Some(62), Some(60)));
    assert_eq!(report["mislabelled"], serde_json::json!(["knitting/a"]));
    assert!(report.get("attribution").is_none(), "clips without people and places are no grid");
    let unreadable: Vec<&String> = report["unreadable"].as_object().unwrap().keys().collect();
    assert!(unreadable.len() == 1 && unreadable[0].ends_with("/damaged"), "{unreadable:?}");

    // Only the damaged clip is scored again.
    let damaged = root.join(unreadable[0].replace("/damaged", "")).join("damaged.gif");
    fs::copy(demo(), damaged).unwrap();
    let before = fs::metadata(workspace.path("complete/records.jsonl")).unwrap().len();
    workspace.figureground(arguments(&workspace, &root, "complete", &[])).succeeded();
    assert_eq!(self::report(&workspace.path("complete"))["clips"].as_u64(), Some(61));
    let after = fs::metadata(workspace.path("complete/records.jsonl")).unwrap().len();
    assert!((before + 100..before + 10_000).contains(&after), "{before} {after}");

    // The same clip gives the same line as in `run`.
    let (_, record) = complete.iter().find(|(_, record)| record["outcome"].get("scored").is_some()).unwrap();
    let verdict = &record["outcome"]["scored"]["verdict"];
    let source = verdict["source"].as_str().unwrap();
    let mut ran = workspace.run(["--backend", "cpu", "--threads", "1", source]).succeeded().verdict();
    OF_ONE_LINE.iter().for_each(|key| drop(ran[*key].take()));
    assert_eq!(&ran, verdict);
}

#[test]
fn merged_shards_give_the_report_of_the_complete_run() {
    let workspace = Workspace::new();
    let root = data_set(&workspace, 9);
    workspace.figureground(arguments(&workspace, &root, "complete", &[])).succeeded();
    let mut merge = vec!["merge".to_owned()];
    for shard in ["1/3", "2/3", "3/3"] {
        let out = format!("shard-{}", &shard[..1]);
        workspace.figureground(arguments(&workspace, &root, &out, &["--shard", shard])).succeeded();
        merge.push(workspace.path(&out).display().to_string());
    }
    merge.extend(["--bundle".to_owned(), workspace.bundle().display().to_string()]);
    merge.extend(["--out".to_owned(), workspace.path("merged").display().to_string()]);
    workspace.figureground(&merge).succeeded();
    assert_eq!(records(&workspace.path("merged")), records(&workspace.path("complete")));
    assert_eq!(report(&workspace.path("merged")), report(&workspace.path("complete")));
    let shards = whole_report(&workspace.path("merged"))["made"]["shards"].clone();
    let parts: Vec<&Value> = shards.as_array().unwrap().iter().map(|shard| &shard["data"]["shard"]).collect();
    assert_eq!(parts, ["1/3", "2/3", "3/3"]);
    assert_eq!(
        fs::read(workspace.path("merged/records.csv")).unwrap(),
        fs::read(workspace.path("complete/records.csv")).unwrap()
    );

    // Some of the shards are refused, with the numbers of the others, and nothing is written.
    let some = |shards: &[&str]| {
        let mut some = vec!["merge".to_owned()];
        some.extend(shards.iter().map(|shard| workspace.path(shard).display().to_string()));
        some.extend(["--bundle".to_owned(), workspace.bundle().display().to_string()]);
        some.extend(["--out".to_owned(), workspace.path("some").display().to_string()]);
        workspace.figureground(&some)
    };
    some(&["shard-1", "shard-3"]).refused("data set", &["a record of every clip", "of 11 clips: shard 2/3 is missing"]);
    some(&["shard-2"]).refused("data set", &["shards 1/3, 3/3 are missing"]);
    some(&["shard-2", "shard-2"]).refused("data set", &["shards 1/3, 3/3 are missing"]);
    fs::rename(workspace.path("shard-3/report.json"), workspace.path("shard-3/away")).unwrap();
    some(&["shard-1", "shard-3"]).refused("data set", &["shard-3 has no report.json"]);
    assert!(!workspace.path("some").exists());
    // All records are there: the report of a shard is not needed.
    some(&["shard-1", "shard-2", "shard-3"]).succeeded();
    assert_eq!(report(&workspace.path("some"))["metrics"], report(&workspace.path("complete"))["metrics"]);

    // A shard of another data set is refused.
    let other = workspace.path("other");
    fs::create_dir_all(&other).unwrap();
    let text = fs::read_to_string(workspace.path("shard-1/records.jsonl")).unwrap();
    fs::write(other.join("records.jsonl"), text.replacen("\"set\":\"", "\"set\":\"0", 1)).unwrap();
    merge.insert(1, other.display().to_string());
    workspace.figureground(&merge).refused("data set", &["another set of clips", " and not "]);
    merge.remove(1);

    // One clip with two records is an error, before anything is written; the same record twice is none.
    let contradicting = workspace.path("contradicting");
    fs::create_dir_all(&contradicting).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let scored = lines.iter().position(|line| line.contains("\"logits\":{\"full\":[")).unwrap();
    let merge_both = |second: &str| {
        fs::write(contradicting.join("records.jsonl"), format!("{}\n{second}\n", lines[0])).unwrap();
        let mut both = merge.clone();
        both.insert(1, contradicting.display().to_string());
        *both.last_mut().unwrap() = workspace.path("both").display().to_string();
        workspace.figureground(&both)
    };
    let mut record: Value = serde_json::from_str(lines[scored]).unwrap();
    let clip = format!("{:?}", record["clip"].as_str().unwrap());
    record["outcome"]["scored"]["logits"]["full"][0] = 0.5.into();
    let changed = record.to_string();
    let words = [clip.as_str(), "contradicting/records.jsonl", "shard-1/records.jsonl"];
    merge_both(&changed).refused("data set", &words);
    assert!(!workspace.path("both").exists());
    merge_both(lines[scored]).succeeded();
}

#[test]
fn a_report_says_how_it_was_made_and_what_every_share_stands_on() {
    let workspace = Workspace::new();
    let root = data_set(&workspace, 5);
    fs::write(root.join("set_strata.csv"), "video,light,\"a, \"\"b\"\"\"\n000,day,\"x, y\"\n001,night,\n").unwrap();
    let begin = now();
    workspace.figureground(arguments(&workspace, &root, "out dir", &["--seed", "7"])).succeeded();
    let out = workspace.path("out dir");
    let (report, html) = (whole_report(&out), fs::read_to_string(out.join("report.html")).unwrap());
    let made = &report["made"];
    assert_eq!(made["version"], env!("CARGO_PKG_VERSION"));
    let header: Value =
        serde_json::from_str(fs::read_to_string(out.join("records.jsonl")).unwrap().lines().next().unwrap()).unwrap();
    assert_eq!((&made["bundle"]["checksum"], &made["data"]["checksum"]), (&header["bundle"], &header["set"]));
    assert_eq!((&made["data"]["name"], &made["data"]["clips"]), (&"set".into(), &7.into()));
    assert_eq!((&made["backends"], &made["calibrated"]), (&serde_json::json!({"cpu": 5}), &Value::Null));
    let command = made["command"].as_str().unwrap();
    assert!(command.starts_with("figureground validate ") && command.contains("--out '"), "{command}");
    // No counterfactual clips were made.
    assert!(made["seeds"]["counterfactual"].is_null());
    let at = made["at"].as_str().unwrap();
    assert!(begin.as_str() <= at && &at[..begin.len()] <= now().as_str(), "{at}");

    // The page says it in words.
    let words = |value: &Value| escaped(value.as_str().unwrap());
    let machine = &made["machine"];
    let mut all = vec![words(&made["version"]), words(&made["bundle"]["name"]), words(&made["bundle"]["checksum"])];
    all.extend([words(&made["data"]["checksum"]), words(&made["command"]), words(&made["at"])]);
    all.extend([words(&machine["system"]), format!("{} cores", machine["cores"]), "Not calibrated".into()]);
    all.push(format!("exceeds {}", made["gate"]["threshold"]));
    all.extend(["5 of 7 clips were scored".into(), "cpu: 5".into(), format!("samples {}", made["seeds"]["bootstrap"])]);
    all.extend(made["gate"].as_object().unwrap().keys().map(|name| format!("<td>{name}</td>")));
    all.iter().for_each(|words| assert!(html.contains(words.as_str()), "{words:?} is not on the page"));
    assert!(html.matches("<svg").count() == 3 && html.matches("<svg role=\"img\" aria-label=\"").count() == 3);

    // Every share has its denominator, and an interval that is no point.
    let shares = ["top1", "top5", "p_top1", "b_top1"].map(|name| &report["metrics"][name]);
    for share in shares.into_iter().chain([&report["verdicts"]["flagged"], &report["verdicts"]["accepted"]]) {
        let [value, low, high] = ["value", "low", "high"].map(|key| share[key].as_f64().unwrap());
        assert!(share["of"] == 5 && low <= value && value <= high && high - low > 0.3, "{share}");
        let count = (value * 5.0).round();
        assert!(html.contains(&format!("{count} of 5")), "{share}");
    }

    // The table has the same numbers as the records.
    let rows = table(&out.join("records.csv"));
    let records = records(&out);
    assert_eq!(rows.len(), records.len());
    for row in &rows {
        let record = &records[&row["clip"]];
        assert_eq!(record["truth"], row["truth"]);
        let Some(line) = record["outcome"].get("scored").map(|scored| &scored["verdict"]) else {
            assert!(row["outcome"] != "scored" && row["label"].is_empty() && row["right"].is_empty(), "{row:?}");
            assert_eq!(!row["error"].is_empty(), row["outcome"] == "unreadable", "{row:?}");
            continue;
        };
        assert_eq!((row["outcome"].as_str(), line["verdict"].as_str()), ("scored", Some(row["verdict"].as_str())));
        assert_eq!(line["label"], row["label"]);
        assert_eq!(line["reason"].as_str().unwrap_or_default(), row["reason"]);
        let near = |column: &str, value: &Value| {
            let got: f64 = row[column].parse().unwrap();
            assert!((got - value.as_f64().unwrap()).abs() < 1e-6, "{column}: {got} for {value}");
        };
        ["full", "person", "background"].iter().for_each(|view| near(&format!("p_{view}"), &line["p"][*view]));
        ["person_area", "background_area"].iter().for_each(|area| near(area, &line[*area]));
        let p = |view: &str| line["p"][view].as_f64().unwrap();
        near("dominance", &(p("background") - p("person")).into());
        near("dominance", &line["attribution"]["value"]);
        assert_eq!(line["explained_by"], row["explained_by"]);
        assert_eq!(row["right"], (row["label"].replace(' ', "_") == row["truth"]).to_string());
    }
    let right = rows.iter().filter(|row| row["right"] == "true").count();
    assert_eq!(report["metrics"]["top1"]["value"].as_f64().unwrap(), right as f64 / 5.0);
    let strata = |clip: &str| {
        let row = rows.iter().find(|row| row["clip"].ends_with(clip)).unwrap();
        row.iter().filter(|(name, _)| name.starts_with("strata.")).map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    assert_eq!((strata("/000"), strata("/001")), (vec!["x, y".into(), "day".into()], vec!["".into(), "night".into()]));
    assert!(rows[0].contains_key("strata.a, \"b\""), "{:?}", rows[0]);
}

#[test]
fn a_crossed_grid_is_measured_as_one_and_by_shards() {
    let workspace = Workspace::new();
    let labels = fs::read_to_string(LABELS).unwrap();
    let classes: Vec<&str> = labels.lines().take(3).collect();
    let root = workspace.path("grid");
    let mut strata = "video,label,background,seed\n".to_owned();
    for (person, class) in classes.iter().enumerate() {
        let folder = root.join(class.replace(' ', "_"));
        fs::create_dir_all(&folder).unwrap();
        for (place, background) in classes.iter().enumerate() {
            fs::copy(demo(), folder.join(format!("{person}-{place}.gif"))).unwrap();
            strata += &format!("{person}-{place},{class},{background},{person}00\n");
        }
    }
    fs::write(root.join("grid_strata.csv"), strata).unwrap();
    let shown = workspace.figureground(arguments(&workspace, &root, "one", &[])).succeeded();
    assert!(shown.stderr.contains("3 people in 3 places"), "{shown:#?}");
    let one = report(&workspace.path("one"));
    let grid = &one["attribution"];
    assert_eq!((&grid["people"], &grid["places"], &grid["cells"]), (&3.into(), &3.into(), &9.into()));
    // All clips are copies of one: everybody gets the same label everywhere, so the place explains none.
    for (measure, value) in [("kept_elsewhere", 1.0), ("given_to_others", 1.0), ("by_place", 0.0)] {
        assert_eq!(grid[measure]["value"], value, "{measure}: {grid}");
    }
    assert_eq!((&grid["names_place"]["of"], &grid["names_place_by_chance"]), (&6.into(), &0.5.into()));
    assert!(grid["scores"]["dominance"]["average_precision"]["value"].is_null(), "{grid}");
    // Their backgrounds are the same, so that permuting them changes no flag.
    let flagged = grid["flagged"]["clips"].as_f64().unwrap() / 9.0;
    assert!((grid["flagged_permuted"]["value"].as_f64().unwrap() - flagged).abs() < 1e-9, "{grid}");
    assert_eq!((&grid["flagged"]["background_not_first"], &grid["permutations"]), (&0.into(), &10.into()));
    let page = fs::read_to_string(workspace.path("one/report.html")).unwrap();
    assert!(page.contains("What explains the labels") && page.contains("minus-p-person"));

    let mut merge = vec!["merge".to_owned()];
    for shard in ["1/2", "2/2"] {
        let out = format!("part-{}", &shard[..1]);
        workspace.figureground(arguments(&workspace, &root, &out, &["--shard", shard])).succeeded();
        merge.push(workspace.path(&out).display().to_string());
    }
    merge.extend(["--bundle".to_owned(), workspace.bundle().display().to_string()]);
    merge.extend(["--out".to_owned(), workspace.path("merged").display().to_string()]);
    workspace.figureground(&merge).succeeded();
    assert_eq!(report(&workspace.path("merged")), one);
    assert_eq!(records(&workspace.path("merged")), records(&workspace.path("one")));
}

#[test]
fn calibrate_replaces_the_gate_writes_a_new_bundle_or_changes_nothing() {
    let workspace = Workspace::new();
    let root = half_right(&workspace);
    let bundle = workspace.own_bundle("own");
    let mut validate = arguments(&workspace, &root, "out", &[]);
    let flag = validate.iter().position(|argument| argument == "--bundle").unwrap();
    validate[flag + 1] = bundle.display().to_string();
    workspace.figureground(&validate).succeeded();
    let before = fs::read(bundle.join("bundle.toml")).unwrap();
    let records = workspace.path("out/records.jsonl").display().to_string();
    let calibrate_to = |risk: &str, bundle: &Path, to: &[&str]| {
        let bundle = bundle.display().to_string();
        let flags = ["calibrate", &records, "--risk", risk, "--delta", "0.5", "--bundle", &bundle];
        workspace.figureground([&flags[..], to].concat())
    };
    let calibrate = |risk: &str, bundle: &Path| calibrate_to(risk, bundle, &["--in-place"]);
    // All clips are copies of one: half of the labels are wrong.
    calibrate("0.05", &bundle).refused("gate", &["max-softmax"]);
    calibrate("1.5", &bundle).refused("gate", &["between 0 and 1"]);
    calibrate("0.2", &workspace.own_bundle("another-of-the-same")).refused("gate", &["max-softmax"]);
    // Where the gate goes must be said, and a dry run writes nothing.
    let ended = calibrate_to("0.99", &bundle, &[]);
    assert!(ended.code == Some(2) && ended.stderr.contains("--out"), "{ended:#?}");
    let files = workspace.files();
    let shown = calibrate_to("0.99", &bundle, &["--dry-run"]).succeeded().stdout;
    assert!(shown.contains("gate.calibration") && shown.contains(" -> "), "{shown}");
    assert_eq!((fs::read(bundle.join("bundle.toml")).unwrap(), workspace.files()), (before.clone(), files));
    // A new bundle holds the same files.
    let copy = workspace.path("copy");
    calibrate_to("0.99", &bundle, &["--out", copy.to_str().unwrap()]).succeeded();
    calibrate_to("0.99", &bundle, &["--out", copy.to_str().unwrap()]).refused("sink", &["exists", "--out"]);
    assert_eq!(fs::read(bundle.join("bundle.toml")).unwrap(), before);
    for entry in bundle.read_dir().unwrap().map(|entry| entry.unwrap()) {
        let is_manifest = entry.file_name() == "bundle.toml";
        let is_same = fs::read(entry.path()).unwrap() == fs::read(copy.join(entry.file_name())).unwrap();
        assert!(is_same != is_manifest, "{entry:?}");
    }
    workspace.run(["--backend", "cpu", "--bundle", copy.to_str().unwrap(), demo().to_str().unwrap()]).succeeded();
    calibrate("0.99", &bundle).succeeded();
    let after = fs::read_to_string(bundle.join("bundle.toml")).unwrap();
    assert!(after.contains("[gate.calibration]") && after.as_bytes() != before);
    assert_eq!(after.lines().count(), fs::read_to_string(copy.join("bundle.toml")).unwrap().lines().count());
    // The records stay valid: the gate does not change scores.
    calibrate("0.99", &bundle).succeeded();
}

#[test]
fn after_a_calibration_report_and_records_are_of_the_new_gate() {
    let workspace = Workspace::new();
    let root = half_right(&workspace);
    let bundle = workspace.own_bundle("own").display().to_string();
    let validate = |out: &str| {
        let all = arguments(&workspace, &root, out, &["--bundle", &bundle]);
        let first = all.iter().position(|argument| argument == "--bundle").unwrap();
        let all = [&all[..first], &all[first + 2..]].concat();
        workspace.figureground(all).succeeded();
    };
    let lines = |out: &str| {
        let mut lines = records(&workspace.path(out));
        lines.retain(|_, record| record["outcome"].get("scored").is_some());
        for record in lines.values_mut() {
            let verdict = &mut record["outcome"]["scored"]["verdict"];
            verdict["at"].take();
            verdict["run"].take();
        }
        lines
    };
    let share = |out: &str| report(&workspace.path(out))["verdicts"]["flagged"]["value"].as_f64().unwrap();
    let flagged = |out: &str| {
        let lines = lines(out);
        let is_flagged = |record: &&Value| record["outcome"]["scored"]["verdict"]["verdict"] == "flag";
        lines.values().filter(is_flagged).count() as f64 / lines.len() as f64
    };
    validate("before");
    let before = lines("before");
    let records = workspace.path("before/records.jsonl").display().to_string();
    let flags = ["calibrate", &records, "--risk", "0.99", "--delta", "0.5", "--bundle", &bundle, "--in-place"];
    workspace.figureground(flags).succeeded();
    // Nothing was judged again yet.
    assert!(lines("before") == before && (share("before") - flagged("before")).abs() < 1e-9);
    // The same command again, and the same run anew, say the same.
    validate("before");
    validate("fresh");
    assert_eq!(lines("before"), lines("fresh"));
    assert_ne!(lines("before"), before, "the calibration changed nothing");
    assert_eq!(share("before"), share("fresh"));
    assert!((share("before") - flagged("before")).abs() < 1e-9, "{} {}", share("before"), flagged("before"));
}

#[test]
fn an_invalid_data_set_is_an_error_and_writes_nothing() {
    let workspace = Workspace::new();
    let root = data_set(&workspace, 2);
    let with = |format: &str, data: &Path| {
        let mut all = arguments(&workspace, data, "out", &[]);
        all[3] = format.to_owned();
        workspace.figureground(all)
    };
    with("mimetics", &root).refused("data set", &["--annotations"]);
    with("hat", &root).refused("data set", &["ori"]);
    with("folder", &workspace.path("nowhere")).refused("data set", &["nowhere"]);
    assert!(!workspace.path("out").exists());
}

/// Writes two clips in the class that the bundle predicts for them, and two in another class.
fn pairs(workspace: &Workspace) -> PathBuf {
    let root = workspace.path("pairs");
    let line = workspace.run(["--backend", "cpu", demo().to_str().unwrap()]).succeeded().verdict();
    let predicted = line["label"].as_str().unwrap().to_owned();
    let labels = fs::read_to_string(LABELS).unwrap();
    for label in [predicted.as_str(), labels.lines().find(|label| *label != predicted).unwrap()] {
        fs::create_dir_all(root.join(label)).unwrap();
        for clip in ["a.gif", "b.gif"] {
            fs::copy(demo(), root.join(label).join(clip)).unwrap();
        }
    }
    root
}

#[test]
fn counterfactual_sets_are_scored_while_they_are_made() {
    let workspace = Workspace::new();
    let root = pairs(&workspace);
    let all = ["--counterfactual", "all", "--pointing"];
    workspace.figureground(arguments(&workspace, &root, "complete", &all)).succeeded();
    let complete = report(&workspace.path("complete"));
    let measures = &complete["counterfactual"];
    assert_eq!(measures["top1"].as_object().unwrap().len(), 3 + 4 * 3 + 3);
    for (_, set) in measures["top1"].as_object().unwrap() {
        assert_eq!(set["clips"], 4);
    }
    for kind in ["random", "close", "far", "same"] {
        let swap = &measures["swaps"][kind];
        assert!(swap["shacc"]["draws"] == 3 && swap["sberr"].is_null() == (kind == "same"), "{kind}");
    }
    assert!(measures["bor"]["value"].is_number() && measures["hor"]["value"].is_number());
    assert!(measures["still"]["stripes"]["contrastive"]["value"].is_number());
    assert!(complete["metrics"]["pointing"]["value"].is_number());

    // Merged shards give the same report.
    let some = ["--counterfactual", "background-only,swap-random,scuba"];
    workspace.figureground(arguments(&workspace, &root, "some", &some)).succeeded();
    let mut merge = vec!["merge".to_owned()];
    for shard in ["1/2", "2/2"] {
        let out = format!("some-{}", &shard[..1]);
        let more = [&["--shard", shard, "--jobs", "2"], &some[..]].concat();
        workspace.figureground(arguments(&workspace, &root, &out, &more)).succeeded();
        merge.push(workspace.path(&out).display().to_string());
    }
    merge.extend(["--bundle".to_owned(), workspace.bundle().display().to_string()]);
    merge.extend(["--out".to_owned(), workspace.path("merged").display().to_string()]);
    workspace.figureground(&merge).succeeded();
    assert_eq!(report(&workspace.path("merged")), report(&workspace.path("some")));

    // Another seed makes other clips: their records do not go into the same files.
    let error =
        workspace.figureground(arguments(&workspace, &root, "complete", &["--counterfactual", "scuba", "--seed", "5"]));
    error.refused("data set", &["another counterfactual set"]);
}

#[test]
fn a_written_set_gives_the_same_scores_as_one_that_is_made_while_scoring() {
    let workspace = Workspace::new();
    let root = pairs(&workspace);
    let bundle = workspace.bundle().display().to_string();
    let write = |set: &str, out: &str, more: &[&str]| {
        let mut all = vec!["counterfactual".to_owned(), root.display().to_string()];
        all.extend(["--format", "folder", "--bundle", &bundle, "--set", set, "--out"].map(String::from));
        all.push(workspace.path(out).display().to_string());
        all.extend(more.iter().map(|&argument| argument.to_owned()));
        workspace.figureground(all).succeeded();
    };
    for (set, folder, file) in
        [("swap-far", "swap-far-2", "swap-far-2.jsonl"), ("conflfg", "", "conflfg-stripes.jsonl")]
    {
        write(set, set, &["--jobs", "2"]);
        let made = workspace.path(set).join(folder);
        let out = format!("{set}-written");
        workspace.figureground(arguments(&workspace, &made, &out, &[])).succeeded();
        workspace.figureground(arguments(&workspace, &root, "on-the-fly", &["--counterfactual", set])).succeeded();
        let scored = |path: PathBuf| -> BTreeMap<String, Value> {
            let text = fs::read_to_string(path).unwrap();
            let line = |line: &str| {
                let record: Value = serde_json::from_str(line).unwrap();
                (record["clip"].as_str().unwrap().to_owned(), record["outcome"]["scored"]["logits"].clone())
            };
            text.lines().skip(1).map(line).collect()
        };
        let written = scored(workspace.path(&out).join("records.jsonl"));
        assert_eq!(written, scored(workspace.path("on-the-fly").join(file)), "{set}");
        assert!(written.len() == 4 && written.values().all(Value::is_object));
    }
    if !program::has_ffmpeg("counterfactual clips as MP4") {
        return;
    }
    write("background-only", "videos", &["--as", "mp4"]);
    let class =
        fs::read_dir(workspace.path("videos")).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_dir());
    let video = class.unwrap().join("a.mp4");
    let line = workspace.run(["--backend", "cpu", video.to_str().unwrap()]).succeeded().verdict();
    assert_eq!(line["frames"].as_array().unwrap().len(), 8);
}

#[test]
fn a_written_set_is_of_one_seed_and_of_the_clips_that_lie_there() {
    let workspace = Workspace::new();
    let root = pairs(&workspace);
    let labels = fs::read_to_string(LABELS).unwrap();
    let class = root.join(labels.lines().next().unwrap().replace(' ', "_"));
    let class = if class.is_dir() { class } else { root.read_dir().unwrap().next().unwrap().unwrap().path() };
    let write = |out: &str, set: &str, more: &[&str]| {
        let mut all = vec!["counterfactual".to_owned(), root.display().to_string(), "--format".into(), "folder".into()];
        all.extend(["--bundle".into(), workspace.bundle().display().to_string(), "--set".into(), set.to_owned()]);
        all.extend(["--out".into(), workspace.path(out).display().to_string()]);
        all.extend(more.iter().map(|&argument| argument.to_owned()));
        workspace.figureground(all)
    };
    let content = |out: &str| -> BTreeMap<PathBuf, Vec<u8>> {
        let (mut files, mut folders) = (BTreeMap::new(), vec![workspace.path(out)]);
        while let Some(folder) = folders.pop() {
            for path in folder.read_dir().unwrap().map(|entry| entry.unwrap().path()) {
                match path.is_dir() {
                    true => folders.push(path),
                    false if path.extension().is_some_and(|extension| extension == "png") => {
                        drop(files.insert(path.clone(), fs::read(&path).unwrap()));
                    }
                    false => {}
                }
            }
        }
        files
    };
    write("out", "scuba", &[]).succeeded();
    let first = content("out");
    assert!(!first.is_empty());

    // Another seed, another set, another format.
    write("out", "scuba", &["--seed", "7"]).refused("data set", &["the seed 0 and not 7", "--out"]);
    write("out", "scufo", &[]).refused("data set", &["scuba-stripes and not scufo-stripes"]);
    assert_eq!(content("out"), first);

    // A clip that was changed or removed is made again, and what a killed run left is removed.
    let (path, bytes) = first.iter().next().unwrap();
    fs::write(path, "another picture").unwrap();
    let stale = path.ancestors().nth(2).unwrap().join(".figureground-abcDEF");
    fs::create_dir(&stale).unwrap();
    let shown = write("out", "scuba", &[]).succeeded();
    assert!(shown.stderr.contains("1 clips of scuba-stripes are written again"), "{shown:#?}");
    assert!(fs::read(path).unwrap() == *bytes && content("out") == first);
    assert!(cfg!(not(unix)) || !stale.exists());

    // Another run that writes there.
    let file = fs::File::options().read(true).write(true).open(workspace.path("out/counterfactual.jsonl")).unwrap();
    file.try_lock().unwrap();
    write("out", "scuba", &[]).refused("sink", &["another run is writing"]);
    drop(file);

    // Clips without the file that says what they were made from, such as the data set itself.
    fs::remove_file(workspace.path("out/counterfactual.jsonl")).unwrap();
    write("out", "scuba", &[]).refused("data set", &["without a counterfactual.jsonl", "choose another directory"]);
    assert_eq!(content("out"), first);

    // Two clips of one label with one name.
    for folder in ["day", "night"] {
        fs::create_dir_all(class.join(folder)).unwrap();
        let mut video = b"YUV4MPEG2 W32 H32 F25:1 Cmono\n".to_vec();
        (0..8).for_each(|_| video.extend([&b"FRAME\n"[..], &[90; 32 * 32]].concat()));
        fs::write(class.join(folder).join("same.y4m"), video).unwrap();
    }
    write("named", "background-only", &[]).succeeded();
    let class = workspace.path("named").join(class.file_name().unwrap());
    let names: Vec<String> =
        class.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names.iter().filter(|name| name.contains("same")).count(), 2, "{names:?}");
}

#[test]
fn a_set_that_cannot_be_made_is_an_error() {
    let workspace = Workspace::new();
    let root = pairs(&workspace);
    let list = |name: &str| format!("{}/fixtures/hat/{name}", env!("CARGO_MANIFEST_DIR"));
    let refused = |more: &[&str], stage: &str, words: &str| {
        let all = arguments(&workspace, &root, "refused", &[&["--counterfactual", "swap-far"], more].concat());
        workspace.figureground(all).refused(stage, &[words]);
    };
    refused(&["--swaps", &list("actionswap_far_1.pickle")], "data set", "was not called");
    refused(&["--swaps", &list("no.pickle")], "data set", "actionswap_");
    refused(&["--backgrounds", "no such folder"], "data set", "a folder of pictures");
    refused(&["--inpainter", LABELS], "model", "ONNX");
}

#[test]
fn precomputed_masks_replace_the_segmenter() {
    let workspace = Workspace::new();
    let root = pairs(&workspace);
    // The masks of one class have the person in the left half; those of the other are empty, which gives no verdict.
    for (label, value) in fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name()).zip([255u8, 0]) {
        for clip in ["a", "b"] {
            let folder = workspace.path("masks").join("seg").join(&label).join(clip);
            fs::create_dir_all(&folder).unwrap();
            let shape = |x, _| image::Luma([if x < 80 { value } else { 0 }]);
            for frame in 1..=32 {
                let mask: image::GrayImage = image::ImageBuffer::from_fn(160, 120, shape);
                mask.save(folder.join(format!("{frame:06}.png"))).unwrap();
            }
        }
    }
    let masks = workspace.path("masks").display().to_string();
    workspace.figureground(arguments(&workspace, &root, "masked", &["--masks", &masks])).succeeded();
    for record in records(&workspace.path("masked")).values() {
        let verdict = &record["outcome"]["scored"]["verdict"];
        let area = verdict["person_area"].as_f64().unwrap();
        match verdict["frames_with_person"].as_u64().unwrap() {
            0 => assert!(area == 0.0 && verdict["reason"] == "no-person", "{verdict}"),
            // Half of the frame; the crop takes its middle.
            frames => assert!(frames == 8 && (area - 0.5).abs() < 0.02, "{verdict}"),
        }
    }
    let again = workspace.figureground(arguments(&workspace, &root, "masked", &[]));
    again.refused("data set", &["other masks"]);
    let far = arguments(&workspace, &root, "far", &["--masks", &masks, "--counterfactual", "human-only,swap-same"]);
    workspace.figureground(far).succeeded();
    // Two clips have no person: Human-Only makes them one colour, and they are not swapped.
    let top1 = report(&workspace.path("far"))["counterfactual"]["top1"].clone();
    assert_eq!((top1["human-only"]["clips"].as_u64(), top1["swap-same-1"]["clips"].as_u64()), (Some(4), Some(2)));
    workspace
        .figureground(arguments(&workspace, &root, "none", &["--masks", LABELS]))
        .refused("data set", &["none of 4 clips"]);
}

#[test]
fn a_run_goes_on_only_with_what_it_was_made_from() {
    let workspace = Workspace::new();
    let root = data_set(&workspace, 2);
    let labels = fs::read_to_string(LABELS).unwrap();
    let class = root.join(labels.lines().next().unwrap().replace(' ', "_"));
    let clip = class.join("000.gif");
    fs::remove_file(class.join("damaged.gif")).unwrap();
    let masks = |name: &str| {
        let folder = workspace.path(name);
        for clip in root.read_dir().unwrap().flat_map(|class| class.unwrap().path().read_dir().unwrap()) {
            let path = clip.unwrap().path();
            let to = folder.join(path.parent().unwrap().file_name().unwrap()).join(path.file_stem().unwrap());
            fs::create_dir_all(&to).unwrap();
            let from = figureground_tests::fixture("demo/masks");
            for mask in from.read_dir().unwrap().map(|mask| mask.unwrap()) {
                fs::copy(mask.path(), to.join(mask.file_name())).unwrap();
            }
        }
        folder
    };
    let (one, two) = (masks("one"), masks("two"));
    let run = |out: &str, more: &[&str]| workspace.figureground(arguments(&workspace, &root, out, more));
    let with = |masks: &Path| ["--masks".to_owned(), masks.display().to_string()];
    let with = |masks: &Path, out: &str| run(out, &with(masks).each_ref().map(String::as_str));
    run("plain", &[]).succeeded();
    with(&one, "masked").succeeded();
    let (plain, masked) = (records(&workspace.path("plain")), records(&workspace.path("masked")));
    let id = format!("{}/000", class.file_name().unwrap().to_str().unwrap());
    assert_eq!(plain[&id]["files"]["clip"]["sha256"].as_str().unwrap().len(), 64);
    assert!(masked[&id]["files"]["masks"].is_object(), "{}", masked[&id]);

    // Other settings.
    run("plain", &["--fps", "10"]).refused("data set", &["25 frames per second of pictures and not 10", "--out"]);
    with(&one, "plain").refused("data set", &["masks of the segmenter and not masks of the set"]);
    // The same masks elsewhere, and other masks there.
    with(&two, "masked").succeeded();
    let mask = two.join(&id).join("000001.png");
    let picture = image::open(&mask).unwrap().into_luma8();
    image::GrayImage::from_pixel(picture.width(), picture.height(), image::Luma([255])).save(&mask).unwrap();
    with(&two, "masked")
        .refused("data set", &["masks ", "then", "now", &format!("{id:?}"), "choose another directory"]);
    assert_eq!(records(&workspace.path("masked")), masked);

    // A file that was written again with the same bytes is the same; another one of its name is refused.
    let bytes = fs::read(&clip).unwrap();
    fs::write(&clip, &bytes).unwrap();
    run("plain", &[]).succeeded();
    fs::copy(figureground_tests::fixture("demo/masks/000001.png"), class.join("001.png")).unwrap();
    let other = image::RgbImage::from_pixel(64, 64, image::Rgb([9, 80, 7]));
    other.save_with_format(&clip, image::ImageFormat::Gif).unwrap();
    fs::remove_file(class.join("001.png")).unwrap();
    let words = ["records of other files", &id, "sha256", "choose another directory", "put the files"];
    run("plain", &[]).refused("data set", &words);
    assert_eq!(records(&workspace.path("plain")), plain);
    run("other", &[]).succeeded();

    // Records of older versions do not say what they were made from.
    let path = workspace.path("plain/records.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let begin = text.find(",\"models\":").unwrap();
    let end = begin + text[begin..].find('}').unwrap() + 1;
    fs::write(&path, format!("{}{}", &text[..begin], &text[end..])).unwrap();
    run("plain", &[]).refused("data set", &["an older version", "choose another directory"]);
}

#[test]
fn what_is_left_out_is_counted_and_named_and_nothing_scored_is_an_error() {
    let workspace = Workspace::new();
    let root = data_set(&workspace, 1);
    let class = root.join(fs::read_to_string(LABELS).unwrap().lines().next().unwrap().replace(' ', "_"));
    image::RgbImage::from_pixel(40, 40, image::Rgb([90; 3])).save(class.join("still.PNG")).unwrap();
    for name in ["notes.txt", "b.zip", "c", ".DS_Store", "Thumbs.db", "desktop.ini"] {
        fs::write(class.join(name), b"x").unwrap();
    }
    fs::write(root.join("stray.mp4"), b"x").unwrap();
    fs::copy(class.join("000.gif"), class.join("000.avi")).unwrap();
    let ended = workspace.figureground(arguments(&workspace, &root, "out", &[])).succeeded();
    let line = |word: &str| {
        let lines: Vec<&str> = ended.stderr.lines().filter(|line| line.contains(word)).collect();
        assert_eq!(lines.len(), 1, "{ended:#?}");
        lines[0]
    };
    let left_out = line("left out");
    for part in ["4 files", "1 .mp4", "1 .txt", "1 .zip", "1 without an extension", "stray.mp4", "notes.txt"] {
        assert!(left_out.contains(part), "{part}: {left_out}");
    }
    assert!(!left_out.contains("DS_Store") && !left_out.contains("Thumbs"), "{left_out}");
    let several = line("several files");
    assert!(several.contains("000.avi is taken, not 000.gif"), "{several}");
    let report = report(&workspace.path("out"));
    // The still picture, and the damaged clip and the one of another class, which are not scored.
    assert_eq!((&report["listed"], &report["mislabelled"]), (&4.into(), &serde_json::json!(["knitting/a"])));

    // Only clips of no class are left.
    fs::remove_dir_all(&class).unwrap();
    let refused = workspace.figureground(arguments(&workspace, &root, "none", &[]));
    refused.refused("data set", &["none of 1", "1 whose label is no class of the bundle", "--bundle"]);
    assert!(workspace.path("none/report.json").is_file());
}
