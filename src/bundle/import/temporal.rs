//! ActionCLIP's temporal transformer as an ONNX graph.

use super::block::BlockWriter;
use super::checkpoint::Checkpoint;
use super::tower::Tower;
use crate::bundle::manifest::TemporalSettings;
use crate::error::Result;
use crate::model::write::{Attribute, Axis, Element, Precision};
use std::path::Path;

/// Sizes of the temporal transformer.
#[derive(Clone, Debug)]
pub struct TemporalTower {
    /// The transformer; its width is the dimension of embeddings.
    pub tower: Tower,
    /// Rows of its table of positions.
    pub positions: usize,
    /// Frames of a clip, which take the first positions.
    pub frames: usize,
}

impl TemporalTower {
    /// The section of a bundle whose file [`TemporalTower::write`] writes.
    pub fn manifest() -> TemporalSettings {
        TemporalSettings {
            file: "temporal.onnx".to_owned(),
            input: "frame_embeds".to_owned(),
            output: "clip_embeds".to_owned(),
        }
    }

    /// Writes `frame_embeds` [batch, frames, dimension] -> `clip_embeds` [batch, dimension]: positions are added, the
    /// blocks run, the input is added once more, and the mean over the frames is taken.
    ///
    /// # Errors
    /// When a tensor is not there or a file cannot be written.
    pub fn write(&self, checkpoint: &Checkpoint<'_>, path: &Path, precision: Precision) -> Result<()> {
        let (frames, width) = (self.frames, self.tower.width);
        let TemporalSettings { input, output, .. } = Self::manifest();
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
