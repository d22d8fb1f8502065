//! Renders clips and prepares them at encoder resolution.

mod processed_clip;
mod renderer;

pub use processed_clip::{FrameRegions, LabelledClips, MaskSource, ProcessedClip};
pub use renderer::{ClipRenderer, ClipSpec};
