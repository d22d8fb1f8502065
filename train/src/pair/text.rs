//! The text encoder: token ids to embeddings.

use super::sizes::PairSizes;
use super::transformer::{Encoder, causal_mask, layer_norm};
use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig, Initializer, LayerNorm};
use burn::tensor::{Device, Int, Tensor, TensorData};

/// CLIP's text transformer without its projection.
#[derive(Module, Debug)]
pub struct TextModel {
    embeddings: Embeddings,
    encoder: Encoder,
    final_layer_norm: LayerNorm,
}

#[derive(Module, Debug)]
struct Embeddings {
    token_embedding: Embedding,
    position_embedding: Embedding,
}

/// Token ids of prompts, cut to the longest one: ids after the end mark do not affect the embedding.
#[derive(Clone, Debug)]
pub struct Prompts {
    ids: Vec<i32>,
    ends: Vec<i32>,
    length: usize,
}

impl Prompts {
    /// Creates prompts from rows of token ids, each with the tokenizer's end mark, its largest id.
    pub fn new(rows: &[Vec<i64>]) -> Self {
        let ends: Vec<usize> = rows.iter().map(|row| end_of(row)).collect();
        let length = ends.iter().max().map_or(1, |end| end + 1);
        let ids = rows.iter().flat_map(|row| row[..length].iter().map(|id| *id as i32)).collect();
        Self { ids, ends: ends.into_iter().map(|end| end as i32).collect(), length }
    }

    /// Returns the number of prompts.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns whether there are no prompts.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

/// Returns the index of the end mark: the first largest id.
fn end_of(row: &[i64]) -> usize {
    let end = row.iter().max();
    row.iter().position(|id| Some(id) == end).unwrap_or(0)
}

impl TextModel {
    pub(super) fn new(sizes: &PairSizes, device: &Device) -> Self {
        let table = |rows: usize, std: f64| {
            let normal = Initializer::Normal { mean: 0.0, std };
            EmbeddingConfig::new(rows, sizes.text.width).with_initializer(normal).init(device)
        };
        Self {
            embeddings: Embeddings {
                token_embedding: table(sizes.vocabulary(), 0.02),
                position_embedding: table(sizes.context, 0.01),
            },
            encoder: Encoder::new(sizes.text, device),
            final_layer_norm: layer_norm(sizes.text.width, device),
        }
    }

    /// Maps `prompts` to the final states [n, width] at their end marks.
    pub fn forward(&self, prompts: &Prompts) -> Tensor<2> {
        let (n, length) = (prompts.len(), prompts.length);
        let positions = self.embeddings.position_embedding.weight.val().narrow(0, 0, length).unsqueeze();
        let device = positions.device();
        let ids = Tensor::<2, Int>::from_data(TensorData::new(prompts.ids.clone(), [n, length]), &device);
        let tokens = self.embeddings.token_embedding.forward(ids) + positions;
        let tokens = self.encoder.forward(tokens, Some(&causal_mask(length, &device)));
        let width = tokens.dims()[2];
        let flat = tokens.reshape([n * length, width]);
        let rows: Vec<i32> = prompts.ends.iter().enumerate().map(|(i, end)| (i * length) as i32 + end).collect();
        let ends = flat.select(0, Tensor::<1, Int>::from_data(TensorData::new(rows, [n]), &device));
        self.final_layer_norm.forward(ends)
    }
}
