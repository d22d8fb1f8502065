//! How much of a prediction the background alone explains.

use super::{Calibration, Evidence};
use crate::view::View;
use crate::zeroshot::{LogSumExp, finite};
use serde::{Deserialize, Serialize};

/// How a score measures what the background alone explains; larger means more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScoreKind {
    /// Dominance, d(c) = ln p_B(c) - ln p_P(c).
    #[default]
    LogRatio,
    /// p_B(c) - p_P(c).
    Margin,
    /// max_k t_k - t_c with t = logits_F - alpha logits_B: another class wins once the background's share is taken
    /// away.
    Tie,
    /// max_k p_P(k) - p_P(c): the person alone looks like another class.
    Disagreement,
}

impl ScoreKind {
    /// All kinds.
    pub const ALL: [ScoreKind; 4] = [ScoreKind::LogRatio, ScoreKind::Margin, ScoreKind::Tie, ScoreKind::Disagreement];

    /// `log-ratio`, `margin`, `tie` or `disagreement`.
    pub const fn name(self) -> &'static str {
        match self {
            ScoreKind::LogRatio => "log-ratio",
            ScoreKind::Margin => "margin",
            ScoreKind::Tie => "tie",
            ScoreKind::Disagreement => "disagreement",
        }
    }
}

/// One number for each kind of score: the scores of a window, or their thresholds tau. All are finite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Scores {
    /// For [`ScoreKind::LogRatio`], in nats.
    pub log_ratio: f32,
    /// For [`ScoreKind::Margin`], a difference of probabilities.
    pub margin: f32,
    /// For [`ScoreKind::Tie`], a difference of logits.
    pub tie: f32,
    /// For [`ScoreKind::Disagreement`], a difference of probabilities.
    pub disagreement: f32,
}

impl Scores {
    /// The number for `kind`, to be changed.
    pub fn get_mut(&mut self, kind: ScoreKind) -> &mut f32 {
        match kind {
            ScoreKind::LogRatio => &mut self.log_ratio,
            ScoreKind::Margin => &mut self.margin,
            ScoreKind::Tie => &mut self.tie,
            ScoreKind::Disagreement => &mut self.disagreement,
        }
    }

    /// The number for `kind`.
    pub fn get(&self, kind: ScoreKind) -> f32 {
        match kind {
            ScoreKind::LogRatio => self.log_ratio,
            ScoreKind::Margin => self.margin,
            ScoreKind::Tie => self.tie,
            ScoreKind::Disagreement => self.disagreement,
        }
    }

    /// The scores of class `c`, where `alpha` is the background's share in [`ScoreKind::Tie`].
    pub(super) fn of(views: &[ViewScores<'_>; 3], c: usize, alpha: f64) -> Self {
        let [full, person, background] = views;
        let classes = 0..full.log_probs.len();
        let max = |values: &dyn Fn(usize) -> f64| classes.clone().map(values).fold(f64::NEG_INFINITY, f64::max);
        // exp of a large offset may overflow; the largest f64 stands for it, so that no difference is NaN.
        let p = |view: &ViewScores<'_>, k: usize| libm::exp(view.compared(k)).min(f64::MAX);
        // Logits and log-probabilities differ by a constant a view, which cancels in t_k - t_c.
        let t = |k: usize| full.logit(k) - alpha * background.logit(k);
        Self {
            log_ratio: finite(background.compared(c) - person.compared(c)),
            margin: finite(p(background, c) - p(person, c)),
            tie: finite(max(&t) - t(c)),
            disagreement: finite(libm::exp(max(&|k| person.compared(k))).min(f64::MAX) - p(person, c)),
        }
    }
}

/// The first class whose t of [`ScoreKind::Tie`] is the largest.
pub(super) fn tie_label(views: &[ViewScores<'_>; 3], alpha: f64) -> usize {
    let [full, _, background] = views;
    let t = |k: usize| full.logit(k) - alpha * background.logit(k);
    (1..full.log_probs.len()).fold(0, |best, k| if t(k) > t(best) { k } else { best })
}

/// One view's log-probabilities, calibrated. In f64, where no sum, difference or quotient of f32 overflows.
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

    /// The logit of class `k`, up to a constant that no score keeps.
    fn logit(&self, k: usize) -> f64 {
        f64::from(self.log_probs[k]) / self.temperature
    }

    /// ln p of class `k`, without the offset.
    pub(super) fn log_p(&self, k: usize) -> f64 {
        self.sum.log_p(self.logit(k))
    }

    /// ln p of class `k` as scores compare it.
    fn compared(&self, k: usize) -> f64 {
        self.log_p(k) + self.offset
    }
}
