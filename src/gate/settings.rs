//! Settings of the gate.

use super::{Calibration, CalibrationKind, CalibrationState, OnBackground, ProbeThreshold, RiskWeights, ScoreKind};
use crate::error::{Error, Result, Stage};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Settings of the gate: when it abstains, flags and accepts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct GateSettings {
    /// Divisor T of the logits of all views before softmax; above 0.
    pub temperature: f32,
    /// tau of dominance: above it, the background explains the label if it ranks it first.
    pub threshold: f32,
    /// What becomes of a label that the background explains.
    pub on_background: OnBackground,
    /// Distance below a threshold to which a score must fall before a flagged label is accepted again, 0 or more.
    pub hysteresis: f32,
    /// A frame shows a person if the person covers at least this fraction of the crop, 0 to 1.
    pub min_person_area: f32,
    /// The gate abstains if less than this fraction of the crop is visible background, 0 to 1.
    pub min_background_area: f32,
    /// The gate abstains if the prediction's probability is below this, 0 to 1.
    pub min_confidence: f32,
    /// The background's share in [`ScoreKind::Tie`], 0 or more.
    pub alpha: f32,
    /// The test of whether the label is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<RiskSettings>,
    /// tau of the probe, for each number of backgrounds that it was fitted for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub probe: Vec<ProbeThreshold>,
    /// The calibration, if `calibrate` has run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
}

/// Settings of the test of whether the label is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RiskSettings {
    /// The score.
    pub score: ScoreKind,
    /// Its threshold.
    pub threshold: f32,
    /// Weights of [`ScoreKind::Risk`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<RiskWeights>,
}

impl RiskSettings {
    /// Creates a test by a score that needs no weights.
    pub const fn new(score: ScoreKind, threshold: f32) -> Self {
        Self { score, threshold, weights: None }
    }
}

impl RiskSettings {
    fn validate(&self) -> Result<()> {
        check("risk", self.threshold, "a finite threshold", f32::is_finite)?;
        let not_negative = |value: f32| value.is_finite() && value >= 0.0;
        if let Some(weights) = &self.weights {
            check("risk.weights", weights.bias, "a finite bias", f32::is_finite)?;
            let mut weights = weights.to_array().into_iter();
            weights.try_for_each(|weight| check("risk.weights", weight, "finite weights from 0", not_negative))?;
        }
        let refused = match self.score {
            ScoreKind::Risk if self.weights.is_none() => ("weights for the score risk", "calibrate the gate"),
            ScoreKind::Probe => ("a score of every window", "choose another score for the risk"),
            _ => return Ok(()),
        };
        Err(Error::new(Stage::Gate, refused.0, self.score.name(), refused.1).at("risk"))
    }
}

impl Default for GateSettings {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            threshold: 0.0,
            on_background: OnBackground::Flag,
            hysteresis: 0.05,
            min_person_area: 0.01,
            min_background_area: 0.1,
            min_confidence: 0.1,
            alpha: 1.0,
            risk: None,
            probe: Vec::new(),
            calibration: None,
        }
    }
}

impl GateSettings {
    /// Sets the threshold tau of dominance.
    ///
    /// # Errors
    /// Returns an error, and changes nothing, if `tau` is not finite.
    pub fn set_threshold(&mut self, tau: f32) -> Result<()> {
        check("threshold", tau, "a finite threshold", f32::is_finite)?;
        self.threshold = tau;
        Ok(())
    }

    /// Returns how the gate was calibrated; `None` if it was not.
    pub fn calibrated(&self) -> Option<CalibrationState> {
        let calibration = self.calibration.as_ref()?;
        let fitted = (calibration.temperature, calibration.threshold, calibration.risk_threshold);
        let is_changed = (self.temperature, self.threshold, self.risk.map(|risk| risk.threshold)) != fitted;
        if is_changed || self.on_background != calibration.on_background {
            return Some(CalibrationState::Overridden);
        }
        Some(match calibration.kind {
            CalibrationKind::Labels => CalibrationState::Labels,
            CalibrationKind::Unlabelled => CalibrationState::Unlabelled,
        })
    }

    /// Returns tau of the probe on this number of backgrounds, if it was fitted.
    pub fn probe_threshold(&self, places: u32) -> Option<f32> {
        self.probe.iter().find(|probe| probe.places == places).map(|probe| probe.threshold)
    }

    /// Checks that the settings are usable.
    ///
    /// # Errors
    /// Returns an error that names the setting if a number is not finite or out of range.
    pub fn validate(&self) -> Result<()> {
        let fraction = |value: f32| (0.0..=1.0).contains(&value);
        let not_negative = |value: f32| value.is_finite() && value >= 0.0;
        let positive = |value: f32| value.is_finite() && value > 0.0;
        check("temperature", self.temperature, "a finite number above 0", positive)?;
        check("threshold", self.threshold, "a finite threshold", f32::is_finite)?;
        check("hysteresis", self.hysteresis, "a finite number from 0", not_negative)?;
        check("alpha", self.alpha, "a finite number from 0", not_negative)?;
        check("min-person-area", self.min_person_area, "a fraction from 0 to 1", fraction)?;
        check("min-background-area", self.min_background_area, "a fraction from 0 to 1", fraction)?;
        check("min-confidence", self.min_confidence, "a probability from 0 to 1", fraction)?;
        self.calibration.as_ref().map_or(Ok(()), Calibration::validate)?;
        self.risk.map_or(Ok(()), |risk| risk.validate())?;
        for probe in &self.probe {
            check("probe", probe.threshold, "a finite threshold", f32::is_finite)?;
            check("probe", probe.places as f32, "a number of backgrounds from 1", |places| places >= 1.0)?;
        }
        Ok(())
    }
}

fn check(name: &str, value: f32, expected: &str, holds: impl Fn(f32) -> bool) -> Result<()> {
    if holds(value) {
        return Ok(());
    }
    Err(Error::new(Stage::Gate, expected, value, "correct the gate's settings").at(name))
}
