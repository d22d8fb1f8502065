//! Scores of a label, from the probabilities of the three views.

use serde::{Deserialize, Serialize};

/// A score of the predicted class c. A larger score means that the background explains more of the prediction, or that
/// the prediction is less certain.
///
/// p_F, p_P and p_B are the probabilities of the full, person and background view, ln p is at least ln 1e-6, and k runs
/// over the other classes. With a single class, the scores that compare it with others are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScoreKind {
    /// 1 - p_F(c): the common baseline.
    MaxSoftmax,
    /// 1 - p_P(c).
    MaxPerson,
    /// 1 - (p_F(c) + p_P(c)) / 2.
    FullPersonMean,
    /// Probability that c is wrong, by the gate's [`RiskWeights`](super::RiskWeights). A gate without them lacks it.
    Risk,
    /// D(c) = p_B(c) - p_P(c), from -1 to 1.
    #[default]
    Dominance,
    /// p_B(c) less the share of other backgrounds on which the person still gets c, from -1 to 1; a window that was not
    /// probed lacks it.
    Probe,
    /// ln p_B(c) - ln p_P(c), in nats.
    LogRatio,
    /// m_B(c) - m_P(c) with m(c) = ln p(c) - max_k ln p(k), in nats.
    Margin,
    /// max_k t_k - t_c with t = logits_F - alpha logits_B: above 0 if another class is the best after the background's
    /// share is subtracted.
    Tie,
    /// max_k p_P(k) - p_P(c), from -1 to 1: above 0 if the person alone looks like another class.
    Disagreement,
}

impl ScoreKind {
    /// All kinds.
    pub const ALL: [ScoreKind; 10] = [
        ScoreKind::MaxSoftmax,
        ScoreKind::MaxPerson,
        ScoreKind::FullPersonMean,
        ScoreKind::Risk,
        ScoreKind::Dominance,
        ScoreKind::Probe,
        ScoreKind::LogRatio,
        ScoreKind::Margin,
        ScoreKind::Tie,
        ScoreKind::Disagreement,
    ];

    /// Returns the name in kebab case, such as `max-softmax`.
    pub const fn name(self) -> &'static str {
        match self {
            ScoreKind::MaxSoftmax => "max-softmax",
            ScoreKind::MaxPerson => "max-person",
            ScoreKind::FullPersonMean => "full-person-mean",
            ScoreKind::Risk => "risk",
            ScoreKind::Dominance => "dominance",
            ScoreKind::Probe => "probe",
            ScoreKind::LogRatio => "log-ratio",
            ScoreKind::Margin => "margin",
            ScoreKind::Tie => "tie",
            ScoreKind::Disagreement => "disagreement",
        }
    }
}

/// The scores of a label. All are finite.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scores {
    /// For [`ScoreKind::MaxSoftmax`].
    pub max_softmax: f32,
    /// For [`ScoreKind::MaxPerson`].
    pub max_person: f32,
    /// For [`ScoreKind::FullPersonMean`].
    pub full_person_mean: f32,
    /// For [`ScoreKind::Risk`]; `None` if the gate has no weights.
    pub risk: Option<f32>,
    /// For [`ScoreKind::Dominance`].
    pub dominance: f32,
    /// For [`ScoreKind::Probe`]; `None` if the window was not probed.
    pub probe: Option<f32>,
    /// For [`ScoreKind::LogRatio`].
    pub log_ratio: f32,
    /// For [`ScoreKind::Margin`].
    pub margin: f32,
    /// For [`ScoreKind::Tie`].
    pub tie: f32,
    /// For [`ScoreKind::Disagreement`].
    pub disagreement: f32,
}

impl Scores {
    /// Returns the score of `kind`, if the window has it.
    pub const fn get(self, kind: ScoreKind) -> Option<f32> {
        match kind {
            ScoreKind::MaxSoftmax => Some(self.max_softmax),
            ScoreKind::MaxPerson => Some(self.max_person),
            ScoreKind::FullPersonMean => Some(self.full_person_mean),
            ScoreKind::Risk => self.risk,
            ScoreKind::Dominance => Some(self.dominance),
            ScoreKind::Probe => self.probe,
            ScoreKind::LogRatio => Some(self.log_ratio),
            ScoreKind::Margin => Some(self.margin),
            ScoreKind::Tie => Some(self.tie),
            ScoreKind::Disagreement => Some(self.disagreement),
        }
    }
}
