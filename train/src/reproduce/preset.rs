//! How large a reproduction is.

use super::rows::Experiment;
use crate::pair::{Fusion, Sizes};
use clap::ValueEnum;

/// A size of reproduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// Rows of minutes on two CPU cores.
    Miniature,
    /// The papers' settings, for ViT-B/32 and a large GPU.
    Full,
}

/// How one row is trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Clips a class.
    pub shots: usize,
    /// How often each is seen.
    pub epochs: usize,
    /// Clips of a step.
    pub batch: usize,
    /// The largest learning rate.
    pub learning_rate: f64,
}

impl Preset {
    /// Its name in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Miniature => "miniature",
            Self::Full => "full",
        }
    }

    /// Sizes of the pair.
    pub fn sizes(self) -> Sizes {
        match self {
            Self::Miniature => Sizes::MINIATURE,
            Self::Full => Sizes::VIT_B_32,
        }
    }

    /// Test clips a class.
    pub fn tested(self) -> usize {
        match self {
            Self::Miniature => 12,
            Self::Full => 50,
        }
    }

    /// How rows of `experiment` with `fusion` are trained.
    pub fn plan(self, experiment: Experiment, fusion: Fusion) -> Plan {
        match (self, experiment) {
            (Self::Miniature, Experiment::FewShot) => Plan { shots: 16, epochs: 8, batch: 32, learning_rate: 3e-4 },
            (Self::Miniature, Experiment::Objects) => Plan { shots: 64, epochs: 6, batch: 32, learning_rate: 3e-4 },
            (Self::Miniature, _) => Plan { shots: 32, epochs: 5, batch: 32, learning_rate: 3e-4 },
            // The masking paper's sections 4.1; ActionCLIP goes 15 epochs over larger sets.
            (Self::Full, Experiment::FewShot) => Plan { shots: 16, epochs: 40, batch: 32, learning_rate: 8e-6 },
            (Self::Full, Experiment::Cross) => Plan { learning_rate: 1e-5, ..full(fusion) },
            (Self::Full, _) => full(fusion),
        }
    }
}

fn full(fusion: Fusion) -> Plan {
    let epochs = match fusion {
        Fusion::Mean => 12,
        Fusion::Temporal => 15,
    };
    Plan { shots: 500, epochs, batch: 32, learning_rate: 2e-6 }
}
