//! Verdict lines: one JSON object per window.

use crate::error::{Error, Result, Stage};
use crate::gate::Scores;
use crate::pipeline::{Timing, WindowResult};
use crate::view::View;
use crate::zeroshot::Ranked;
use serde::{Serialize, Serializer};
use std::io::{self, Write};

/// The version of the verdict line format.
pub const SCHEMA: u32 = 1;

/// One verdict line, borrowed from a window result. Numbers that do not exist are null.
#[derive(Debug, Serialize)]
pub struct VerdictLine<'a> {
    schema: u32,
    source: &'a str,
    frames: &'a [u64],
    time_us: [u64; 2],
    label: &'a str,
    verdict: &'static str,
    reason: Option<&'static str>,
    calibrated: bool,
    dominance: f32,
    scores: Scores,
    p: Probabilities,
    full: Top<'a>,
    person: Top<'a>,
    background: Top<'a>,
    person_area: f32,
    background_area: f32,
    frames_with_person: u32,
    backend: &'static str,
    timing_us: Timing,
}

/// The probability of the label in each view.
#[derive(Debug, Serialize)]
struct Probabilities {
    full: f32,
    person: f32,
    background: f32,
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
        let (judgement, visibility) = (&result.judgement, &result.visibility);
        let [full, person, background] = judgement.p;
        let top = |view: View| Top { names: result.names, ranked: &result.top[view.index()] };
        Self {
            schema: SCHEMA,
            source,
            frames: result.frames,
            time_us: result.time_span_us(),
            label: &result.names[judgement.label],
            verdict: judgement.verdict.name(),
            reason: judgement.verdict.reason(),
            calibrated: judgement.calibrated,
            dominance: judgement.dominance,
            scores: judgement.scores,
            p: Probabilities { full, person, background },
            full: top(View::Full),
            person: top(View::Person),
            background: top(View::Background),
            person_area: visibility.person_area,
            background_area: visibility.background_area,
            frames_with_person: visibility.frames_with_person,
            backend: result.backend,
            timing_us: result.timing,
        }
    }

    /// Returns the line's text, without a line break.
    ///
    /// # Errors
    /// Returns an error if the line cannot be serialized.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(failed)
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
        self.line.clear();
        serde_json::to_writer(&mut self.line, &VerdictLine::new(source, result)).map_err(failed)?;
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
