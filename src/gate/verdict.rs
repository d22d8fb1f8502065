//! What a gate says.

use super::Scores;

/// What a gate says of a prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Nothing speaks against it.
    Accept,
    /// It may well be wrong.
    Flag(FlagReason),
    /// It cannot be judged.
    Abstain(AbstainReason),
}

/// Why a prediction is flagged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FlagReason {
    /// The gate score exceeds tau: the background alone would have produced it.
    BackgroundDominates,
}

/// Why a prediction cannot be judged, in the order in which reasons are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AbstainReason {
    /// In most frames the person covers less than
    /// [`GateSettings::min_person_area`](super::GateSettings::min_person_area).
    NoPerson,
    /// Less background than [`GateSettings::min_background_area`](super::GateSettings::min_background_area) is left.
    PersonFillsFrame,
    /// max p_F is under [`GateSettings::min_confidence`](super::GateSettings::min_confidence).
    LowConfidence,
}

impl Verdict {
    /// `accept`, `flag` or `abstain`.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Accept => "accept",
            Verdict::Flag(_) => "flag",
            Verdict::Abstain(_) => "abstain",
        }
    }

    /// `background-dominates`, `no-person`, `person-fills-frame` or `low-confidence`; none for an accepted prediction.
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
    /// What the gate says of it.
    pub verdict: Verdict,
    /// Every score, whichever decided.
    pub scores: Scores,
    /// d(c), equal to the log-ratio score, in nats.
    pub dominance: f32,
    /// The probability of c in each view, in the order of [`View::index`](crate::view::View::index), 0 to 1: with the
    /// temperature, without the offset, which only compares views.
    pub p: [f32; 3],
    /// Whether `calibrate` has fitted this gate.
    pub calibrated: bool,
}
