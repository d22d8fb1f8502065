//! Fractions of clips, by their published names.

use serde::{Deserialize, Serialize};

/// Top-1 accuracies, in 0..=1, of one set of clips.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ViewAccuracies {
    /// Of whole clips.
    pub top1: f64,
    /// Of clips without the person (Eq. 6).
    pub b_top1: f64,
    /// Of the person alone (Eq. 2, or Eq. 5 against object bias).
    pub p_top1: f64,
}

/// The fraction of `said` that equals `labels`.
pub fn accuracy(said: &[usize], labels: &[usize]) -> f64 {
    let right = said.iter().zip(labels).filter(|(said, label)| said == label).count();
    right as f64 / labels.len().max(1) as f64
}

/// Contrastive accuracy: right on SCUBA, and another class on SCUFO, over all clips.
pub fn contrastive_accuracy(scuba: &[usize], scufo: &[usize], labels: &[usize]) -> f64 {
    let right = labels.iter().enumerate().filter(|(i, label)| scuba[*i] == **label && scufo[*i] != **label).count();
    right as f64 / labels.len().max(1) as f64
}

/// Mean and sample standard deviation.
pub fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n.max(1.0);
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    (mean, variance.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_clips_by_hand() {
        assert_eq!(accuracy(&[0, 1, 2, 3], &[0, 1, 0, 0]), 0.5);
        assert_eq!(contrastive_accuracy(&[0, 1, 2, 3], &[0, 2, 0, 0], &[0, 1, 2, 0]), 0.5);
        let (mean, deviation) = mean_and_deviation(&[1.0, 2.0, 3.0]);
        assert_eq!((mean, deviation), (2.0, 1.0));
    }
}
