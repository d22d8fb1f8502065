//! What a gate was calibrated on.

use super::OnBackground;
use crate::error::{Error, Result, Stage};
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// What the temperature and the thresholds of a gate were fitted to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Calibration {
    /// Kind of the clips.
    pub kind: CalibrationKind,
    /// The fitted temperature.
    pub temperature: f32,
    /// The fitted threshold tau of dominance.
    pub threshold: f32,
    /// The fitted threshold of the risk; `None` if none was fitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk_threshold: Option<f32>,
    /// What became of a label that the background explains; the bound holds for this alone.
    #[serde(default)]
    pub on_background: OnBackground,
    /// Bound on the risk, as two fractions: the risk, and the probability that it is exceeded; `None` without a bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<[f64; 2]>,
    /// Number of clips; of footage without labels, the number of windows that the gate judges.
    pub clips: u32,
    /// SHA-256 of the records of the clips, or the name of the data set or footage that they were drawn from.
    pub records: String,
    /// Date and time, in UTC by RFC 3339.
    pub at: String,
    /// Share of the clips that the fitted gate flags, among those that it does not abstain from, 0 to 1; `None` if
    /// unknown, as in older manifests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flagged: Option<f64>,
    /// Mean risk of the same clips, in units of the risk's score; `None` if unknown or without a test of the risk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_risk: Option<f64>,
}

impl Calibration {
    /// Checks the figures of the clips.
    pub(super) fn validate(&self) -> Result<()> {
        let refused = |key: &str, expected: &str, got: f64| {
            Err(Error::new(Stage::Gate, expected, got, "run calibrate again").at(key))
        };
        match (self.flagged, self.mean_risk) {
            (Some(share), _) if !(0.0..=1.0).contains(&share) => {
                refused("calibration.flagged", "a share from 0 to 1", share)
            }
            (_, Some(risk)) if !risk.is_finite() => refused("calibration.mean-risk", "a finite risk", risk),
            _ => Ok(()),
        }
    }
}

/// Kind of the clips that a gate was calibrated on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CalibrationKind {
    /// Clips with true classes.
    Labels,
    /// Ordinary footage without labels.
    Unlabelled,
}

/// How a gate was calibrated, and whether its thresholds are still the fitted ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CalibrationState {
    /// The thresholds were fitted to clips with true classes.
    Labels,
    /// The thresholds were fitted to footage without labels.
    Unlabelled,
    /// A threshold was changed since.
    Overridden,
}

impl CalibrationState {
    /// Returns `labels`, `unlabelled` or `overridden`.
    pub const fn name(self) -> &'static str {
        match self {
            CalibrationState::Labels => "labels",
            CalibrationState::Unlabelled => "unlabelled",
            CalibrationState::Overridden => "overridden",
        }
    }
}
