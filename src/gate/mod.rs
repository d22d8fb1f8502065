//! The gate: evidence to a verdict on whether the person or only the background supports a prediction.
//!
//! The predicted class is c = argmax p_F. Four scores measure how much of it the background alone explains, each with
//! its own threshold; [`GateSettings`] choose one. The gate sees log-probabilities and areas, no pixels.

mod evidence;
mod scores;
mod settings;
mod verdict;
mod view_scores;

pub use evidence::{Evidence, Visibility};
pub use scores::{ScoreKind, Scores};
pub use settings::{Calibration, GateSettings};
pub use verdict::{AbstainReason, FlagReason, Judgement, Verdict};

use crate::error::Result;
use crate::view::View;
use crate::zeroshot::{Ranked, top_k};
use view_scores::ViewScores;

/// Judges the windows of one stream in order.
#[derive(Clone, Debug)]
pub struct Gate {
    settings: GateSettings,
    /// Label of the last window, if it was flagged.
    flagged: Option<usize>,
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

    /// Sets the threshold tau of the score that decides.
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
        let label = top_k::<1>(evidence.log_probs[View::Full.index()]).first().map_or(0, |best| best.class);
        let scores = Scores::of(&views, label, f64::from(self.settings.alpha));
        let p = views.map(|view| view.p(label));

        let abstention = self.abstention(&evidence.visibility, p[View::Full.index()]);
        let verdict = abstention.map_or_else(|| self.decision(label, &scores), Verdict::Abstain);
        self.flagged = matches!(verdict, Verdict::Flag(_)).then_some(label);
        let calibrated = self.settings.calibration.is_some();
        Judgement { label, verdict, scores, dominance: scores.log_ratio, p, calibrated }
    }

    /// Returns the `K` best classes of each view in the order of [`View::index`]. Like the probabilities of a
    /// judgement, theirs include the view's temperature, but not its offset.
    pub fn top<const K: usize>(&self, evidence: &Evidence<'_>) -> [heapless::Vec<Ranked, K>; 3] {
        let views = self.view_scores(evidence);
        View::ALL.map(|view| {
            let scores = &views[view.index()];
            let mut best = top_k::<K>(evidence.log_probs[view.index()]);
            best.iter_mut().for_each(|ranked| ranked.log_p = scores.log_p(ranked.class) as f32);
            best
        })
    }

    /// Returns the probability of class `k` in each view, with the view's temperature, without its offset.
    pub fn probabilities(&self, evidence: &Evidence<'_>, k: usize) -> [f32; 3] {
        self.view_scores(evidence).map(|view| view.p(k))
    }

    /// Returns the most probable class after the background's share is subtracted: argmax of t in [`ScoreKind::Tie`].
    pub fn tie_label(&self, evidence: &Evidence<'_>) -> usize {
        view_scores::tie_label(&self.view_scores(evidence), self.settings.alpha.into())
    }

    fn view_scores<'a>(&self, evidence: &Evidence<'a>) -> [ViewScores<'a>; 3] {
        let calibration = self.settings.calibration.unwrap_or(Calibration::NONE);
        View::ALL.map(|view| ViewScores::new(view, evidence, &calibration))
    }

    fn abstention(&self, visibility: &Visibility, confidence: f32) -> Option<AbstainReason> {
        let without_person = visibility.frames - visibility.frames_with_person;
        if without_person > visibility.frames_with_person {
            Some(AbstainReason::NoPerson)
        } else if visibility.background_area < self.settings.min_background_area {
            Some(AbstainReason::PersonFillsFrame)
        } else if confidence < self.settings.min_confidence {
            Some(AbstainReason::LowConfidence)
        } else {
            None
        }
    }

    /// Decides by the score. A label that was flagged in the last window stays flagged until its score falls to
    /// tau - hysteresis.
    fn decision(&self, label: usize, scores: &Scores) -> Verdict {
        let GateSettings { score, threshold, hysteresis, .. } = &self.settings;
        let margin = if self.flagged == Some(label) { *hysteresis } else { 0.0 };
        if scores.get(*score) > threshold.get(*score) - margin {
            Verdict::Flag(FlagReason::BackgroundDominates)
        } else {
            Verdict::Accept
        }
    }
}
