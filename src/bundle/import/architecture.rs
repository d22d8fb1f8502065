//! The sizes of a CLIP pair: what tensors there must be, and what graph they make.

use super::layout::{TOKEN_TABLE, Weights};
use super::temporal::TemporalTower;
use super::tower::{Activation, TextTower, Tower, VisionTower};
use crate::error::{Error, Result, Stage};
use std::collections::BTreeMap;

/// Channels of one attention head in OpenAI's models.
const HEAD_WIDTH: usize = 64;
/// Added to the variance of a layer norm in OpenAI's models.
pub const EPSILON: f32 = 1e-5;

/// The sizes of a CLIP pair.
#[derive(Clone, Debug)]
pub struct Architecture {
    /// Pictures to embeddings.
    pub vision: VisionTower,
    /// Token ids to embeddings.
    pub text: TextTower,
}

/// What the shapes of tensors do not tell.
#[derive(Clone, Copy, Debug)]
pub struct Unshaped {
    /// Activation of both towers.
    pub activation: Activation,
    /// Attention heads of the vision tower; one for 64 channels where nothing is said.
    pub vision_heads: Option<usize>,
    /// Attention heads of the text tower; one for 64 channels where nothing is said.
    pub text_heads: Option<usize>,
}

/// Attention heads of a tower of `width` channels as OpenAI and ActionCLIP divide it.
pub fn usual_heads(width: usize) -> usize {
    (width / HEAD_WIDTH).max(1)
}

impl Architecture {
    /// Reads the sizes off the shapes of `weights`; the token table may lie in `table`, another checkpoint.
    ///
    /// # Errors
    /// When a tensor that tells a size is missing or misshapen, or the sizes do not fit together.
    pub fn from_shapes(weights: &Weights<'_>, table: &Weights<'_>, unshaped: Unshaped) -> Result<Self> {
        let [width, _, patch_size, _] = shape(weights, "vision_model.embeddings.patch_embedding.weight")?;
        let [positions, _] = shape(weights, "vision_model.embeddings.position_embedding.weight")?;
        let [projection, _] = shape(weights, "visual_projection.weight")?;
        let [vocabulary, _] = shape(table, TOKEN_TABLE)?;
        let [context, text_width] = shape(weights, "text_model.embeddings.position_embedding.weight")?;
        let tower = |prefix: &str, width: usize, heads: Option<usize>| -> Result<Tower> {
            let (layers, intermediate) = blocks(weights, prefix)?;
            let heads = heads.unwrap_or_else(|| usual_heads(width));
            let Unshaped { activation, .. } = unshaped;
            Ok(Tower { width, layers, heads, intermediate, activation, epsilon: EPSILON, projection })
        };
        let image_size = positions.saturating_sub(1).isqrt().saturating_mul(patch_size);
        let vision =
            VisionTower { tower: tower("vision_model", width, unshaped.vision_heads)?, image_size, patch_size };
        let text = TextTower { tower: tower("text_model", text_width, unshaped.text_heads)?, context, vocabulary };
        let architecture = Self { vision, text };
        architecture.check().map_err(|got| {
            let next = "use a whole checkpoint of an unchanged CLIP, or export it to ONNX";
            Error::new(Stage::Import, "tensors whose shapes make a CLIP", got, next)
        })?;
        Ok(architecture)
    }

    /// Whether the sizes fit together and are within bounds; else what does not.
    pub(super) fn check(&self) -> core::result::Result<(), String> {
        self.vision.tower.check()?;
        self.text.tower.check()?;
        within("image_size", self.vision.image_size, 4096)?;
        within("patch_size", self.vision.patch_size, self.vision.image_size)?;
        within("max_position_embeddings", self.text.context, 4096)?;
        within("vocab_size", self.text.vocabulary, 1 << 20)
    }

