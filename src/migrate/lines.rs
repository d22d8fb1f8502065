//! Verdict lines and records.

use super::{OLD, not_old};
use crate::error::{Error, Result, Stage};
use crate::sink::json_lines::SCHEMA;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};

/// Kind of the lines of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// Verdict lines of `run`.
    Verdicts,
    /// Records of `validate`, after a first line.
    Records,
}

impl LineKind {
    /// Returns `verdict lines` or `records`.
    pub fn name(self) -> &'static str {
        match self {
            LineKind::Verdicts => "verdict lines",
            LineKind::Records => "records",
        }
    }
}

/// Returns the kind and number of the lines of `text`, and the same in today's format. An incomplete last line, which an
/// interrupted program leaves, is left out.
///
/// # Errors
/// Returns an error if a line is damaged or not of version 1.
pub fn lines(text: &str) -> Result<(LineKind, usize, String)> {
    let complete = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
    let mut lines = complete.lines().enumerate().peekable();
    let Some((_, first)) = lines.peek() else {
        return Err(damaged(1, &"no complete line"));
    };
    let Version { schema, classes } = parse(1, first)?;
    if schema != OLD {
        return Err(not_old(format_args!("lines of schema {schema}")));
    }
    let kind = if classes.is_some() { LineKind::Records } else { LineKind::Verdicts };
    let (mut migrated, mut count) = (String::with_capacity(text.len()), 0);
    if kind == LineKind::Records {
        let header = RunLine { kind: "run", ..parse(1, first)? };
        push(&mut migrated, &RunLine { schema: SCHEMA, ..header })?;
        lines.next();
    }
    for (index, line) in lines {
        match kind {
            LineKind::Verdicts => {
                let verdict: OldVerdict = parse(index + 1, line)?;
                if verdict.schema != OLD {
                    return Err(not_old(format_args!("schema {} in line {}", verdict.schema, index + 1)));
                }
                push(&mut migrated, &verdict.migrated())?;
            }
            LineKind::Records => push(&mut migrated, &parse::<OldRecord>(index + 1, line)?.migrated())?,
        }
        count += 1;
    }
    Ok((kind, count, migrated))
}

#[derive(Debug, Deserialize)]
struct Version {
    schema: u32,
    classes: Option<serde::de::IgnoredAny>,
}

/// First line of records; version 1 has no `kind`.
#[derive(Debug, Serialize, Deserialize)]
struct RunLine {
    #[serde(skip_deserializing)]
    kind: &'static str,
    schema: u32,
    classes: Vec<String>,
    bundle: String,
    clips: usize,
    set: String,
    #[serde(default)]
    masks: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    twins: Option<String>,
}

