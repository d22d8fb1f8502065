//! Probabilities of the views at the gate's temperature.

use super::{Evidence, RiskFeatures, Scores, Visibility};
use crate::view::View;
use crate::zeroshot::{LogSumExp, finite};

/// The smallest ln p in a score: ln 1e-6.
const LEAST_LOG_P: f64 = -13.815_510_557_964_274;

/// The probabilities of one view, p = softmax(logits / T), in f64, where sums and quotients of f32 do not overflow.
#[derive(Clone, Copy, Debug)]
pub(super) struct ViewScores<'a> {
    logits: &'a [f32],
    temperature: f64,
    sum: LogSumExp,
}

impl<'a> ViewScores<'a> {
    pub(super) fn new(view: View, evidence: &Evidence<'a>, temperature: f32) -> Self {
        let (logits, temperature) = (evidence.logits[view.index()], f64::from(temperature));
        let sum = LogSumExp::of(logits.iter().map(|&logit| f64::from(logit) / temperature));
        Self { logits, temperature, sum }
    }

    /// Returns the logit of class `k` at the temperature.
    fn logit(&self, k: usize) -> f64 {
        f64::from(self.logits[k]) / self.temperature
    }

    /// Returns ln p of class `k`.
    pub(super) fn log_p(&self, k: usize) -> f64 {
        self.sum.log_p(self.logit(k))
    }

    /// Returns the probability of class `k`.
    pub(super) fn p(&self, k: usize) -> f64 {
        libm::exp(self.log_p(k)).min(1.0)
    }

    /// Returns ln p of class `k`, at least ln 1e-6.
    fn floored(&self, k: usize) -> f64 {
        self.log_p(k).max(LEAST_LOG_P)
    }

    /// Returns ln p of class `k` less the largest of another class, each at least ln 1e-6; 0 without others.
    fn margin(&self, k: usize) -> f64 {
        let others = (0..self.logits.len()).filter(|&other| other != k).map(|other| self.floored(other));
        others.reduce(f64::max).map_or(0.0, |best| self.floored(k) - best)
    }

    /// Returns the rank of class `k`, from 1. Among equals, the smaller index is first.
    pub(super) fn rank(&self, k: usize) -> usize {
        let logit = self.logits[k];
        let is_before = |(other, value): (usize, &f32)| *value > logit || (*value == logit && other < k);
        1 + self.logits.iter().enumerate().filter(|class| is_before(*class)).count()
    }
}

impl Scores {
    /// Computes the scores of class `c`. `alpha` is the background's share in [`Tie`](super::ScoreKind::Tie).
    pub(super) fn of(views: &[ViewScores<'_>; 3], c: usize, alpha: f64) -> Self {
        let [full, person, background] = views;
        // By how much the best of the other classes exceeds c; 0 without others.
        let excess = |value: &dyn Fn(usize) -> f64| {
            let others = (0..full.logits.len()).filter(|&k| k != c).map(value);
            others.reduce(f64::max).map_or(0.0, |best| best - value(c))
        };
        let tie = |k: usize| full.logit(k) - alpha * background.logit(k);
        Self {
            max_softmax: finite(1.0 - full.p(c)),
            max_person: finite(1.0 - person.p(c)),
            full_person_mean: finite(1.0 - (full.p(c) + person.p(c)) / 2.0),
            risk: None,
            dominance: finite(background.p(c) - person.p(c)),
            probe: None,
            log_ratio: finite(background.floored(c) - person.floored(c)),
            margin: finite(background.margin(c) - person.margin(c)),
            tie: finite(excess(&tie)),
            disagreement: finite(excess(&|k| person.p(k))),
        }
    }
}

impl RiskFeatures {
    /// Returns the features with those of the window's visibility.
    pub(super) fn with_visibility(self, visibility: &Visibility) -> Self {
        let frames_with_person = visibility.frames_with_person as f32 / visibility.frames as f32;
        Self { person_area: visibility.person_area, frames_with_person, ..self }
    }

    /// Computes the features of class `c` that are of the views.
    pub(super) fn of([full, person, _]: &[ViewScores<'_>; 3], c: usize) -> Self {
        Self {
            full_margin: finite(full.margin(c)),
            person_margin: finite(person.margin(c)),
            full_log_p: finite(full.floored(c)),
            person_log_p: finite(person.floored(c)),
            ..Self::default()
        }
    }
}

/// Returns the first class whose t of [`ScoreKind::Tie`](super::ScoreKind::Tie) is the largest.
pub(super) fn tie_label(views: &[ViewScores<'_>; 3], alpha: f64) -> usize {
    let [full, _, background] = views;
    let t = |k: usize| full.logit(k) - alpha * background.logit(k);
    (1..full.logits.len()).fold(0, |best, k| if t(k) > t(best) { k } else { best })
}
