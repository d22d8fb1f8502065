//! The section `[clip]`.

use super::toml_text::check_range;
use crate::error::Result;
use crate::sampler::Sampler;
use crate::zeroshot::Fusion;
use serde::{Deserialize, Serialize};

/// The most frames of one clip.
pub const MAX_FRAMES: usize = 256;

/// Sampling and fusion of the frames of a clip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClipSettings {
    /// Frames scored together (T).
    pub frames: usize,
    /// Rule that picks them from the clip.
    pub sampler: Sampler,
    /// Fusion of their embeddings into one.
    pub fusion: Fusion,
}

impl ClipSettings {
    /// Returns the indices of the sampled frames of a clip of `count` frames, in their order and with repetitions.
    pub fn sampled(&self, count: u64) -> Vec<u64> {
        (0..self.frames).map(|i| self.sampler.index(i, count, self.frames)).collect()
    }

    /// Returns the indices of the sampled frames of a clip of `count` frames, strictly ascending.
    pub fn distinct(&self, count: u64) -> Vec<u64> {
        let mut indices = self.sampled(count);
        indices.sort_unstable();
        indices.dedup();
        indices
    }

    pub(super) fn check(&self) -> Result<()> {
        check_range("clip.frames", self.frames, 1, MAX_FRAMES)
    }
}
