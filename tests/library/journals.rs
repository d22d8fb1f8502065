//! Journals of records: interrupted and refused runs.

use figureground::evaluate::dataset::Dataset;
use figureground::evaluate::{ClipOutcome, Journal, Record, RunInfo};
use std::collections::BTreeMap;

fn info() -> RunInfo {
    RunInfo::new(&["wave".to_owned()], "sum".to_owned(), &Dataset { clips: Vec::new() })
}

fn record(clip: &str) -> Record {
    Record {
        clip: clip.into(),
        truth: "wave".into(),
        strata: BTreeMap::new(),
        pointing: None,
        files: BTreeMap::new(),
        outcome: ClipOutcome::Missing,
    }
}

#[test]
fn an_incomplete_last_line_is_removed_and_all_others_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.jsonl");
    let info = info();
    let (mut file, saved) = Journal::<Record>::open(&path, &info).unwrap();
    assert!(saved.is_empty());
    file.add(&record("a")).unwrap();
    file.add(&record("b")).unwrap();
    let error = Journal::<Record>::open(&path, &info).unwrap_err().to_string();
    assert!(error.contains("another run"), "{error}");
    drop(file);
    let whole = std::fs::read(&path).unwrap();
    for cut in 0..whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let (mut file, saved) = Journal::<Record>::open(&path, &info).unwrap();
        let lines = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(saved.len(), lines.saturating_sub(1));
        for clip in ["a", "b"].iter().filter(|clip| !saved.contains_key(**clip)) {
            file.add(&record(clip)).unwrap();
        }
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }
}

#[test]
fn a_file_of_something_else_is_refused_and_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.jsonl");
    Journal::<Record>::open(&path, &info()).unwrap();
    let header = std::fs::read_to_string(&path).unwrap();
    let document = "{\"name\": \"a document without a line break at its end\"}";
    for contents in [document.to_owned(), "a text".to_owned(), "{".repeat(100), "\0".into(), format!("{header}a note")]
    {
        std::fs::write(&path, &contents).unwrap();
        let error = Journal::<Record>::open(&path, &info()).unwrap_err().to_string();
        assert!(error.contains("something else"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), contents);
    }
}

#[test]
fn records_of_another_bundle_or_data_set_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.jsonl");
    let info = info();
    Journal::<Record>::open(&path, &info).unwrap();
    let refused = |info: RunInfo, word: &str| {
        let error = Journal::<Record>::open(&path, &info).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    };
    refused(RunInfo { bundle: "other".into(), ..info.clone() }, "another bundle");
    refused(RunInfo { set: "other".into(), ..info.clone() }, "another set");
    std::fs::write(&path, "no record\n").unwrap();
    refused(info, "line 1");
}
