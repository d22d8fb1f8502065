//! Verdicts of the gate.

use super::Scores;

/// The gate's verdict on a prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The prediction has support from the person.
    Accept,
    /// The background alone supports the prediction, so it may be wrong.
    Flag(FlagReason),
    /// The prediction cannot be judged.
    Abstain(AbstainReason),
}

/// Reason to flag a prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FlagReason {
    /// The score exceeds tau: the background alone would produce the prediction.
    BackgroundDominates,
}

/// Reason to abstain, in the order of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AbstainReason {
    /// In most frames the person covers less than
    /// [`GateSettings::min_person_area`](super::GateSettings::min_person_area).
    NoPerson,
    /// Less background than [`GateSettings::min_background_area`](super::GateSettings::min_background_area) is visible.
    PersonFillsFrame,
    /// max p_F is below [`GateSettings::min_confidence`](super::GateSettings::min_confidence).
    LowConfidence,
}

impl Verdict {
    /// Returns `accept`, `flag` or `abstain`.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Accept => "accept",
            Verdict::Flag(_) => "flag",
            Verdict::Abstain(_) => "abstain",
        }
    }

    /// Returns `background-dominates`, `no-person`, `person-fills-frame` or `low-confidence`; `None` for `Accept`.
    pub const fn reason(self) -> Option<&'static str> {
        match self {
            Verdict::Accept => None,
            Verdict::Flag(FlagReason::BackgroundDominates) => Some("background-dominates"),
            Verdict::Abstain(AbstainReason::NoPerson) => Some("no-person"),
            Verdict::Abstain(AbstainReason::PersonFillsFrame) => Some("person-fills-frame"),
            Verdict::Abstain(AbstainReason::LowConfidence) => Some("low-confidence"),
        }
    }
}

/// A verdict with the numbers behind it, all finite.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Judgement {
    /// Index of the predicted class, c = argmax p_F; a tie goes to the smaller index.
    pub label: usize,
    /// The verdict.
    pub verdict: Verdict,
    /// All scores, including those that did not decide.
    pub scores: Scores,
    /// d(c), equal to the log-ratio score, in nats.
    pub dominance: f32,
    /// Probability of c in each view, 0 to 1, in the order of [`View::index`](crate::view::View::index), with the
    /// temperature, without the offset.
    pub p: [f32; 3],
    /// Whether `calibrate` has fitted this gate.
    pub calibrated: bool,
}
