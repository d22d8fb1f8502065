//! The verdict on one window.

use figureground::gate::{Judgement, ScoreKind, Visibility};
use figureground::pipeline::WindowResult;
use pyo3::prelude::*;
use std::collections::BTreeMap;

/// Verdict on one window.
#[pyclass(frozen, get_all, module = "figureground")]
#[derive(Debug)]
pub struct Verdict {
    label: String,
    decision: &'static str,
    reason: Option<&'static str>,
    p: (f32, f32, f32),
    dominance: f32,
    scores: BTreeMap<&'static str, f32>,
    person_area: f32,
    background_area: f32,
    calibrated: bool,
    frames: Vec<u64>,
    times: (f64, f64),
}

impl Verdict {
    /// Returns the verdict of a pipeline.
    pub fn of_window(window: &WindowResult<'_>) -> Self {
        let [first, last] = window.time_span_us().map(|time| time as f64 / 1e6);
        let verdict = Self::of_judgement(window.names, &window.judgement, &window.visibility);
        Self { frames: window.frames.to_vec(), times: (first, last), ..verdict }
    }

    /// Returns the verdict of a gate alone, without frames.
    pub fn of_judgement(names: &[String], judgement: &Judgement, visibility: &Visibility) -> Self {
        let [full, person, background] = judgement.p;
        Self {
            label: names.get(judgement.label).cloned().unwrap_or_default(),
            decision: judgement.verdict.name(),
            reason: judgement.verdict.reason(),
            p: (full, person, background),
            dominance: judgement.dominance,
            scores: ScoreKind::ALL.into_iter().map(|kind| (kind.name(), judgement.scores.get(kind))).collect(),
            person_area: visibility.person_area,
            background_area: visibility.background_area,
            calibrated: judgement.calibrated,
            frames: Vec::new(),
            times: (0.0, 0.0),
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
