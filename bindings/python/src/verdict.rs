//! What is said of one window.

use figureground::gate::{Judgement, ScoreKind, Visibility};
use pyo3::prelude::*;
use std::collections::BTreeMap;

/// What is said of one window.
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
    pub fn new(names: &[String], judgement: &Judgement, seen: &Visibility, frames: &[u64], time_us: [u64; 2]) -> Self {
        let [full, person, background] = judgement.p;
        let [first, last] = time_us.map(|time| time as f64 / 1e6);
        Self {
            label: names.get(judgement.label).cloned().unwrap_or_default(),
            decision: judgement.verdict.name(),
            reason: judgement.verdict.reason(),
            p: (full, person, background),
            dominance: judgement.dominance,
            scores: ScoreKind::ALL.into_iter().map(|kind| (kind.name(), judgement.scores.get(kind))).collect(),
            person_area: seen.person_area,
            background_area: seen.background_area,
            calibrated: judgement.calibrated,
            frames: frames.to_vec(),
            times: (first, last),
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