    /// Every tensor of a checkpoint of this architecture under this crate's names, with its shape.
    pub fn tensors(&self) -> BTreeMap<String, Vec<usize>> {
        let (v, t) = (&self.vision, &self.text);
        let mut shapes = BTreeMap::new();
        v.tower.blocks("vision_model", &mut shapes);
        t.tower.blocks("text_model", &mut shapes);
        let (vision, text) = (v.tower.width, t.tower.width);
        let mut add = |name: &str, shape: &[usize]| shapes.insert(name.to_owned(), shape.to_vec());
        add("logit_scale", &[]);
        add("visual_projection.weight", &[v.tower.projection, vision]);
        add("text_projection.weight", &[t.tower.projection, text]);
        add("vision_model.embeddings.class_embedding", &[vision]);
        add("vision_model.embeddings.patch_embedding.weight", &[vision, 3, v.patch_size, v.patch_size]);
        add("vision_model.embeddings.position_embedding.weight", &[1 + v.grid() * v.grid(), vision]);
        add(TOKEN_TABLE, &[t.vocabulary, text]);
        add("text_model.embeddings.position_embedding.weight", &[t.context, text]);
        for (norm, width) in [
            ("vision_model.pre_layrnorm", vision),
            ("vision_model.post_layernorm", vision),
            ("text_model.final_layer_norm", text),
        ] {
            add(&format!("{norm}.weight"), &[width]);
            add(&format!("{norm}.bias"), &[width]);
        }
        shapes
    }
}

impl TemporalTower {
    /// Reads the sizes of ActionCLIP's temporal transformer off the shapes of `weights`.
    ///
    /// # Errors
    /// When a tensor that tells a size is missing or misshapen, or the sizes do not fit together.
    pub fn from_shapes(weights: &Weights<'_>, heads: usize, frames: usize) -> Result<Self> {
        let [positions, width] = shape(weights, "temporal_model.position_embedding.weight")?;
        let (layers, intermediate) = blocks(weights, "temporal_model")?;
        let activation = Activation::QuickGelu;
        let tower = Tower { width, layers, heads, intermediate, activation, epsilon: EPSILON, projection: width };
        let refused = |expected: &dyn core::fmt::Display, got: &dyn core::fmt::Display| {
            Error::new(Stage::Import, expected, got, "pass a convention with the frames that it was trained with")
        };
        tower.check().map_err(|got| refused(&"tensors whose shapes make a temporal transformer", &got))?;
        if frames > positions {
            let expected = format!("positions for the {frames} frames of a clip");
            return Err(refused(&expected, &format_args!("{positions} in the temporal transformer")));
        }
        Ok(Self { tower, positions, frames })
    }

    /// Every tensor of it under this crate's names, with its shape.
    pub fn tensors(&self) -> BTreeMap<String, Vec<usize>> {
        let mut shapes = BTreeMap::new();
        self.tower.blocks("temporal_model", &mut shapes);
        shapes.insert("temporal_model.position_embedding.weight".to_owned(), vec![self.positions, self.tower.width]);
        shapes
    }
}

impl Tower {
    /// Whether the sizes fit together and are within bounds; else what does not.
    fn check(&self) -> core::result::Result<(), String> {
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

    /// Adds the tensors of its blocks, whose names begin with `prefix`.
    fn blocks(&self, prefix: &str, shapes: &mut BTreeMap<String, Vec<usize>>) {
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

fn within(name: &str, value: usize, most: usize) -> core::result::Result<(), String> {
    if value == 0 || value > most { Err(format!("{name} {value}, not from 1 to {most}")) } else { Ok(()) }
}

/// The shape of the tensor that this crate calls `name`, which has N axes.
fn shape<const N: usize>(weights: &Weights<'_>, name: &str) -> Result<[usize; N]> {
    let view = weights.view(name)?;
    view.shape().try_into().map_err(|_| {
        let expected = format!("{name} with {N} axes");
        let next = "use a whole checkpoint of an unchanged CLIP, or export it to ONNX";
        Error::new(Stage::Import, expected, format_args!("shape {:?}", view.shape()), next)
    })
}

/// How many blocks there are, and the channels between the linear layers of the first.
fn blocks(weights: &Weights<'_>, prefix: &str) -> Result<(usize, usize)> {
    let norm = |layer: &usize| weights.holds(&format!("{prefix}.encoder.layers.{layer}.layer_norm1.weight"));
    let [intermediate, _] = shape(weights, &format!("{prefix}.encoder.layers.0.mlp.fc1.weight"))?;
    Ok(((0..).take_while(norm).count(), intermediate))
}

#[cfg(test)]
mod tests {
    use super::usual_heads;

    #[test]
    fn openais_models_have_the_heads_that_their_papers_say() {
        // ViT-B and ViT-L, then their text towers, then what is smaller than a head.
        assert_eq!([768, 1024, 512, 768, 32].map(usual_heads), [12, 16, 8, 12, 1]);
    }
}
