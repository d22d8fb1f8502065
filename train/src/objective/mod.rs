//! Losses of pairs.

pub mod albar;
mod info_nce;

pub use albar::{Albar, gradient_norm};
pub use info_nce::info_nce;

use burn::tensor::{Int, Tensor, TensorData, activation};
use serde::{Deserialize, Serialize};

/// The loss of a training run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// Contrastive loss between the clips and the texts of a batch.
    InfoNce,
    /// Cross-entropy over the texts of all classes: ALBAR's baseline.
    CrossEntropy,
    /// Cross-entropy with ALBAR's adversarial terms.
    Albar(Albar),
}

/// Computes the mean cross-entropy of `logits` [n, classes] against `labels`.
pub fn cross_entropy(logits: Tensor<2>, labels: &[usize]) -> Tensor<1> {
    let n = labels.len();
    let labels: Vec<i32> = labels.iter().map(|label| *label as i32).collect();
    let labels = Tensor::<2, Int>::from_data(TensorData::new(labels, [n, 1]), &logits.device());
    activation::log_softmax(logits, 1).gather(1, labels).mean().neg()
}
