//! Sizes of a reproduction.

use super::rows::Experiment;
use crate::pair::{FusionKind, PairSizes};
use clap::ValueEnum;

/// Size of a reproduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// A small pair; a row takes minutes on two CPU cores.
    Miniature,
    /// The papers' settings with ViT-B/32, for a large GPU.
    Full,
}

/// Training settings of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RowSettings {
    /// Clips per class.
    pub shots: usize,
    /// Passes over all clips.
    pub epochs: usize,
    /// Clips per step.
    pub batch_size: usize,
    /// The largest learning rate.
    pub learning_rate: f64,
}

impl Preset {
    /// Returns the name in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Miniature => "miniature",
            Self::Full => "full",
        }
    }

    /// Returns the sizes of the pair.
    pub fn sizes(self) -> PairSizes {
        match self {
            Self::Miniature => PairSizes::MINIATURE,
            Self::Full => PairSizes::VIT_B_32,
        }
    }

    /// Returns the number of test clips per class.
    pub fn test_clips_per_class(self) -> usize {
        match self {
            Self::Miniature => 12,
            Self::Full => 50,
        }
    }

    /// Returns the training settings of rows of `experiment` with `fusion`.
    pub fn row_settings(self, experiment: Experiment, fusion: FusionKind) -> RowSettings {
        match (self, experiment) {
            (Self::Miniature, Experiment::FewShot) => {
                RowSettings { shots: 16, epochs: 8, batch_size: 32, learning_rate: 3e-4 }
            }
            (Self::Miniature, Experiment::Objects) => {
                RowSettings { shots: 64, epochs: 6, batch_size: 32, learning_rate: 3e-4 }
            }
            (Self::Miniature, _) => RowSettings { shots: 32, epochs: 5, batch_size: 32, learning_rate: 3e-4 },
            // From section 4.1 of the masking paper; ActionCLIP trains 15 epochs on larger sets.
            (Self::Full, Experiment::FewShot) => {
                RowSettings { shots: 16, epochs: 40, batch_size: 32, learning_rate: 8e-6 }
            }
            (Self::Full, Experiment::Cross) => RowSettings { learning_rate: 1e-5, ..full(fusion) },
            (Self::Full, _) => full(fusion),
        }
    }
}

fn full(fusion: FusionKind) -> RowSettings {
    let epochs = match fusion {
        FusionKind::Mean => 12,
        FusionKind::Temporal => 15,
    };
    RowSettings { shots: 500, epochs, batch_size: 32, learning_rate: 2e-6 }
}
