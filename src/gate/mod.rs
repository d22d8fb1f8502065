//! The gate: evidence to a verdict on whether the person or only the background supports a prediction.
//!
//! The predicted class is c = argmax p_F, with p_v = softmax(logits_v / T) and one temperature T for all views. Two
//! tests decide, and a prediction that passes both is accepted. The first attributes the prediction: it is flagged as
//! the background's if dominance, D(c) = p_B(c) - p_P(c), exceeds tau and c is the background view's first class. The
//! second, which a gate may lack, compares a score of how likely c is wrong with a threshold of its own. The gate sees
//! logits and areas, no pixels.

mod calibration;
mod evidence;
mod scores;
mod settings;
mod verdict;
mod view_scores;

pub use calibration::{Calibration, CalibrationKind, CalibrationState};
pub use evidence::{Evidence, Visibility};
pub use scores::{ScoreKind, Scores};
pub use settings::{GateSettings, RiskSettings};
pub use verdict::{AbstainReason, ExplainedBy, FlagReason, Judgement, Test, Verdict};

use crate::error::Result;
use crate::view::View;
use crate::zeroshot::{Ranked, top_k};
use view_scores::ViewScores;

/// Judges the windows of one stream in order.
#[derive(Clone, Debug)]
pub struct Gate {
    settings: GateSettings,
    /// Label of the last window and the reason, if it was flagged.
    flagged: Option<(usize, FlagReason)>,
}

impl Gate {
    /// Creates a gate for a new stream.
    ///
    /// # Errors
    /// Returns an error if a setting is not finite or out of range.
    pub fn new(settings: GateSettings) -> Result<Self> {
        settings.validate()?;
        Ok(Self { settings, flagged: None })
    }

    /// Returns the settings.
    pub fn settings(&self) -> &GateSettings {
        &self.settings
    }

    /// Sets the threshold tau of dominance.
    ///
    /// # Errors
    /// Returns an error if `tau` is not finite.
    pub fn set_threshold(&mut self, tau: f32) -> Result<()> {
        self.settings.set_threshold(tau)
    }

    /// Forgets earlier windows, before the next source.
    pub fn reset(&mut self) {
        self.flagged = None;
    }

    /// Judges the next window.
    pub fn judge(&mut self, evidence: &Evidence<'_>) -> Judgement {
        let views = self.view_scores(evidence);
        let [full, person, background] = &views;
        let label = top_k::<1>(evidence.logits[View::Full.index()]).first().map_or(0, |best| best.class);
        let scores = Scores::of(&views, label, f64::from(self.settings.alpha));
        let background_rank = background.rank(label);
        let mut judgement = Judgement {
            label,
            verdict: Verdict::Accept,
            explained_by: ExplainedBy::of(person.rank(label) == 1, background_rank == 1),
            attribution: self.attribution(label, &scores),
            background_rank,
            risk: self.risk(label, &scores),
            scores,
            p: views.map(|view| view.p(label) as f32),
            calibrated: self.settings.calibrated(),
        };
        let abstention = self.abstention(&evidence.visibility, full.p(label) as f32);
        judgement.verdict = abstention.map_or_else(|| decision(&judgement), Verdict::Abstain);
        self.flagged = match judgement.verdict {
            Verdict::Flag(reason) => Some((label, reason)),
            _ => None,
        };
        judgement
    }

    /// Returns the `K` best classes of each view in the order of [`View::index`], with their probabilities at the
    /// gate's temperature.
    pub fn top<const K: usize>(&self, evidence: &Evidence<'_>) -> [heapless::Vec<Ranked, K>; 3] {
        let views = self.view_scores(evidence);
        View::ALL.map(|view| {
            let scores = &views[view.index()];
            let mut best = top_k::<K>(evidence.logits[view.index()]);
            best.iter_mut().for_each(|ranked| ranked.log_p = scores.log_p(ranked.class) as f32);
            best
        })
    }

    /// Returns the probability of class `k` in each view.
    pub fn probabilities(&self, evidence: &Evidence<'_>, k: usize) -> [f32; 3] {
        self.view_scores(evidence).map(|view| view.p(k) as f32)
    }

    /// Returns the most probable class after the background's share is subtracted: argmax of t in [`ScoreKind::Tie`].
    pub fn tie_label(&self, evidence: &Evidence<'_>) -> usize {
        view_scores::tie_label(&self.view_scores(evidence), self.settings.alpha.into())
    }

    fn view_scores<'a>(&self, evidence: &Evidence<'a>) -> [ViewScores<'a>; 3] {
        View::ALL.map(|view| ViewScores::new(view, evidence, self.settings.temperature))
    }

    fn abstention(&self, visibility: &Visibility, confidence: f32) -> Option<AbstainReason> {
        let without_person = visibility.frames - visibility.frames_with_person;
        if without_person > visibility.frames_with_person {
            Some(AbstainReason::NoPerson)
        } else if !visibility.is_still && visibility.distinct_frames < visibility.frames.div_ceil(2) {
            Some(AbstainReason::TooFewFrames)
        } else if visibility.background_area < self.settings.min_background_area {
            Some(AbstainReason::PersonFillsFrame)
        } else if confidence < self.settings.min_confidence {
            Some(AbstainReason::LowConfidence)
        } else {
            None
        }
    }

    /// Returns the test of whether the background explains `label`.
    fn attribution(&self, label: usize, scores: &Scores) -> Test {
        let was_flagged = self.flagged == Some((label, FlagReason::BackgroundDominates));
        let threshold = self.in_force(self.settings.threshold, was_flagged);
        Test { score: ScoreKind::Dominance, value: scores.dominance, threshold }
    }

    /// Returns the test of whether `label` is wrong.
    fn risk(&self, label: usize, scores: &Scores) -> Option<Test> {
        let RiskSettings { score, threshold } = self.settings.risk?;
        let was_flagged = self.flagged.is_some_and(|(flagged, reason)| {
            flagged == label && matches!(reason, FlagReason::PersonDisagrees | FlagReason::LikelyWrong)
        });
        Some(Test { score, value: scores.get(score), threshold: self.in_force(threshold, was_flagged) })
    }

    /// Returns the threshold in force: a label that the test flagged in the last window stays flagged until its score
    /// falls to the threshold less the hysteresis.
    fn in_force(&self, threshold: f32, was_flagged: bool) -> f32 {
        if was_flagged { threshold - self.settings.hysteresis } else { threshold }
    }
}

/// Decides by the two tests.
fn decision(judgement: &Judgement) -> Verdict {
    if judgement.background_rank == 1 && judgement.attribution.exceeds() {
        Verdict::Flag(FlagReason::BackgroundDominates)
    } else if !judgement.risk.is_some_and(|test| test.exceeds()) {
        Verdict::Accept
    } else if judgement.explained_by.is_person() {
        Verdict::Flag(FlagReason::LikelyWrong)
    } else {
        Verdict::Flag(FlagReason::PersonDisagrees)
    }
}
