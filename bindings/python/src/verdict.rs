//! The verdict on one window.

use figureground::Result;
use figureground::gate::{CalibrationState, Judgement, ScoreKind, Visibility};
use figureground::pipeline::WindowResult;
use figureground::sink::json_lines::VerdictLine;
use pyo3::prelude::*;
use std::collections::BTreeMap;

/// Name of a stream's source in verdict lines.
const SOURCE: &str = "python";

/// Verdict on one window.
#[pyclass(frozen, get_all, module = "figureground")]
#[derive(Debug)]
pub struct Verdict {
    label: String,
    decision: &'static str,
    reason: Option<&'static str>,
    p: (f32, f32, f32),
    explained_by: &'static str,
    dominance: f32,
    threshold: f32,
    background_rank: usize,
    scores: BTreeMap<&'static str, f32>,
    person_area: f32,
    background_area: f32,
    calibrated: Option<&'static str>,
    distinct_frames: u32,
    frames: Vec<u64>,
    times: (f64, f64),
    line: Option<String>,
}

impl Verdict {
    /// Returns the verdict of a pipeline.
    ///
    /// # Errors
    /// Returns an error if the verdict line cannot be serialized.
    pub fn of_window(window: &WindowResult<'_>) -> Result<Self> {
        let [first, last] = window.time_span_us().map(|time| time as f64 / 1e6);
        let verdict = Self::of_judgement(window.names, &window.judgement, &window.visibility);
        let line = Some(VerdictLine::new(SOURCE, window).to_json()?);
        Ok(Self { frames: window.frames.to_vec(), times: (first, last), line, ..verdict })
    }

    /// Returns the verdict of a gate alone, without frames.
    pub fn of_judgement(names: &[String], judgement: &Judgement, visibility: &Visibility) -> Self {
        let [full, person, background] = judgement.p;
        Self {
            label: names.get(judgement.label).cloned().unwrap_or_default(),
            decision: judgement.verdict.name(),
            reason: judgement.verdict.reason(),
            p: (full, person, background),
            explained_by: judgement.explained_by.name(),
            dominance: judgement.scores.dominance,
            threshold: judgement.attribution.threshold,
            background_rank: judgement.background_rank,
            scores: ScoreKind::ALL
                .into_iter()
                .filter_map(|kind| Some((kind.name(), judgement.scores.get(kind)?)))
                .collect(),
            person_area: visibility.person_area,
            background_area: visibility.background_area,
            calibrated: judgement.calibrated.map(CalibrationState::name),
            distinct_frames: visibility.distinct_frames,
            frames: Vec::new(),
            times: (0.0, 0.0),
            line: None,
        }
    }
}

#[pymethods]
impl Verdict {
    fn __repr__(&self) -> String {
        let (full, person, background) = self.p;
        let reason = self.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
        format!(
            "<Verdict {:?}: {}{reason}, full {full:.2}, person {person:.2}, background {background:.2}>",
            self.label, self.decision
        )
    }
}
