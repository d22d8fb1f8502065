//! The sizes of a CLIP pair, which fix its tensors and its graphs.

use super::layout::{TOKEN_TABLE, Weights};
use super::tower::{Activation, TemporalTower, TextTower, Tower, VisionTower, within};
use crate::error::{Error, Result, Stage};
use std::collections::BTreeMap;

/// Channels of one attention head in OpenAI's models.
const HEAD_WIDTH: usize = 64;
/// Added to the variance of a layer norm in OpenAI's models.
pub const EPSILON: f32 = 1e-5;

/// Sizes of a CLIP pair.
#[derive(Clone, Debug)]
pub struct Architecture {
    /// The vision tower: pictures to embeddings.
    pub vision: VisionTower,
    /// The text tower: token ids to embeddings.
    pub text: TextTower,
}

/// Choices that do not follow from the shapes of tensors.
#[derive(Clone, Copy, Debug)]
pub struct ArchitectureOptions {
    /// Activation of both towers.
    pub activation: Activation,
    /// Attention heads of the vision tower; one for each 64 channels if `None`.
    pub vision_heads: Option<usize>,
    /// Attention heads of the text tower; one for each 64 channels if `None`.
    pub text_heads: Option<usize>,
}

/// Returns the attention heads that OpenAI and ActionCLIP use for `width` channels.
pub fn usual_heads(width: usize) -> usize {
    (width / HEAD_WIDTH).max(1)
}

impl Architecture {
    /// Infers the sizes from the shapes of `weights`. The token table is read from `table`, which may be another
    /// checkpoint.
    ///
    /// # Errors
    /// Returns an error if a tensor with a size is missing or has too few axes, or the sizes do not fit together.
    pub fn from_shapes(weights: &Weights<'_>, table: &Weights<'_>, options: ArchitectureOptions) -> Result<Self> {
        let [width, _, patch_size, _] = shape(weights, "vision_model.embeddings.patch_embedding.weight")?;
        let [positions, _] = shape(weights, "vision_model.embeddings.position_embedding.weight")?;
        let [projection, _] = shape(weights, "visual_projection.weight")?;
        let [vocabulary, _] = shape(table, TOKEN_TABLE)?;
        let [context, text_width] = shape(weights, "text_model.embeddings.position_embedding.weight")?;
        let tower = |prefix: &str, width: usize, heads: Option<usize>| -> Result<Tower> {
            let (layers, intermediate) = blocks(weights, prefix)?;
            let heads = heads.unwrap_or_else(|| usual_heads(width));
            let ArchitectureOptions { activation, .. } = options;
            Ok(Tower { width, layers, heads, intermediate, activation, epsilon: EPSILON, projection })
        };
        let image_size = positions.saturating_sub(1).isqrt().saturating_mul(patch_size);
        let vision = VisionTower { tower: tower("vision_model", width, options.vision_heads)?, image_size, patch_size };
        let text = TextTower { tower: tower("text_model", text_width, options.text_heads)?, context, vocabulary };
        let architecture = Self { vision, text };
        architecture.check().map_err(|got| {
            let next = "use a whole checkpoint of an unchanged CLIP, or export it to ONNX";
            Error::new(Stage::Import, "tensors whose shapes make a CLIP", got, next)
        })?;
        Ok(architecture)
    }

    /// Checks that the sizes fit together and are within bounds; the error names the first that is not.
    pub(super) fn check(&self) -> core::result::Result<(), String> {
        self.vision.tower.check()?;
        self.text.tower.check()?;
        within("image_size", self.vision.image_size, 4096)?;
        within("patch_size", self.vision.patch_size, self.vision.image_size)?;
        within("max_position_embeddings", self.text.context, 4096)?;
        within("vocab_size", self.text.vocabulary, 1 << 20)
    }

    /// Returns every tensor of this architecture, by this crate's name, with its shape.
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
    /// Infers the sizes of ActionCLIP's temporal transformer from the shapes of `weights`.
    ///
    /// # Errors
    /// Returns an error if a tensor with a size is missing or has too few axes, or the sizes do not fit together.
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
}

/// Returns the shape of the tensor that this crate calls `name`, which must have N axes.
fn shape<const N: usize>(weights: &Weights<'_>, name: &str) -> Result<[usize; N]> {
    let view = weights.view(name)?;
    view.shape().try_into().map_err(|_| {
        let expected = format!("{name} with {N} axes");
        let next = "use a whole checkpoint of an unchanged CLIP, or export it to ONNX";
        Error::new(Stage::Import, expected, format_args!("shape {:?}", view.shape()), next)
    })
}

/// Returns the number of blocks, and the channels between the linear layers of the first.
fn blocks(weights: &Weights<'_>, prefix: &str) -> Result<(usize, usize)> {
    let norm = |layer: &usize| weights.holds(&format!("{prefix}.encoder.layers.{layer}.layer_norm1.weight"));
    let [intermediate, _] = shape(weights, &format!("{prefix}.encoder.layers.0.mlp.fc1.weight"))?;
    Ok(((0..).take_while(norm).count(), intermediate))
}
