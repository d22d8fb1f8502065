//! Settings of a training run.

use crate::objective::Objective;
use burn::grad_clipping::GradientClippingConfig;
use burn::module::ParamGroup;
use burn::optim::{AdamWConfig, AdjustLrFn, ModuleOptimizer, MuonConfig};
use serde::{Deserialize, Serialize};

/// An optimiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Optimiser {
    /// AdamW for all parameters, as in the papers' fine-tuning.
    AdamW,
    /// Muon for the matrices of the encoders and AdamW for the rest. A pair with random weights hardly learns postures
    /// without it.
    Muon,
}

impl Optimiser {
    /// Creates the optimiser.
    pub fn build(self, weight_decay: f32) -> ModuleOptimizer {
        let adam = AdamWConfig::new()
            .with_beta_2(0.98)
            .with_epsilon(1e-6)
            .with_weight_decay(weight_decay)
            .with_grad_clipping(Some(GradientClippingConfig::Norm(1.0)))
            .init();
        match self {
            Self::AdamW => adam,
            Self::Muon => {
                let matrices = MuonConfig::new().with_adjust_lr_fn(AdjustLrFn::MatchRmsAdamW).build();
                adam.with_group(ParamGroup::from_any_predicates(MATRICES.to_vec()), matrices, None)
            }
        }
    }
}

/// Suffixes of the names of the encoders' matrices.
const MATRICES: [&str; 6] = [
    "_proj.weight",
    "fc1.weight",
    "fc2.weight",
    "patch_embedding.weight",
    "visual_projection.weight",
    "text_projection.weight",
];

/// Settings of a training run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingSettings {
    /// Passes over all clips.
    pub epochs: usize,
    /// The largest learning rate.
    pub learning_rate: f64,
    /// Epochs of linear warm-up; then the learning rate falls to 0 along a cosine.
    pub warmup_epochs: f64,
    /// The optimiser.
    pub optimiser: Optimiser,
    /// AdamW's weight decay.
    pub weight_decay: f32,
    /// The loss.
    pub objective: Objective,
    /// Weight of the posture head's loss, if the pair has a posture head.
    pub posture: f32,
}

impl TrainingSettings {
    /// Returns the learning rate of step `step`, from 0, with `steps` steps per epoch.
    pub fn learning_rate_at(&self, step: usize, steps: usize) -> f64 {
        let (done, total) = (step as f64 + 1.0, (self.epochs * steps) as f64);
        let warmup = self.warmup_epochs * steps as f64;
        if done < warmup {
            return self.learning_rate * done / warmup;
        }
        let progress = ((done - warmup) / (total - warmup).max(1.0)).min(1.0);
        self.learning_rate * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos())
    }
}
