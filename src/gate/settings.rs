//! When a gate abstains, flags and accepts.

use super::{ScoreKind, Scores};
use crate::error::{Error, Result, Stage};
use crate::view::View;
use serde::{Deserialize, Serialize};

/// When a gate abstains, flags and accepts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct GateSettings {
    /// The score that decides.
    pub score: ScoreKind,
    /// tau of each score: above it, the background dominates.
    pub threshold: Scores,
    /// How far below tau the score must fall before a flagged stream is accepted again, 0 or more.
    pub hysteresis: f32,
    /// A frame shows a person from this fraction of the crop on, 0 to 1.
    pub min_person_area: f32,
    /// Less visible background than this fraction of the crop cannot be judged, 0 to 1.
    pub min_background_area: f32,
    /// A prediction under this probability is none, 0 to 1.
    pub min_confidence: f32,
    /// The background's share in [`ScoreKind::Tie`], 0 or more.
    pub alpha: f32,
    /// What `calibrate` fitted, where it has run.
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
    /// Another tau for the score that decides.
    ///
    /// # Errors
    /// When `tau` is not finite; the old one then stays.
    pub fn set_threshold(&mut self, tau: f32) -> Result<()> {
        check(self.score.name(), tau, "a finite threshold", f32::is_finite)?;
        *self.threshold.get_mut(self.score) = tau;
        Ok(())
    }

    /// Refuses settings that no evidence could be judged by.
    ///
    /// # Errors
    /// When a number is not finite or out of its range; the message names it.
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

/// What `calibrate` fits, per view in the order of [`View::index`]: a model sees masked pictures less confidently than
/// whole ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Calibration {
    /// Divides the view's logits before log-softmax; above 0. Log-probabilities stand for logits here, because what
    /// sets them apart is one constant for all classes.
    pub temperature: [f32; 3],
    /// Added to the view's ln p in every score.
    pub offset: [f32; 3],
}

impl Calibration {
    /// The calibration that changes nothing.
    pub(super) const NONE: Calibration = Calibration { temperature: [1.0; 3], offset: [0.0; 3] };
}

#[cfg(test)]
mod tests {
    use super::super::Gate;
    use super::*;

    #[test]
    fn settings_out_of_range_are_refused_by_name() {
        let refusal = |change: fn(&mut GateSettings)| {
            let mut settings = GateSettings::default();
            change(&mut settings);
            alloc::string::ToString::to_string(&Gate::new(settings).unwrap_err())
        };
        assert!(refusal(|settings| settings.hysteresis = -1.0).contains("hysteresis"));
        assert!(refusal(|settings| settings.threshold.tie = f32::NAN).contains("tie"));
        assert!(refusal(|settings| settings.min_person_area = 1.5).contains("min-person-area"));
        assert!(
            refusal(|settings| {
                settings.calibration = Some(Calibration { temperature: [1.0, 0.0, 1.0], offset: [0.0; 3] });
            })
            .contains("temperature")
        );
    }
}
