//! ActionCLIP's temporal transformer as an ONNX graph.

use super::block::BlockWriter;
use super::checkpoint::Checkpoint;
use super::tower::TemporalTower;
use crate::bundle::manifest::TemporalSettings;
use crate::error::Result;
use crate::model::write::{Attribute, Axis, Element, WeightPrecision};
use std::path::Path;

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
