//! A CLIP pair: an image and a text encoder with a shared embedding space.
//!
//! Field names are Hugging Face's, so that tensor names need no translation table.

mod clip_pair;
mod fusion;
mod posture;
mod sizes;
mod text;
mod transformer;
mod vision;
pub mod weights;

pub use clip_pair::{ClipPair, FusionKind, MAX_LOGIT_SCALE, seeded, values};
pub use fusion::{FUSION_LAYERS, TemporalFusion};
pub use posture::{COORDINATES, JointTargets, PostureHead};
pub use sizes::{PairSizes, Tower};
pub use text::{Prompts, TextModel};
pub use vision::VisionModel;
