//! The gate: evidence to a verdict on whether the person or only the background supports a prediction.
//!
//! The predicted class is c = argmax p_F, with p_v = softmax(logits_v / T) and one temperature T for all views. Two
//! tests decide, and a prediction that passes both is accepted. The first attributes the prediction: it is flagged as
//! the background's if dominance, D(c) = p_B(c) - p_P(c), exceeds tau and c is the background view's first class. The
//! second, which a gate may lack, compares a score of how likely c is wrong with a threshold of its own. Where the
//! person was asked on other backgrounds, the first test is by this [`Probe`], with a tau of its own. The gate sees
//! logits and areas, no pixels.

mod calibration;
mod evidence;
mod on_background;
mod probe;
mod risk;
mod scores;
mod settings;
mod verdict;
mod view_scores;

pub use calibration::{Calibration, CalibrationKind, CalibrationState};
pub use evidence::{Evidence, Visibility};
pub use on_background::OnBackground;
pub use probe::{Probe, ProbeThreshold};
pub use risk::{RiskFeatures, RiskParts, RiskWeights};
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
    /// What the last window was flagged by, if the gate did not abstain.
    last: Option<Failures>,
}

/// The tests by which a window's label was flagged. Each test has its own hysteresis, so that a lower threshold never
/// accepts what a higher one flags.
#[derive(Clone, Copy, Debug)]
struct Failures {
    label: usize,
    /// The background explains the label, and [`OnBackground::Flag`] is set.
    by_background: bool,
    by_risk: bool,
}

impl Gate {
    /// Creates a gate for a new stream.
    ///
    /// # Errors
    /// Returns an error if a setting is not finite or out of range.
    pub fn new(settings: GateSettings) -> Result<Self> {
        settings.validate()?;
        Ok(Self { settings, last: None })
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
        self.last = None;
    }

    /// Judges the next window.
    pub fn judge(&mut self, evidence: &Evidence<'_>) -> Judgement {
        let judgement = self.judgement(evidence);
        self.last = match judgement.verdict {
            Verdict::Abstain(_) => None,
            Verdict::Accept | Verdict::Flag(_) => Some(self.failures(&judgement)),
        };
        judgement
    }

    /// Returns whether the label of the next window is doubted, and worth a probe: dominance exceeds tau, or the risk
    /// its threshold, and the gate does not abstain.
    pub fn doubts(&self, evidence: &Evidence<'_>) -> bool {
        let judgement = self.judgement(&Evidence { probe: None, ..*evidence });
        let is_doubted = judgement.attribution.exceeds() || judgement.risk.is_some_and(|test| test.exceeds());
        is_doubted && !matches!(judgement.verdict, Verdict::Abstain(_))
    }

    fn judgement(&self, evidence: &Evidence<'_>) -> Judgement {
        let views = self.view_scores(evidence);
        let [full, person, background] = &views;
        let label = top_k::<1>(evidence.logits[View::Full.index()]).first().map_or(0, |best| best.class);
        let features = RiskFeatures::of(&views, label).with_visibility(&evidence.visibility);
        let weights = self.settings.risk.and_then(|risk| risk.weights);
        let risk_parts = weights.map(|weights| weights.parts(&features));
        let scores = Scores {
            risk: risk_parts.map(|parts| parts.risk()),
            probe: evidence.probe.map(|probe| (background.p(label) - probe.share()) as f32),
            ..Scores::of(&views, label, f64::from(self.settings.alpha))
        };
        let background_rank = background.rank(label);
        let mut judgement = Judgement {
            label,
            verdict: Verdict::Accept,
            explained_by: ExplainedBy::of(person.rank(label) == 1, background_rank == 1),
            attribution: self.attribution(label, &scores, evidence.probe),
            background_rank,
            risk: self.risk(label, &scores),
            features,
            risk_parts,
            probe: evidence.probe,
            scores,
            p: views.map(|view| view.p(label) as f32),
            calibrated: self.settings.calibrated(),
        };
        let abstention = self.abstention(&evidence.visibility, full.p(label) as f32);
        judgement.verdict = abstention.map_or_else(|| self.decision(&judgement), Verdict::Abstain);
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

    /// Returns the test of whether the background explains `label`: by the probe, if one was made on a number of
    /// backgrounds that a tau was fitted for, else by dominance.
    fn attribution(&self, label: usize, scores: &Scores, probe: Option<Probe>) -> Test {
        let was_flagged = self.last.is_some_and(|last| last.label == label && last.by_background);
        let fitted = probe.and_then(|probe| self.settings.probe_threshold(probe.places()));
        let (score, value, threshold) = match (scores.probe, fitted) {
            (Some(value), Some(threshold)) => (ScoreKind::Probe, value, threshold),
            _ => (ScoreKind::Dominance, scores.dominance, self.settings.threshold),
        };
        Test { score, value, threshold: self.in_force(threshold, was_flagged) }
    }

    /// Returns the test of whether `label` is wrong.
    fn risk(&self, label: usize, scores: &Scores) -> Option<Test> {
        let RiskSettings { score, threshold, .. } = self.settings.risk?;
        let was_flagged = self.last.is_some_and(|last| last.label == label && last.by_risk);
        Some(Test { score, value: scores.get(score)?, threshold: self.in_force(threshold, was_flagged) })
    }

    fn failures(&self, judgement: &Judgement) -> Failures {
        let is_background = judgement.background_rank == 1 && judgement.attribution.exceeds();
        Failures {
            label: judgement.label,
            by_background: is_background && self.settings.on_background == OnBackground::Flag,
            by_risk: judgement.risk.is_some_and(|test| test.exceeds()),
        }
    }

    /// Decides by the two tests.
    fn decision(&self, judgement: &Judgement) -> Verdict {
        let failures = self.failures(judgement);
        if failures.by_background {
            Verdict::Flag(FlagReason::BackgroundDominates)
        } else if !failures.by_risk {
            Verdict::Accept
        } else if judgement.explained_by.is_person() {
            Verdict::Flag(FlagReason::LikelyWrong)
        } else {
            Verdict::Flag(FlagReason::PersonDisagrees)
        }
    }

    /// Returns the threshold in force: a label that the test flagged in the last window stays flagged until its score
    /// falls to the threshold less the hysteresis.
    fn in_force(&self, threshold: f32, was_flagged: bool) -> f32 {
        if was_flagged { threshold - self.settings.hysteresis } else { threshold }
    }
}
