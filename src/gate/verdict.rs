//! Verdicts of the gate.

use super::{CalibrationState, Probe, RiskFeatures, RiskParts, ScoreKind, Scores};

/// The gate's verdict on a prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The prediction passes both tests.
    Accept,
    /// The prediction fails a test.
    Flag(FlagReason),
    /// The prediction cannot be judged.
    Abstain(AbstainReason),
}

/// Reason to flag a prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FlagReason {
    /// Dominance, or the probe, exceeds tau, and the label is the background view's first.
    BackgroundDominates,
    /// The risk exceeds its threshold, and the person view's first label is another one.
    PersonDisagrees,
    /// The risk exceeds its threshold.
    LikelyWrong,
}

/// Reason to abstain, in the order of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AbstainReason {
    /// In most frames the person covers less than
    /// [`GateSettings::min_person_area`](super::GateSettings::min_person_area).
    NoPerson,
    /// Fewer than half of the window's frames are distinct. A still picture is exempt.
    TooFewFrames,
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

    /// Returns the reason in kebab case, such as `background-dominates` or `no-person`; `None` for `Accept`.
    pub const fn reason(self) -> Option<&'static str> {
        match self {
            Verdict::Accept => None,
            Verdict::Flag(FlagReason::BackgroundDominates) => Some("background-dominates"),
            Verdict::Flag(FlagReason::PersonDisagrees) => Some("person-disagrees"),
            Verdict::Flag(FlagReason::LikelyWrong) => Some("likely-wrong"),
            Verdict::Abstain(AbstainReason::NoPerson) => Some("no-person"),
            Verdict::Abstain(AbstainReason::TooFewFrames) => Some("too-few-frames"),
            Verdict::Abstain(AbstainReason::PersonFillsFrame) => Some("person-fills-frame"),
            Verdict::Abstain(AbstainReason::LowConfidence) => Some("low-confidence"),
        }
    }
}

/// The views that rank the predicted class first, besides the full view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExplainedBy {
    /// The person view.
    Person,
    /// The background view.
    Background,
    /// Both views.
    Both,
    /// Neither view: only the whole picture says it.
    Neither,
}

impl ExplainedBy {
    pub(super) const fn of(person: bool, background: bool) -> Self {
        match (person, background) {
            (true, true) => ExplainedBy::Both,
            (true, false) => ExplainedBy::Person,
            (false, true) => ExplainedBy::Background,
            (false, false) => ExplainedBy::Neither,
        }
    }

    /// Returns `person`, `background`, `both` or `neither`.
    pub const fn name(self) -> &'static str {
        match self {
            ExplainedBy::Person => "person",
            ExplainedBy::Background => "background",
            ExplainedBy::Both => "both",
            ExplainedBy::Neither => "neither",
        }
    }

    /// Returns whether the person view ranks the class first.
    pub const fn is_person(self) -> bool {
        matches!(self, ExplainedBy::Person | ExplainedBy::Both)
    }

    /// Returns whether the background view ranks the class first.
    pub const fn is_background(self) -> bool {
        matches!(self, ExplainedBy::Background | ExplainedBy::Both)
    }
}

/// A test of the gate: a score against its threshold. The test fails if the value exceeds the threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Test {
    /// The score.
    pub score: ScoreKind,
    /// Its value for the predicted class.
    pub value: f32,
    /// The threshold in force: tau, less the hysteresis where this test flagged the same label in the last window.
    pub threshold: f32,
}

impl Test {
    /// Returns whether the value exceeds the threshold.
    pub fn exceeds(&self) -> bool {
        self.value > self.threshold
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
    /// The views that rank the label first.
    pub explained_by: ExplainedBy,
    /// The test of whether the background explains the label. It also needs `background_rank` 1 to flag.
    pub attribution: Test,
    /// Rank of the label in the background view, from 1.
    pub background_rank: usize,
    /// The test of whether the label is wrong; `None` if the gate has none.
    pub risk: Option<Test>,
    /// Features of the risk.
    pub features: RiskFeatures,
    /// Parts of the risk's log-odds; `None` if the gate has no weights.
    pub risk_parts: Option<RiskParts>,
    /// The probe; `None` if the window was not probed.
    pub probe: Option<Probe>,
    /// All scores, including those of no test.
    pub scores: Scores,
    /// Probability of the label in each view, 0 to 1, in the order of [`View::index`](crate::view::View::index).
    pub p: [f32; 3],
    /// How the gate was calibrated; `None` if it was not.
    pub calibrated: Option<CalibrationState>,
}
