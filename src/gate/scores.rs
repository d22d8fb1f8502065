//! Scores of how much of a prediction the background alone explains.

use serde::{Deserialize, Serialize};

/// A measure of how much the background alone explains; larger means more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScoreKind {
    /// Dominance, d(c) = ln p_B(c) - ln p_P(c).
    #[default]
    LogRatio,
    /// p_B(c) - p_P(c).
    Margin,
    /// max_k t_k - t_c with t = logits_F - alpha logits_B: above 0 if another class is the best after the background's
    /// share is subtracted.
    Tie,
    /// max_k p_P(k) - p_P(c): above 0 if the person alone looks like another class.
    Disagreement,
}

impl ScoreKind {
    /// All kinds.
    pub const ALL: [ScoreKind; 4] = [ScoreKind::LogRatio, ScoreKind::Margin, ScoreKind::Tie, ScoreKind::Disagreement];

    /// Returns `log-ratio`, `margin`, `tie` or `disagreement`.
    pub const fn name(self) -> &'static str {
        match self {
            ScoreKind::LogRatio => "log-ratio",
            ScoreKind::Margin => "margin",
            ScoreKind::Tie => "tie",
            ScoreKind::Disagreement => "disagreement",
        }
    }
}

/// One number for each kind of score: the scores of a window, or their thresholds tau. All are finite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Scores {
    /// For [`ScoreKind::LogRatio`], in nats.
    pub log_ratio: f32,
    /// For [`ScoreKind::Margin`], a difference of probabilities.
    pub margin: f32,
    /// For [`ScoreKind::Tie`], a difference of logits.
    pub tie: f32,
    /// For [`ScoreKind::Disagreement`], a difference of probabilities.
    pub disagreement: f32,
}

impl Scores {
    /// Returns the mutable number for `kind`.
    pub fn get_mut(&mut self, kind: ScoreKind) -> &mut f32 {
        match kind {
            ScoreKind::LogRatio => &mut self.log_ratio,
            ScoreKind::Margin => &mut self.margin,
            ScoreKind::Tie => &mut self.tie,
            ScoreKind::Disagreement => &mut self.disagreement,
        }
    }

    /// Returns the number for `kind`.
    pub fn get(mut self, kind: ScoreKind) -> f32 {
        *self.get_mut(kind)
    }
}
