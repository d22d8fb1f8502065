//! The two towers of CLIP and ActionCLIP's temporal transformer as ONNX graphs.

use super::block::BlockWriter;
use super::checkpoint::Checkpoint;
use super::tower::{TemporalTower, TextTower, VisionTower};
use crate::bundle::manifest::TemporalSettings;
use crate::error::Result;
use crate::model::write::{Attribute, Axis, Element, ValueName, WeightPrecision};
use std::path::Path;

/// Added to masked attention scores: its `exp` is 0 in every precision, and it is finite in f16.
const MASKED: f32 = -6e4;

impl VisionTower {
    /// Writes the graph `pixel_values` [batch, 3, side, side] -> `image_embeds` [batch, projection].
    ///
    /// # Errors
    /// Returns an error if a tensor is missing or a file cannot be written.
    pub fn write(&self, checkpoint: &Checkpoint<'_>, path: &Path, precision: WeightPrecision) -> Result<()> {
        let mut writer = BlockWriter::create(checkpoint, path, precision, "vision_model", &self.tower)?;
        let side = Axis::Size(self.image_size);
        let pixels =
            writer.graph.input("pixel_values", Element::F32, &[Axis::Named("batch"), Axis::Size(3), side, side]);
        let tokens = self.embed(&mut writer, &pixels)?;
        let tokens = writer.layer_norm("vision_model.pre_layrnorm", &tokens)?;
        let tokens = writer.blocks(tokens, None)?;
        let class = writer.first_token(&tokens)?;
        let class = writer.layer_norm("vision_model.post_layernorm", &class)?;
        writer.project("visual_projection.weight", &class, "image_embeds")
    }

    /// Adds the nodes for the class token and the patches with their positions: [batch, 1 + grid * grid, width].
    fn embed(&self, writer: &mut BlockWriter<'_, '_>, pixels: &str) -> Result<ValueName> {
        let (grid, patch, width) = (self.grid(), self.patch_size, self.tower.width);
        let prefix = "vision_model.embeddings";
        let filter = writer.checkpoint.tensor(&format!("{prefix}.patch_embedding.weight"))?;
        let filter = writer.graph.weight("patches.weight", &[width, 3, patch, patch], &filter)?;
        let patch = patch as i64;
        let patches = writer.graph.named_node(
            "patches",
            "Conv",
            &[pixels, &filter],
            &[("kernel_shape", Attribute::Ints(&[patch, patch])), ("strides", Attribute::Ints(&[patch, patch]))],
        );
        let flat = writer.graph.integers("patches.shape", &[0, width as i64, (grid * grid) as i64])?;
        let flat = writer.graph.named_node("patches.flat", "Reshape", &[&patches, &flat], &[]);
        let rows =
            writer.graph.named_node("patches.rows", "Transpose", &[&flat], &[("perm", Attribute::Ints(&[0, 2, 1]))]);
        // The class token is a row of zeros in front; its value is added to its position, so no shape must be known.
        let pads = writer.graph.integers("class.pads", &[0, 1, 0, 0, 0, 0])?;
        let padded = writer.graph.named_node("class.room", "Pad", &[&rows, &pads], &[]);
        let mut positions = writer.checkpoint.tensor(&format!("{prefix}.position_embedding.weight"))?;
        let class = writer.checkpoint.tensor(&format!("{prefix}.class_embedding"))?;
        positions.iter_mut().zip(&class).for_each(|(position, class)| *position += class);
        let positions = writer.graph.weight("positions", &[1 + grid * grid, width], &positions)?;
        Ok(writer.graph.named_node("tokens", "Add", &[&padded, &positions], &[]))
    }
}

impl TextTower {
    /// Writes the graph `input_ids` [batch, context] -> `text_embeds` [batch, projection]. The embedding is the state
    /// at the first end-of-text token, which has the largest id.
    ///
    /// # Errors
    /// Returns an error if a tensor is missing or a file cannot be written.
    pub fn write(&self, checkpoint: &Checkpoint<'_>, path: &Path, precision: WeightPrecision) -> Result<()> {
        let mut writer = BlockWriter::create(checkpoint, path, precision, "text_model", &self.tower)?;
        let ids = writer.graph.input("input_ids", Element::I64, &[Axis::Named("batch"), Axis::Size(self.context)]);
        let (context, width) = (self.context, self.tower.width);
        let table = checkpoint.tensor("text_model.embeddings.token_embedding.weight")?;
        let table = writer.graph.weight("token_embedding", &[self.vocabulary, width], &table)?;
        let tokens = writer.graph.named_node("token", "Gather", &[&table, &ids], &[("axis", Attribute::Int(0))]);
        let positions = checkpoint.tensor("text_model.embeddings.position_embedding.weight")?;
        let positions = writer.graph.weight("positions", &[context, width], &positions)?;
        let tokens = writer.graph.named_node("tokens", "Add", &[&tokens, &positions], &[]);
        let causal: Vec<f32> =
            (0..context * context).map(|i| if i % context > i / context { MASKED } else { 0.0 }).collect();
        let causal = writer.graph.weight("causal", &[1, 1, context, context], &causal)?;
        let tokens = writer.blocks(tokens, Some(&causal))?;
        let tokens = writer.layer_norm("text_model.final_layer_norm", &tokens)?;
        let end = writer.graph.named_node(
            "end",
            "ArgMax",
            &[&ids],
            &[("axis", Attribute::Int(1)), ("keepdims", Attribute::Int(1))],
        );
        let text = writer.graph.named_node("text", "GatherND", &[&tokens, &end], &[("batch_dims", Attribute::Int(1))]);
        writer.project("text_projection.weight", &text, "text_embeds")
    }
}

impl TemporalTower {
    /// Returns the manifest section of the file that [`TemporalTower::write`] writes.
    pub fn settings() -> TemporalSettings {
        TemporalSettings {
            file: "temporal.onnx".to_owned(),
            input: "frame_embeds".to_owned(),
            output: "clip_embeds".to_owned(),
        }
    }

    /// Writes the graph `frame_embeds` [batch, frames, dimension] -> `clip_embeds` [batch, dimension]: mean over the
    /// frames of `x + blocks(x + positions)`.
    ///
    /// # Errors
    /// Returns an error if a tensor is missing or a file cannot be written.
    pub fn write(&self, checkpoint: &Checkpoint<'_>, path: &Path, precision: WeightPrecision) -> Result<()> {
        let (frames, width) = (self.frames, self.tower.width);
        let TemporalSettings { input, output, .. } = Self::settings();
        let mut writer = BlockWriter::create(checkpoint, path, precision, "temporal_model", &self.tower)?;
        let batch = Axis::Named("batch");
        let embeds = writer.graph.input(&input, Element::F32, &[batch, Axis::Size(frames), Axis::Size(width)]);
        let mut positions = checkpoint.tensor("temporal_model.position_embedding.weight")?;
        positions.truncate(frames * width);
        let positions = writer.graph.weight("positions", &[frames, width], &positions)?;
        let tokens = writer.graph.named_node("tokens", "Add", &[&embeds, &positions], &[]);
        let tokens = writer.blocks(tokens, None)?;
        let sum = writer.graph.named_node("residual", "Add", &[&tokens, &embeds], &[]);
        let mean = [("axes", Attribute::Ints(&[1])), ("keepdims", Attribute::Int(0))];
        writer.graph.named_node(&output, "ReduceMean", &[&sum], &mean);
        writer.graph.output(&output, Element::F32, &[batch, Axis::Size(width)]);
        writer.graph.finish()
    }
}
