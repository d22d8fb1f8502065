//! Settings of the gate.

use super::{Calibration, CalibrationKind, CalibrationState, ScoreKind};
use crate::error::{Error, Result, Stage};
use serde::{Deserialize, Serialize};

/// Settings of the gate: when it abstains, flags and accepts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct GateSettings {
    /// Divisor T of the logits of all views before softmax; above 0.
    pub temperature: f32,
    /// tau of dominance: above it, the background explains the label if it ranks it first.
    pub threshold: f32,
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
}

impl Default for GateSettings {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            threshold: 0.0,
            hysteresis: 0.05,
            min_person_area: 0.01,
            min_background_area: 0.1,
            min_confidence: 0.1,
            alpha: 1.0,
            risk: None,
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
        if (self.temperature, self.threshold, self.risk.map(|risk| risk.threshold)) != fitted {
            return Some(CalibrationState::Overridden);
        }
        Some(match calibration.kind {
            CalibrationKind::Labels => CalibrationState::Labels,
            CalibrationKind::Unlabelled => CalibrationState::Unlabelled,
        })
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
        let risk = self.risk.map_or(0.0, |risk| risk.threshold);
        check("risk", risk, "a finite threshold", f32::is_finite)
    }
}

fn check(name: &str, value: f32, expected: &str, holds: impl Fn(f32) -> bool) -> Result<()> {
    if holds(value) {
        return Ok(());
    }
    Err(Error::new(Stage::Gate, expected, value, "correct the gate's settings").at(name))
}
