//! Accuracies of predictions, computed by the runtime's measures.

use figureground::evaluate::metrics::accuracy::{is_contrastive, share};
use serde::{Deserialize, Serialize};

/// Top-1 accuracies, in 0..=1, of one set of clips.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ViewAccuracies {
    /// Accuracy on whole clips.
    pub top1: f64,
    /// Accuracy on the background view (Eq. 6).
    pub b_top1: f64,
    /// Accuracy on the person view (Eq. 2, or Eq. 5 against object bias).
    pub p_top1: f64,
}

/// Returns the share of `predictions` that equal their label.
pub fn accuracy(predictions: &[usize], labels: &[usize]) -> f64 {
    share(predictions.iter().zip(labels), |(prediction, label)| prediction == label)
}

/// Returns the contrastive accuracy: the share of clips that are right on SCUBA and get another class on SCUFO.
pub fn contrastive_accuracy(scuba: &[usize], scufo: &[usize], labels: &[usize]) -> f64 {
    let clips = scuba.iter().zip(scufo).zip(labels);
    share(clips, |((scuba, scufo), label)| is_contrastive(*label, *scuba, *scufo))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracies_of_four_clips_equal_those_computed_by_hand() {
        assert_eq!(accuracy(&[0, 1, 2, 3], &[0, 1, 0, 0]), 0.5);
        assert_eq!(contrastive_accuracy(&[0, 1, 2, 3], &[0, 2, 0, 0], &[0, 1, 2, 0]), 0.5);
    }
}
