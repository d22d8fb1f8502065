//! The probability that a label is wrong: a monotone logistic of the full and the person view.

use serde::{Deserialize, Serialize};

/// What the risk of a label c depends on. The risk falls, or stays, as any of these numbers grows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RiskFeatures {
    /// ln p_F(c) less the largest ln p_F of another class, in nats.
    pub full_margin: f32,
    /// ln p_P(c) less the largest ln p_P of another class, in nats: below 0 if the person view ranks another one first.
    pub person_margin: f32,
    /// ln p_F(c), in nats.
    pub full_log_p: f32,
    /// ln p_P(c), in nats.
    pub person_log_p: f32,
    /// Area of the person as a fraction of the crop, 0 to 1.
    pub person_area: f32,
    /// Share of the frames that show a person, 0 to 1.
    pub frames_with_person: f32,
}

impl RiskFeatures {
    /// Number of features.
    pub const COUNT: usize = 6;

    /// Returns the features as an array, in the order of the fields.
    pub const fn to_array(self) -> [f32; Self::COUNT] {
        let Self { full_margin, person_margin, full_log_p, person_log_p, person_area, frames_with_person } = self;
        [full_margin, person_margin, full_log_p, person_log_p, person_area, frames_with_person]
    }
}

/// Weights of the risk: sigmoid(bias - sum of weight times feature).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct RiskWeights {
    /// Log-odds of a wrong label if all features are 0.
    pub bias: f32,
    /// Weight of [`RiskFeatures::full_margin`], from 0.
    pub full_margin: f32,
    /// Weight of [`RiskFeatures::person_margin`], from 0.
    pub person_margin: f32,
    /// Weight of [`RiskFeatures::full_log_p`], from 0.
    pub full_log_p: f32,
    /// Weight of [`RiskFeatures::person_log_p`], from 0.
    pub person_log_p: f32,
    /// Weight of [`RiskFeatures::person_area`], from 0.
    pub person_area: f32,
    /// Weight of [`RiskFeatures::frames_with_person`], from 0.
    pub frames_with_person: f32,
}

/// The parts of a risk's log-odds, which add up to them: the bias, and less each weight times its feature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct RiskParts {
    /// The bias.
    pub bias: f32,
    /// The part of [`RiskFeatures::full_margin`].
    pub full_margin: f32,
    /// The part of [`RiskFeatures::person_margin`].
    pub person_margin: f32,
    /// The part of [`RiskFeatures::full_log_p`].
    pub full_log_p: f32,
    /// The part of [`RiskFeatures::person_log_p`].
    pub person_log_p: f32,
    /// The part of [`RiskFeatures::person_area`].
    pub person_area: f32,
    /// The part of [`RiskFeatures::frames_with_person`].
    pub frames_with_person: f32,
}

impl RiskWeights {
    /// Creates weights from the bias and the weights in the order of [`RiskFeatures::to_array`].
    pub const fn new(bias: f32, weights: [f32; RiskFeatures::COUNT]) -> Self {
        let [full_margin, person_margin, full_log_p, person_log_p, person_area, frames_with_person] = weights;
        Self { bias, full_margin, person_margin, full_log_p, person_log_p, person_area, frames_with_person }
    }

    /// Returns the weights in the order of [`RiskFeatures::to_array`].
    pub const fn to_array(self) -> [f32; RiskFeatures::COUNT] {
        [
            self.full_margin,
            self.person_margin,
            self.full_log_p,
            self.person_log_p,
            self.person_area,
            self.frames_with_person,
        ]
    }

    /// Returns the parts of the log-odds that a label with these features is wrong. A part without weight is 0, not -0.
    pub fn parts(&self, features: &RiskFeatures) -> RiskParts {
        RiskParts {
            bias: self.bias,
            full_margin: 0.0 - self.full_margin * features.full_margin,
            person_margin: 0.0 - self.person_margin * features.person_margin,
            full_log_p: 0.0 - self.full_log_p * features.full_log_p,
            person_log_p: 0.0 - self.person_log_p * features.person_log_p,
            person_area: 0.0 - self.person_area * features.person_area,
            frames_with_person: 0.0 - self.frames_with_person * features.frames_with_person,
        }
    }
}

impl RiskParts {
    /// Returns the risk, 0 to 1: sigmoid of the sum of the parts.
    pub fn risk(&self) -> f32 {
        let parts = [
            self.bias,
            self.full_margin,
            self.person_margin,
            self.full_log_p,
            self.person_log_p,
            self.person_area,
            self.frames_with_person,
        ];
        let log_odds: f64 = parts.into_iter().map(f64::from).sum();
        (1.0 / (1.0 + libm::exp(-log_odds))) as f32
    }
}