#[derive(Debug, Deserialize)]
struct OldRecord {
    clip: String,
    truth: String,
    #[serde(default)]
    strata: BTreeMap<String, String>,
    pointing: Option<Box<RawValue>>,
    outcome: OldOutcome,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OldOutcome {
    Scored { verdict: Box<OldVerdict>, log_probs: [Box<RawValue>; 3] },
    Missing,
    Mislabelled,
    TooShort(u64),
    Unreadable(String),
}

#[derive(Debug, Serialize)]
struct NewRecord {
    kind: &'static str,
    clip: String,
    truth: String,
    strata: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointing: Option<Box<RawValue>>,
    outcome: NewOutcome,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
enum NewOutcome {
    Scored { verdict: Box<NewVerdict>, logits: Logits },
    Missing,
    Mislabelled,
    TooShort(u64),
    Unreadable(String),
}

/// Normalised logits of every class, which version 1 calls log probabilities.
#[derive(Debug, Serialize)]
struct Logits {
    full: Box<RawValue>,
    person: Box<RawValue>,
    background: Box<RawValue>,
}

impl OldRecord {
    fn migrated(self) -> NewRecord {
        let outcome = match self.outcome {
            OldOutcome::Scored { verdict, log_probs: [full, person, background] } => NewOutcome::Scored {
                verdict: Box::new(verdict.migrated()),
                logits: Logits { full, person, background },
            },
            OldOutcome::Missing => NewOutcome::Missing,
            OldOutcome::Mislabelled => NewOutcome::Mislabelled,
            OldOutcome::TooShort(frames) => NewOutcome::TooShort(frames),
            OldOutcome::Unreadable(error) => NewOutcome::Unreadable(error),
        };
        let Self { clip, truth, strata, pointing, .. } = self;
        NewRecord { kind: "record", clip, truth, strata, pointing, outcome }
    }
}

/// What version 1 says that version 2 says too.
#[derive(Debug, Deserialize)]
struct OldVerdict {
    schema: u32,
    source: String,
    frames: Vec<u64>,
    time_us: [u64; 2],
    label: String,
    verdict: String,
    reason: Option<String>,
    person_area: Box<RawValue>,
    background_area: Box<RawValue>,
    frames_with_person: u32,
    backend: String,
    timing_us: OldTiming,
}

#[derive(Debug, Deserialize)]
struct OldTiming {
    decode: u64,
    segment: u64,
    views: u64,
    encode: u64,
    score: u64,
}

/// The place of what version 1 does not say: null.
type Unknown = Option<()>;

#[derive(Debug, Serialize)]
struct NewVerdict {
    schema: u32,
    kind: &'static str,
    at: Unknown,
    run: Unknown,
    source: String,
    person: Unknown,
    event: Unknown,
    frames: Vec<u64>,
    distinct_frames: usize,
    time_us: [u64; 2],
    label: String,
    verdict: String,
    reason: Option<String>,
    explained_by: Unknown,
    calibrated: Unknown,
    p: Unknown,
    attribution: Unknown,
    risk: Unknown,
    full: Unknown,
    person_view: Unknown,
    background_view: Unknown,
    person_area: Box<RawValue>,
    background_area: Box<RawValue>,
    frames_with_person: u32,
    segmenter_certainty: Unknown,
    probe: Unknown,
    background_fresh: Unknown,
    backend: String,
    timing_us: NewTiming,
}

#[derive(Debug, Serialize)]
struct NewTiming {
    decode: u64,
    wait: Option<u64>,
    segment: u64,
    views: u64,
    encode: u64,
    score: u64,
}

impl OldVerdict {
    fn migrated(self) -> NewVerdict {
        let OldTiming { decode, segment, views, encode, score } = self.timing_us;
        NewVerdict {
            schema: SCHEMA,
            kind: "verdict",
            at: None,
            run: None,
            source: self.source,
            person: None,
            event: None,
            distinct_frames: self.frames.iter().collect::<BTreeSet<_>>().len(),
            frames: self.frames,
            time_us: self.time_us,
            label: self.label,
            verdict: self.verdict,
            reason: self.reason,
            explained_by: None,
            calibrated: None,
            p: None,
            attribution: None,
            risk: None,
            full: None,
            person_view: None,
            background_view: None,
            person_area: self.person_area,
            background_area: self.background_area,
            frames_with_person: self.frames_with_person,
            segmenter_certainty: None,
            probe: None,
            background_fresh: None,
            backend: self.backend,
            timing_us: NewTiming { decode, wait: None, segment, views, encode, score },
        }
    }
}

fn parse<T: DeserializeOwned>(number: usize, line: &str) -> Result<T> {
    serde_json::from_str(line).map_err(|error| damaged(number, &error).with_source(error))
}

fn damaged(number: usize, reason: &dyn core::fmt::Display) -> Error {
    let got = format!("line {number}: {reason}");
    Error::new(Stage::DataSet, "verdict lines or records of version 1", got, "remove the damaged lines")
}

fn push(text: &mut String, line: &impl Serialize) -> Result<()> {
    let line = serde_json::to_string(line);
    *text += &line.map_err(|error| Error::caused(Stage::DataSet, "a line of JSON", error, "report this"))?;
    text.push('\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    const VERDICT: &str = r#"{"schema":1,"source":"a.gif","frames":[2,2,6],"time_us":[80,240],"label":"waving",
"verdict":"flag","reason":"background-dominates","calibrated":true,"dominance":1.5,"scores":{"log-ratio":1.5},
"p":{"full":0.9,"person":0.1,"background":0.7},"full":[{"label":"waving","p":0.9}],"person":[],"background":[],
"person_area":0.125,"background_area":0.71,"frames_with_person":3,"backend":"cpu",
"timing_us":{"decode":1,"segment":2,"views":3,"encode":4,"score":5}}"#;

    fn one_line(text: &str) -> String {
        text.replace('\n', "") + "\n"
    }

    #[test]
    fn a_verdict_keeps_what_both_versions_say_and_the_rest_is_null() {
        let (kind, count, text) = lines(&one_line(VERDICT)).unwrap();
        assert_eq!((kind, count), (LineKind::Verdicts, 1));
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((line["schema"].as_u64(), line["label"].as_str()), (Some(2), Some("waving")));
        assert_eq!((line["person_area"].as_f64(), line["distinct_frames"].as_u64()), (Some(0.125), Some(2)));
        for key in ["at", "run", "p", "attribution", "risk", "explained_by", "full", "person", "background_view"] {
            assert!(line[key].is_null(), "{key}");
        }
    }

    #[test]
    fn records_get_kinds_and_keep_their_logits() {
        let header = r#"{"schema":1,"classes":["waving","bowing"],"bundle":"b","clips":2,"set":"s","masks":false}"#;
        let scored = format!(
            r#"{{"clip":"a","truth":"waving","strata":{{}},"outcome":{{"scored":{{"verdict":{},"log_probs":
[[-0.1,-2.5],[-0.2,-2.0],[-0.3,-1.5]]}}}}}}"#,
            one_line(VERDICT).trim_end()
        );
        let missing = r#"{"clip":"b","truth":"bowing","strata":{},"outcome":"missing"}"#;
        let text = [header.to_owned() + "\n", one_line(&scored), one_line(missing), "{\"clip\":".to_owned()].concat();
        let (kind, count, text) = lines(&text).unwrap();
        assert_eq!((kind, count), (LineKind::Records, 2));
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((lines[0]["kind"].as_str(), lines[0]["schema"].as_u64()), (Some("run"), Some(2)));
        assert_eq!(lines[1]["outcome"]["scored"]["logits"]["background"][1], -1.5);
        assert_eq!((lines[2]["kind"].as_str(), lines[2]["outcome"].as_str()), (Some("record"), Some("missing")));
    }

    #[test]
    fn other_lines_are_refused() {
        let refused = |text: &str| lines(text).unwrap_err().to_string();
        assert!(refused(&one_line(VERDICT).replace("\"schema\":1", "\"schema\":2")).contains("schema 2"));
        assert!(refused(&(one_line(VERDICT) + "{}\n")).contains("line 2"));
        assert!(refused("").contains("no complete line"));
        assert!(refused("not JSON\n").contains("line 1"));
    }
}
