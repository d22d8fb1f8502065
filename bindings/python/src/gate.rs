//! The gate alone.

use crate::raised;
use crate::verdict::Verdict;
use figureground::gate::{self, Evidence, GateSettings, RiskSettings, ScoreKind, Visibility};
use figureground::{Error, Result, Stage};
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;

/// Judges the windows of one stream by the log-probabilities of three views.
#[pyclass(module = "figureground")]
#[derive(Debug)]
pub struct Gate(gate::Gate);

#[pymethods]
impl Gate {
    #[new]
    #[pyo3(signature = (tau = 0.0, hysteresis = 0.05, min_confidence = 0.1, *, temperature = 1.0, risk = None))]
    fn new(
        tau: f32,
        hysteresis: f32,
        min_confidence: f32,
        temperature: f32,
        risk: Option<(String, f32)>,
    ) -> PyResult<Self> {
        let risk = risk.map(|(score, threshold)| Ok(RiskSettings::new(score_kind(&score)?, threshold)));
        let risk = risk.transpose().map_err(raised)?;
        let settings =
            GateSettings { threshold: tau, hysteresis, min_confidence, temperature, risk, ..GateSettings::default() };
        gate::Gate::new(settings).map(Self).map_err(raised)
    }

    /// Returns the verdict on one window.
    #[pyo3(signature = (full, person, background, labels, person_area = 0.2, background_area = 0.6))]
    fn judge(
        &mut self,
        full: PyReadonlyArray1<'_, f32>,
        person: PyReadonlyArray1<'_, f32>,
        background: PyReadonlyArray1<'_, f32>,
        labels: Vec<String>,
        person_area: f32,
        background_area: f32,
    ) -> PyResult<Verdict> {
        let views = [full.as_slice()?, person.as_slice()?, background.as_slice()?];
        if labels.len() != views[0].len() {
            let expected = format!("{} labels", views[0].len());
            return Err(raised(Error::new(Stage::Gate, expected, labels.len(), "name each class once")));
        }
        let visibility = Visibility::of_areas(person_area, background_area, self.0.settings());
        let judgement = self.0.judge(&Evidence::new(views, visibility).map_err(raised)?);
        Ok(Verdict::of_judgement(&labels, &judgement, &visibility))
    }

    /// Resets the gate for another stream.
    fn reset(&mut self) {
        self.0.reset();
    }
}

/// Returns the score called `name`.
fn score_kind(name: &str) -> Result<ScoreKind> {
    ScoreKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
        let known = ScoreKind::ALL.map(ScoreKind::name).join(", ");
        Error::new(Stage::Gate, format_args!("one of the scores {known}"), name, "choose one of them")
    })
}
