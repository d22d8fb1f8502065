//! The gate alone.

use crate::raised;
use crate::verdict::Verdict;
use figureground::gate::{self, Evidence, GateSettings, ScoreKind, Visibility};
use figureground::{Error, Stage};
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;

/// Judges the windows of one stream by the log-probabilities of three views.
#[pyclass(module = "figureground")]
#[derive(Debug)]
pub struct Gate(gate::Gate);

#[pymethods]
impl Gate {
    #[new]
    #[pyo3(signature = (score = "log-ratio", tau = 0.0, hysteresis = 0.1, min_confidence = 0.1))]
    fn new(score: &str, tau: f32, hysteresis: f32, min_confidence: f32) -> PyResult<Self> {
        let kind = ScoreKind::ALL.into_iter().find(|kind| kind.name() == score).ok_or_else(|| {
            let known = ScoreKind::ALL.map(ScoreKind::name).join(", ");
            raised(Error::new(Stage::Gate, format_args!("one of the scores {known}"), score, "choose one of them"))
        })?;
        let mut settings = GateSettings { score: kind, hysteresis, min_confidence, ..GateSettings::default() };
        settings.set_threshold(tau).map_err(raised)?;
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
        let frames_with_person = u32::from(person_area >= self.0.settings().min_person_area);
        let visibility = Visibility { person_area, background_area, frames_with_person, frames: 1 };
        let judgement = self.0.judge(&Evidence::new(views, visibility).map_err(raised)?);
        Ok(Verdict::of_judgement(&labels, &judgement, &visibility))
    }

    /// Resets the gate for another stream.
    fn reset(&mut self) {
        self.0.reset();
    }
}
