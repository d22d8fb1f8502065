//! The image encoder: patches to embeddings.

use super::sizes::PairSizes;
use super::transformer::{Encoder, layer_norm, normal_linear};
use burn::module::{Module, Param};
use burn::nn::{Embedding, EmbeddingConfig, Initializer, LayerNorm, Linear};
use burn::tensor::{Device, Tensor};

/// CLIP's vision transformer without its projection.
#[derive(Module, Debug)]
pub struct VisionModel {
    embeddings: Embeddings,
    /// The spelling is Hugging Face's.
    pre_layrnorm: LayerNorm,
    encoder: Encoder,
    post_layernorm: LayerNorm,
}

#[derive(Module, Debug)]
struct Embeddings {
    class_embedding: Param<Tensor<1>>,
    /// The convolution over patches that do not overlap, as a matrix product with each patch.
    patch_embedding: Linear,
    position_embedding: Embedding,
}

impl VisionModel {
    pub(super) fn new(sizes: &PairSizes, device: &Device) -> Self {
        let width = sizes.vision.width;
        let std = (width as f64).powf(-0.5);
        let normal = Initializer::Normal { mean: 0.0, std };
        // As large as the patch embeddings: the position is as informative as the content.
        let positions = Initializer::Normal { mean: 0.0, std: 0.7 };
        Self {
            embeddings: Embeddings {
                class_embedding: normal.init([width], device),
                patch_embedding: normal_linear(
                    sizes.patch_values(),
                    width,
                    (sizes.patch_values() as f64).powf(-0.5),
                    false,
                    device,
                ),
                position_embedding: EmbeddingConfig::new(sizes.tokens(), width)
                    .with_initializer(positions)
                    .init(device),
            },
            pre_layrnorm: layer_norm(width, device),
            encoder: Encoder::new(sizes.vision, device),
            post_layernorm: layer_norm(width, device),
        }
    }

    /// Maps `patches` [n, patches, 3 * patch * patch] to the class token [n, width] and the tokens of the patches
    /// [n, patches, width].
    pub fn forward(&self, patches: Tensor<3>) -> (Tensor<2>, Tensor<3>) {
        let patches = self.embeddings.patch_embedding.forward(patches);
        let [n, count, width] = patches.dims();
        let class = self.embeddings.class_embedding.val().reshape([1, 1, width]).expand([n, 1, width]);
        let positions = self.embeddings.position_embedding.weight.val().unsqueeze();
        let tokens = self.pre_layrnorm.forward(Tensor::cat(vec![class, patches], 1) + positions);
        let tokens = self.encoder.forward(tokens, None);
        let class = tokens.clone().narrow(1, 0, 1).reshape([n, width]);
        (self.post_layernorm.forward(class), tokens.narrow(1, 1, count))
    }
}
