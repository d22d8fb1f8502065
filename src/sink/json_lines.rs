//! Verdict lines: one JSON object per window.

use crate::error::{Error, Result, Stage};
use crate::gate::{CalibrationState, Judgement, Probe, RiskParts, ScoreKind, Test};
use crate::pipeline::{Timing, WindowResult};
use crate::printable::printable_json;
use crate::run_id;
use crate::timestamp::Timestamp;
use crate::view::View;
use crate::zeroshot::Ranked;
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::io::{self, Write};

/// The version of verdict lines, records and reports.
pub const SCHEMA: u32 = 2;

/// One verdict line, borrowed from a window result. Numbers that do not exist are null.
#[derive(Debug, Serialize)]
pub struct VerdictLine<'a> {
    schema: u32,
    kind: &'static str,
    at: Timestamp,
    run: &'static str,
    source: &'a str,
    person: Absent,
    event: Absent,
    frames: &'a [u64],
    distinct_frames: u32,
    time_us: [u64; 2],
    #[serde(flatten)]
    judged: JudgedFields<'a>,
    person_area: f32,
    background_area: f32,
    frames_with_person: u32,
    segmenter_certainty: Absent,
    probe: Option<Probe>,
    background_fresh: Absent,
    backend: &'static str,
    timing_us: Timing,
}

/// The fields of a verdict line that follow from logits, visibility and gate.
#[derive(Debug, Serialize)]
pub(crate) struct JudgedFields<'a> {
    label: &'a str,
    verdict: &'static str,
    reason: Option<&'static str>,
    explained_by: &'static str,
    calibrated: Option<&'static str>,
    p: Probabilities,
    attribution: Attribution,
    risk: Option<Risk>,
    full: Top<'a>,
    person_view: Top<'a>,
    background_view: Top<'a>,
}

impl<'a> JudgedFields<'a> {
    /// Creates the fields of `judgement`; `top` has the most probable classes of each view.
    pub(crate) fn new(judgement: &Judgement, top: [&'a [Ranked]; 3], names: &'a [String]) -> Self {
        let [full, person, background] = judgement.p;
        let Test { score, value, threshold } = judgement.attribution;
        let top = |view: View| Top { names, ranked: top[view.index()] };
        Self {
            label: &names[judgement.label],
            verdict: judgement.verdict.name(),
            reason: judgement.verdict.reason(),
            explained_by: judgement.explained_by.name(),
            calibrated: judgement.calibrated.map(CalibrationState::name),
            p: Probabilities { full, person, background },
            attribution: Attribution { score: score.name(), value, threshold, rank: judgement.background_rank },
            risk: judgement.risk.map(|test| Risk::new(test, judgement.risk_parts)),
            full: top(View::Full),
            person_view: top(View::Person),
            background_view: top(View::Background),
        }
    }
}

/// The place of a field that nothing fills yet: null.
type Absent = Option<()>;

/// The probability of the label in each view.
#[derive(Debug, Serialize)]
struct Probabilities {
    full: f32,
    person: f32,
    background: f32,
}

/// The test of whether the background explains the label.
#[derive(Debug, Serialize)]
struct Attribution {
    score: &'static str,
    value: f32,
    threshold: f32,
    rank: usize,
}

/// The test of whether the label is wrong.
#[derive(Debug, Serialize)]
struct Risk {
    score: &'static str,
    value: f32,
    threshold: f32,
    parts: Option<RiskParts>,
}

impl Risk {
    /// Creates the field of `test`. Only the score `risk` has parts.
    fn new(Test { score, value, threshold }: Test, parts: Option<RiskParts>) -> Self {
        Self { score: score.name(), value, threshold, parts: parts.filter(|_| score == ScoreKind::Risk) }
    }
}

/// The most probable classes of one view.
#[derive(Debug)]
struct Top<'a> {
    names: &'a [String],
    ranked: &'a [Ranked],
}

#[derive(Serialize)]
struct Class<'a> {
    label: &'a str,
    p: f32,
}

impl Serialize for Top<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> core::result::Result<S::Ok, S::Error> {
        let class = |ranked: &Ranked| Class { label: &self.names[ranked.class], p: libm::expf(ranked.log_p) };
        serializer.collect_seq(self.ranked.iter().map(class))
    }
}

impl<'a> VerdictLine<'a> {
    /// Creates the line of `result`, a window of `source`.
    pub fn new(source: &'a str, result: &'a WindowResult<'_>) -> Self {
        let (top, visibility) = (result.top.each_ref().map(|top| top.as_slice()), &result.visibility);
        Self {
            schema: SCHEMA,
            kind: "verdict",
            at: result.at,
            run: run_id::of_process(),
            source,
            person: None,
            event: None,
            frames: result.frames,
            distinct_frames: visibility.distinct_frames,
            time_us: result.time_span_us(),
            judged: JudgedFields::new(&result.judgement, top, result.names),
            person_area: visibility.person_area,
            background_area: visibility.background_area,
            frames_with_person: visibility.frames_with_person,
            segmenter_certainty: None,
            probe: result.judgement.probe,
            background_fresh: None,
            backend: result.backend,
            timing_us: result.timing,
        }
    }

    /// Returns the line's text, without a line break and without characters that a terminal obeys.
    ///
    /// # Errors
    /// Returns an error if the line cannot be serialized.
    pub fn to_json(&self) -> Result<String> {
        let json = serde_json::to_string(self).map_err(failed)?;
        Ok(match printable_json(&json) {
            Cow::Borrowed(_) => json,
            Cow::Owned(escaped) => escaped,
        })
    }
}

/// A writer of whole verdict lines.
#[derive(Debug)]
pub struct JsonLines<W> {
    to: W,
    line: Vec<u8>,
}

impl<W: Write> JsonLines<W> {
    /// Creates a writer of lines to `to`.
    pub fn new(to: W) -> Self {
        Self { to, line: Vec::new() }
    }

    /// Writes the line of `result`, a window of `source`, and flushes it; returns false once the reader has closed the
    /// pipe.
    ///
    /// # Errors
    /// Returns an error if the line cannot be written.
    pub fn write(&mut self, source: &str, result: &WindowResult<'_>) -> Result<bool> {
        // Serialized into memory of earlier lines, as a stream must not allocate.
        self.line.clear();
        serde_json::to_writer(&mut self.line, &VerdictLine::new(source, result)).map_err(failed)?;
        let escaped = match printable_json(core::str::from_utf8(&self.line).unwrap_or_default()) {
            Cow::Borrowed(_) => None,
            Cow::Owned(escaped) => Some(escaped.into_bytes()),
        };
        self.line = escaped.unwrap_or_else(|| std::mem::take(&mut self.line));
        self.flush()
    }

    /// Writes a line made by [`VerdictLine::to_json`] and flushes it; returns false once the reader has closed the
    /// pipe.
    ///
    /// # Errors
    /// Returns an error if the line cannot be written.
    pub fn write_line(&mut self, line: &str) -> Result<bool> {
        self.line.clear();
        self.line.extend_from_slice(line.as_bytes());
        self.flush()
    }

    fn flush(&mut self) -> Result<bool> {
        self.line.push(b'\n');
        match self.to.write_all(&self.line).and_then(|()| self.to.flush()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }
}

fn failed(error: impl core::error::Error + Send + Sync + 'static) -> Error {
    Error::caused(Stage::Sink, "a verdict line that can be written", error, "check where stdout goes")
}
