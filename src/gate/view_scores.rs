//! Log-probabilities of the views as the scores compare them.

use super::{Calibration, Evidence, Scores};
use crate::view::View;
use crate::zeroshot::{LogSumExp, finite};

/// The calibrated log-probabilities of one view, in f64, where sums, differences and quotients of f32 do not overflow.
#[derive(Clone, Copy, Debug)]
pub(super) struct ViewScores<'a> {
    log_probs: &'a [f32],
    temperature: f64,
    offset: f64,
    sum: LogSumExp,
}

impl<'a> ViewScores<'a> {
    pub(super) fn new(view: View, evidence: &Evidence<'a>, calibration: &Calibration) -> Self {
        let log_probs = evidence.log_probs[view.index()];
        let temperature = f64::from(calibration.temperature[view.index()]);
        let offset = f64::from(calibration.offset[view.index()]);
        let sum = LogSumExp::of(log_probs.iter().map(|&log_p| f64::from(log_p) / temperature));
        Self { log_probs, temperature, offset, sum }
    }

    /// Returns the logit of class `k`, up to a constant that cancels in every score.
    fn logit(&self, k: usize) -> f64 {
        f64::from(self.log_probs[k]) / self.temperature
    }

    /// Returns ln p of class `k`, without the offset.
    pub(super) fn log_p(&self, k: usize) -> f64 {
        self.sum.log_p(self.logit(k))
    }

    /// Returns the probability of class `k`, without the offset.
    pub(super) fn p(&self, k: usize) -> f32 {
        libm::exp(self.log_p(k)).min(1.0) as f32
    }

    /// Returns ln p of class `k`, with the offset.
    fn shifted(&self, k: usize) -> f64 {
        self.log_p(k) + self.offset
    }
}

impl Scores {
    /// Computes the scores of class `c`. `alpha` is the background's share in [`Tie`](super::ScoreKind::Tie).
    pub(super) fn of(views: &[ViewScores<'_>; 3], c: usize, alpha: f64) -> Self {
        let [full, person, background] = views;
        let classes = 0..full.log_probs.len();
        let max = |values: &dyn Fn(usize) -> f64| classes.clone().map(values).fold(f64::NEG_INFINITY, f64::max);
        // exp of a large offset may overflow; clamping to the largest f64 keeps differences from being NaN.
        let p = |view: &ViewScores<'_>, k: usize| libm::exp(view.shifted(k)).min(f64::MAX);
        // Logits and log-probabilities differ by a constant for each view, which cancels in t_k - t_c.
        let t = |k: usize| full.logit(k) - alpha * background.logit(k);
        Self {
            log_ratio: finite(background.shifted(c) - person.shifted(c)),
            margin: finite(p(background, c) - p(person, c)),
            tie: finite(max(&t) - t(c)),
            disagreement: finite(libm::exp(max(&|k| person.shifted(k))).min(f64::MAX) - p(person, c)),
        }
    }
}

/// Returns the first class whose t of [`ScoreKind::Tie`](super::ScoreKind::Tie) is the largest.
pub(super) fn tie_label(views: &[ViewScores<'_>; 3], alpha: f64) -> usize {
    let [full, _, background] = views;
    let t = |k: usize| full.logit(k) - alpha * background.logit(k);
    (1..full.log_probs.len()).fold(0, |best, k| if t(k) > t(best) { k } else { best })
}
