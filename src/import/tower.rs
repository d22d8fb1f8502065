//! Sizes of CLIP's transformers, and the tensors that they are made of.

use std::collections::BTreeMap;

/// The activation of a block's two-layer perceptron.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `x * sigmoid(1.702 x)`, OpenAI's approximation.
    QuickGelu,
    /// `x * Phi(x)`, computed with `erf`.
    Gelu,
}

/// Sizes of one transformer tower.
#[derive(Clone, Debug)]
pub struct Tower {
    /// Channels of a token.
    pub width: usize,
    /// Residual blocks.
    pub layers: usize,
    /// Attention heads.
    pub heads: usize,
    /// Channels between a block's two linear layers.
    pub intermediate: usize,
    /// Activation between them.
    pub activation: Activation,
    /// Added to the variance of a layer norm.
    pub epsilon: f32,
    /// Dimension of the shared embedding space.
    pub projection: usize,
}

/// Sizes of the vision tower.
#[derive(Clone, Debug)]
pub struct VisionTower {
    /// The transformer.
    pub tower: Tower,
    /// Side of the square input picture, in pixels.
    pub image_size: usize,
    /// Side of a square patch, in pixels.
    pub patch_size: usize,
}

/// Sizes of the text tower.
#[derive(Clone, Debug)]
pub struct TextTower {
    /// The transformer.
    pub tower: Tower,
    /// Tokens of a prompt, padding included.
    pub context: usize,
    /// Rows of the token table; the last is the end-of-text token.
    pub vocabulary: usize,
}

/// Sizes of the temporal transformer.
#[derive(Clone, Debug)]
pub struct TemporalTower {
    /// The transformer; its width is the dimension of embeddings.
    pub tower: Tower,
    /// Rows of the position table.
    pub positions: usize,
    /// Frames of a clip; they use the first positions.
    pub frames: usize,
}

impl VisionTower {
    /// Returns the number of patches along one side.
    pub fn grid(&self) -> usize {
        self.image_size / self.patch_size
    }
}

impl TemporalTower {
    /// Returns every tensor, by this crate's name, with its shape.
    pub fn tensors(&self) -> BTreeMap<String, Vec<usize>> {
        let mut shapes = BTreeMap::new();
        self.tower.blocks("temporal_model", &mut shapes);
        shapes.insert("temporal_model.position_embedding.weight".to_owned(), vec![self.positions, self.tower.width]);
        shapes
    }
}

impl Tower {
    /// Checks that the sizes fit together and are within bounds; the error names the first that is not.
    pub(super) fn check(&self) -> core::result::Result<(), String> {
        for (name, value, most) in [
            ("hidden_size", self.width, 1 << 16),
            ("num_hidden_layers", self.layers, 1 << 10),
            ("num_attention_heads", self.heads, self.width.max(1)),
            ("intermediate_size", self.intermediate, 1 << 18),
            ("projection_dim", self.projection, 1 << 16),
        ] {
            within(name, value, most)?;
        }
        if !self.width.is_multiple_of(self.heads) {
            return Err(format!("hidden_size {}, no multiple of num_attention_heads {}", self.width, self.heads));
        }
        Ok(())
    }

    /// Adds the tensors of the blocks to `shapes`, with names that begin with `prefix`.
    pub(super) fn blocks(&self, prefix: &str, shapes: &mut BTreeMap<String, Vec<usize>>) {
        let (width, intermediate) = (self.width, self.intermediate);
        for layer in 0..self.layers {
            let block = format!("{prefix}.encoder.layers.{layer}");
            let mut linear = |name: &str, output: usize, input: usize| {
                shapes.insert(format!("{block}.{name}.weight"), vec![output, input]);
                shapes.insert(format!("{block}.{name}.bias"), vec![output]);
            };
            for part in ["q_proj", "k_proj", "v_proj", "out_proj"] {
                linear(&format!("self_attn.{part}"), width, width);
            }
            linear("mlp.fc1", intermediate, width);
            linear("mlp.fc2", width, intermediate);
            for norm in ["layer_norm1", "layer_norm2"] {
                shapes.insert(format!("{block}.{norm}.weight"), vec![width]);
                shapes.insert(format!("{block}.{norm}.bias"), vec![width]);
            }
        }
    }
}

/// Checks that the size `name` is from 1 to `most`.
pub(super) fn within(name: &str, value: usize, most: usize) -> core::result::Result<(), String> {
    if value == 0 || value > most { Err(format!("{name} {value}, not from 1 to {most}")) } else { Ok(()) }
}
