//! The frame embeddings of a clip to the clip's embedding.

use super::sizes::Tower;
use super::transformer::Encoder;
use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig, Initializer};
use burn::tensor::{Device, Tensor};

/// Blocks of ActionCLIP's temporal transformer.
pub const FUSION_LAYERS: usize = 6;

/// ActionCLIP's temporal transformer: positions, six blocks, the input once more, mean over the frames.
#[derive(Module, Debug)]
pub struct TemporalFusion {
    frame_position_embeddings: Embedding,
    transformer: Encoder,
}

impl TemporalFusion {
    /// For clips of `frames` frames and embeddings of `tower.width` elements.
    pub fn new(frames: usize, tower: Tower, device: &Device) -> Self {
        let normal = Initializer::Normal { mean: 0.0, std: 0.02 };
        Self {
            frame_position_embeddings: EmbeddingConfig::new(frames, tower.width).with_initializer(normal).init(device),
            transformer: Encoder::new(tower, device),
        }
    }

    /// `frame_embeds` [n, T, dimension] -> [n, dimension].
    pub fn forward(&self, frame_embeds: Tensor<3>) -> Tensor<2> {
        let positions = self.frame_position_embeddings.weight.val().unsqueeze();
        let fused = self.transformer.forward(frame_embeds.clone() + positions, None) + frame_embeds;
        mean(fused)
    }
}

/// ViFi-CLIP's fusion: the mean over the frames of `frame_embeds` [n, T, dimension].
pub fn mean(frame_embeds: Tensor<3>) -> Tensor<2> {
    let [n, _, dimension] = frame_embeds.dims();
    frame_embeds.mean_dim(1).reshape([n, dimension])
}
