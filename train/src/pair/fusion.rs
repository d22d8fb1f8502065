//! Fuses frame embeddings to clip embeddings.

use super::sizes::Tower;
use super::transformer::Encoder;
use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig, Initializer};
use burn::tensor::{Device, Tensor};

/// Number of blocks of ActionCLIP's temporal transformer.
pub const FUSION_LAYERS: usize = 6;

/// ActionCLIP's temporal transformer: position embeddings, six blocks with a residual around them, mean over the
/// frames.
#[derive(Module, Debug)]
pub struct TemporalFusion {
    frame_position_embeddings: Embedding,
    transformer: Encoder,
}

impl TemporalFusion {
    /// Creates a transformer for clips of `frames` frames and embeddings of `tower.width` elements.
    pub fn new(frames: usize, tower: Tower, device: &Device) -> Self {
        let normal = Initializer::Normal { mean: 0.0, std: 0.02 };
        Self {
            frame_position_embeddings: EmbeddingConfig::new(frames, tower.width).with_initializer(normal).init(device),
            transformer: Encoder::new(tower, device),
        }
    }

    /// Maps `frame_embeds` [n, T, dimension] to [n, dimension].
    pub fn forward(&self, frame_embeds: Tensor<3>) -> Tensor<2> {
        let positions = self.frame_position_embeddings.weight.val().unsqueeze();
        let fused = self.transformer.forward(frame_embeds.clone() + positions, None) + frame_embeds;
        mean(fused)
    }
}

/// Computes the mean over the frames of `frame_embeds` [n, T, dimension]: ViFi-CLIP's fusion.
pub fn mean(frame_embeds: Tensor<3>) -> Tensor<2> {
    let [n, _, dimension] = frame_embeds.dims();
    frame_embeds.mean_dim(1).reshape([n, dimension])
}
