//! The gate: evidence to a verdict on whether the person or only the background supports a prediction.
//!
//! The predicted class is c = argmax p_F. Four scores measure how much of it the background alone explains, each with its
//! own threshold; [`GateSettings`] choose one. The gate sees log-probabilities and areas, no pixels.

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
        let calibration = self.settings.calibration.unwrap_or(Calibration::NONE);
        let views = View::ALL.map(|view| ViewScores::new(view, evidence, &calibration));
        let label = top_k::<1>(evidence.log_probs[View::Full.index()]).first().map_or(0, |best| best.class);
        let scores = Scores::of(&views, label, f64::from(self.settings.alpha));
        let p = views.each_ref().map(|view| libm::exp(view.log_p(label)).min(1.0) as f32);

        let abstention = self.abstention(&evidence.visibility, p[View::Full.index()]);
        let verdict = abstention.map_or_else(|| self.decision(label, &scores), Verdict::Abstain);
        self.flagged = matches!(verdict, Verdict::Flag(_)).then_some(label);
        let calibrated = self.settings.calibration.is_some();
        Judgement { label, verdict, scores, dominance: scores.log_ratio, p, calibrated }
    }

    /// Returns the `K` best classes of each view in the order of [`View::index`]. Like the probabilities of a judgement,
    /// theirs include the view's temperature, but not its offset.
    pub fn top<const K: usize>(&self, evidence: &Evidence<'_>) -> [heapless::Vec<Ranked, K>; 3] {
        let calibration = self.settings.calibration.unwrap_or(Calibration::NONE);
        View::ALL.map(|view| {
            let scores = ViewScores::new(view, evidence, &calibration);
            let mut best = top_k::<K>(evidence.log_probs[view.index()]);
            best.iter_mut().for_each(|ranked| ranked.log_p = scores.log_p(ranked.class) as f32);
            best
        })
    }

    /// Returns the probability of class `k` in each view, with the view's temperature, without its offset.
    pub fn probabilities(&self, evidence: &Evidence<'_>, k: usize) -> [f32; 3] {
        let calibration = self.settings.calibration.unwrap_or(Calibration::NONE);
        View::ALL.map(|view| libm::exp(ViewScores::new(view, evidence, &calibration).log_p(k)).min(1.0) as f32)
    }

    /// Returns the most probable class after the background's share is subtracted: argmax of t in [`ScoreKind::Tie`].
    pub fn tie_label(&self, evidence: &Evidence<'_>) -> usize {
        let calibration = self.settings.calibration.unwrap_or(Calibration::NONE);
        view_scores::tie_label(
            &View::ALL.map(|view| ViewScores::new(view, evidence, &calibration)),
            self.settings.alpha.into(),
        )
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

#[cfg(test)]
mod tests {
    use super::*;

    const VISIBLE: Visibility = Visibility { person_area: 0.2, background_area: 0.6, frames_with_person: 8, frames: 8 };

    /// Returns evidence of three views and two classes, in which the first class is predicted with p 0.9.
    fn evidence<'a>(person: &'a [f32; 2], background: &'a [f32; 2], visibility: Visibility) -> Evidence<'a> {
        Evidence::new([&[0.0, -2.197_224_6], person, background], visibility).unwrap()
    }

    fn verdict(gate: &mut Gate, person: f32, background: f32) -> Verdict {
        gate.judge(&evidence(&[person, 0.0], &[background, 0.0], VISIBLE)).verdict
    }

    fn gate(change: impl FnOnce(&mut GateSettings)) -> Gate {
        let mut settings = GateSettings::default();
        change(&mut settings);
        Gate::new(settings).unwrap()
    }

    const FLAG: Verdict = Verdict::Flag(FlagReason::BackgroundDominates);

    #[test]
    fn scores_follow_their_formulas() {
        let ln = |p: f32| libm::logf(p);
        let person = [ln(0.2), ln(0.8)];
        let background = [ln(0.7), ln(0.3)];
        let judged = gate(|_| {}).judge(&evidence(&person, &background, VISIBLE));
        let near = |got: f32, expected: f32| assert!((got - expected).abs() < 1e-5, "{got} for {expected}");
        assert_eq!((judged.label, judged.verdict, judged.calibrated), (0, FLAG, false));
        near(judged.dominance, ln(3.5));
        near(judged.scores.log_ratio, ln(3.5));
        near(judged.scores.margin, 0.5);
        near(judged.scores.tie, 0.0);
        near(judged.scores.disagreement, 0.6);
        near(judged.p[1], 0.2);
    }

    #[test]
    fn the_tie_score_subtracts_the_background() {
        let background = [libm::logf(0.999), libm::logf(0.001)];
        let judged = gate(|settings| settings.alpha = 0.5).judge(&evidence(&[0.0; 2], &background, VISIBLE));
        let expected = 0.5 * libm::logf(999.0) - libm::logf(9.0);
        assert!((judged.scores.tie - expected).abs() < 1e-4);
    }

    #[test]
    fn calibration_divides_logits_and_shifts_views() {
        let calibration = Calibration { temperature: [1.0, 2.0, 1.0], offset: [0.0, 0.5, -0.25] };
        let mut calibrated = gate(|settings| settings.calibration = Some(calibration));
        let judged = calibrated.judge(&evidence(&[2.0, 0.0], &[0.0, 0.0], VISIBLE));
        let log_p = 1.0 - libm::logf(1.0 + libm::expf(1.0));
        assert!((judged.p[1] - libm::expf(log_p)).abs() < 1e-6);
        assert!((judged.dominance - (libm::logf(0.5) - 0.25 - log_p - 0.5)).abs() < 1e-5);
        assert!(judged.calibrated);
    }

    #[test]
    fn the_first_reason_to_abstain_is_reported() {
        let judge = |visibility, min_confidence| {
            let mut gate = gate(|settings| settings.min_confidence = min_confidence);
            gate.judge(&evidence(&[0.0; 2], &[9.0, 0.0], visibility)).verdict.reason()
        };
        let hidden = Visibility { frames_with_person: 3, background_area: 0.0, ..VISIBLE };
        assert_eq!(judge(hidden, 1.0), Some("no-person"));
        assert_eq!(judge(Visibility { frames_with_person: 4, ..hidden }, 1.0), Some("person-fills-frame"));
        assert_eq!(judge(VISIBLE, 1.0), Some("low-confidence"));
        assert_eq!(judge(VISIBLE, 0.5), Some("background-dominates"));
    }

    #[test]
    fn a_flag_holds_until_the_score_has_fallen_by_the_hysteresis() {
        let mut stream = gate(|settings| settings.hysteresis = 0.5);
        assert_eq!(verdict(&mut stream, 0.2, 0.0), Verdict::Accept, "no memory in the first window");
        assert_eq!(verdict(&mut stream, 0.0, 0.2), FLAG);
        assert_eq!(verdict(&mut stream, 0.2, 0.0), FLAG);
        assert_eq!(verdict(&mut stream, 2.0, 0.0), Verdict::Accept);
        assert_eq!(verdict(&mut stream, 0.2, 0.0), Verdict::Accept);
        assert_eq!(verdict(&mut stream, 0.0, 0.2), FLAG);
        stream.reset();
        assert_eq!(verdict(&mut stream, 0.2, 0.0), Verdict::Accept);
    }

    #[test]
    fn hysteresis_applies_to_one_label() {
        let mut stream = gate(|settings| settings.hysteresis = 0.5);
        assert_eq!(verdict(&mut stream, 0.0, 0.2), FLAG);
        let mut other = |person: f32, background: f32| {
            stream.judge(&Evidence::new([&[0.0, 3.0], &[0.0, person], &[0.0, background]], VISIBLE).unwrap()).verdict
        };
        assert_eq!(other(0.2, 0.0), Verdict::Accept);
        assert_eq!(other(0.0, 0.2), FLAG);
        assert_eq!(other(0.2, 0.0), FLAG);
    }
}
