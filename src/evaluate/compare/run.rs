//! A validation run as its records' verdict lines say.

use crate::error::{Error, Result, Stage};
use crate::evaluate::metrics::Classes;
use crate::evaluate::source_video::source_video;
use crate::evaluate::{ClipOutcome, Record, read_journal, records_file};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A validation run.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedRun {
    /// Path that it was read from.
    pub path: PathBuf,
    /// Its bundle.
    pub bundle: BundleName,
    /// Scored clips by id.
    pub clips: BTreeMap<String, JudgedClip>,
}

/// Name and checksum of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleName {
    /// Its name, from the run's report; `None` if there is no report beside the records.
    pub name: Option<String>,
    /// Its checksum, from the records.
    pub checksum: String,
}

/// A scored clip with its verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedClip {
    /// True class, as the data set spells it.
    pub truth: String,
    /// Source video, if it is known.
    pub video: Option<String>,
    /// Label.
    pub label: String,
    /// Verdict: `accept`, `flag` or `abstain`.
    pub verdict: String,
    /// Reason of the verdict.
    pub reason: Option<String>,
    /// Whether the label is the true class.
    pub is_right: bool,
    /// Whether the true class is among the five best of the full view; `None` if these are not known.
    pub in_top5: Option<bool>,
    /// Whether the best class of the person view is the true one; `None` if the view was not scored.
    pub is_person_right: Option<bool>,
    /// Whether the best class of the background view is the true one; `None` if the view was not scored.
    pub is_background_right: Option<bool>,
    /// Scores that order labels by name; larger is more confident.
    pub confidence: BTreeMap<String, f64>,
}

/// Fields of a verdict line that a comparison needs.
#[derive(Debug, Deserialize)]
struct Line {
    label: String,
    verdict: String,
    reason: Option<String>,
    p: Option<Probabilities>,
    attribution: Option<Test>,
    risk: Option<Test>,
    full: Option<Vec<Class>>,
    person_view: Option<Vec<Class>>,
    background_view: Option<Vec<Class>>,
}

#[derive(Debug, Deserialize)]
struct Probabilities {
    full: Option<f64>,
    person: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Test {
    score: String,
    value: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Class {
    label: String,
}

impl JudgedRun {
    /// Reads the run at `path`: a directory that [`validate`](crate::evaluate::validate()) wrote, or its file of
    /// records.
    ///
    /// # Errors
    /// Returns an error if there are no records, or a record has no usable verdict line.
    pub fn read(path: &Path) -> Result<Self> {
        let records = records_file(path);
        let journal = read_journal::<Record>(&records)?;
        let classes = Classes::new(&journal.header.classes);
        let judged = |record: &Record| {
            let clip = JudgedClip::of(record, &classes).map_err(|error| error.at(records.display()))?;
            Ok(clip.map(|clip| (record.clip.clone(), clip)))
        };
        let clips = journal.entries.values().filter_map(|record| judged(record).transpose()).collect::<Result<_>>()?;
        let name = bundle_name(&records.with_file_name("report.json"), &journal.header.bundle);
        Ok(Self { path: path.to_owned(), bundle: BundleName { name, checksum: journal.header.bundle }, clips })
    }
}

/// Returns the name of the bundle in the report at `path`, if it is a report of the bundle with this checksum.
fn bundle_name(path: &Path, checksum: &str) -> Option<String> {
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    let bundle = report.get("made")?.get("bundle")?;
    (bundle.get("checksum")? == checksum).then(|| bundle.get("name")?.as_str().map(str::to_owned)).flatten()
}

impl JudgedClip {
    /// Reads the verdict of `record`; `None` if the clip was not scored.
    ///
    /// # Errors
    /// Returns an error if the record has no usable verdict line.
    pub fn of(record: &Record, classes: &Classes) -> Result<Option<Self>> {
        let ClipOutcome::Scored { verdict, .. } = &record.outcome else { return Ok(None) };
        let line: Line = serde_json::from_str(verdict.get()).map_err(|error| {
            let next = "run validate again, into another directory";
            Error::caused(Stage::DataSet, "a verdict line in every scored record", error, next).at(&record.clip)
        })?;
        let Some(truth) = classes.index(&record.truth) else { return Ok(None) };
        let is_truth = |class: &Class| classes.index(&class.label) == Some(truth);
        let best = |view: &Option<Vec<Class>>| Some(is_truth(view.as_ref()?.first()?));
        Ok(Some(Self {
            truth: record.truth.clone(),
            video: source_video(record).map(str::to_owned),
            is_right: classes.index(&line.label) == Some(truth),
            in_top5: line.full.as_ref().map(|full| full.iter().any(is_truth)),
            is_person_right: best(&line.person_view),
            is_background_right: best(&line.background_view),
            confidence: line.confidence(),
            label: line.label,
            verdict: line.verdict,
            reason: line.reason,
        }))
    }

    /// Returns whether the verdict has this name.
    pub fn is(&self, verdict: &str) -> bool {
        self.verdict == verdict
    }

    /// Returns the verdict and its reason: `flag: background-dominates`.
    pub fn verdict_with_reason(&self) -> String {
        self.reason.as_ref().map_or_else(|| self.verdict.clone(), |reason| format!("{}: {reason}", self.verdict))
    }
}

impl Line {
    /// Returns the scores of the line: larger is more confident.
    fn confidence(&self) -> BTreeMap<String, f64> {
        let test = |test: &Option<Test>| test.as_ref().and_then(|test| Some((test.score.clone(), -test.value?)));
        // A risk score of the same name would be the same probability.
        let tests = [test(&self.attribution), test(&self.risk)].into_iter().flatten();
        let p = self.p.as_ref();
        let probabilities = [("max-softmax", p.and_then(|p| p.full)), ("max-person", p.and_then(|p| p.person))];
        let probabilities = probabilities.into_iter().filter_map(|(name, p)| Some((name.to_owned(), p?)));
        tests.chain(probabilities).collect()
    }
}
