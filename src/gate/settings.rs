//! Settings of the gate.

use super::{ScoreKind, Scores};
use crate::error::{Error, Result, Stage};
use crate::view::View;
use serde::{Deserialize, Serialize};

/// Settings of the gate: when it abstains, flags and accepts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct GateSettings {
    /// The score that decides.
    pub score: ScoreKind,
    /// tau of each score: above it, the background dominates.
    pub threshold: Scores,
    /// Distance below tau to which the score must fall before a flagged label is accepted again, 0 or more.
    pub hysteresis: f32,
    /// A frame shows a person if the person covers at least this fraction of the crop, 0 to 1.
    pub min_person_area: f32,
    /// The gate abstains if less than this fraction of the crop is visible background, 0 to 1.
    pub min_background_area: f32,
    /// The gate abstains if the prediction's probability is below this, 0 to 1.
    pub min_confidence: f32,
    /// The background's share in [`ScoreKind::Tie`], 0 or more.
    pub alpha: f32,
    /// The calibration, if `calibrate` has run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
}

impl Default for GateSettings {
    fn default() -> Self {
        Self {
            score: ScoreKind::LogRatio,
            threshold: Scores::default(),
            hysteresis: 0.1,
            min_person_area: 0.01,
            min_background_area: 0.1,
            min_confidence: 0.1,
            alpha: 1.0,
            calibration: None,
        }
    }
}

impl GateSettings {
    /// Sets the threshold tau of the score that decides.
    ///
    /// # Errors
    /// Returns an error, and changes nothing, if `tau` is not finite.
    pub fn set_threshold(&mut self, tau: f32) -> Result<()> {
        check(self.score.name(), tau, "a finite threshold", f32::is_finite)?;
        *self.threshold.get_mut(self.score) = tau;
        Ok(())
    }

    /// Checks that the settings are usable.
    ///
    /// # Errors
    /// Returns an error that names the setting if a number is not finite or out of range.
    pub fn validate(&self) -> Result<()> {
        let fraction = |value: f32| (0.0..=1.0).contains(&value);
        let not_negative = |value: f32| value.is_finite() && value >= 0.0;
        check("hysteresis", self.hysteresis, "a finite number from 0", not_negative)?;
        check("alpha", self.alpha, "a finite number from 0", not_negative)?;
        check("min-person-area", self.min_person_area, "a fraction from 0 to 1", fraction)?;
        check("min-background-area", self.min_background_area, "a fraction from 0 to 1", fraction)?;
        check("min-confidence", self.min_confidence, "a probability from 0 to 1", fraction)?;
        for kind in ScoreKind::ALL {
            check(kind.name(), self.threshold.get(kind), "a finite threshold", f32::is_finite)?;
        }
        let Calibration { temperature, offset } = self.calibration.unwrap_or(Calibration::NONE);
        for view in View::ALL.map(View::index) {
            let positive = |value: f32| value.is_finite() && value > 0.0;
            check("temperature", temperature[view], "a finite number above 0", positive)?;
            check("offset", offset[view], "a finite number", f32::is_finite)?;
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

/// The calibration that `calibrate` fits, per view in the order of [`View::index`]. It is needed because models are
/// less confident on masked pictures than on whole ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Calibration {
    /// Divisor of the view's logits before log-softmax; above 0. Log-probabilities give the same result as logits,
    /// because the two differ by one constant for all classes.
    pub temperature: [f32; 3],
    /// Offset added to the view's ln p in every score.
    pub offset: [f32; 3],
}

impl Calibration {
    /// The calibration that changes nothing.
    pub(super) const NONE: Calibration = Calibration { temperature: [1.0; 3], offset: [0.0; 3] };
}
