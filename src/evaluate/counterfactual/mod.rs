//! Clips in which the person, the background or the motion is not what it was: what a model says of these tells what it goes
//! by.
//!
//! In the order of the work: a [`ClipStatistics`] of every clip says how much of it the person covers and where it plays; [`pair_clips`]
//! says which clip takes the background of which other one; a [`CounterfactualSet`] is one set of such clips, and a [`Compositor`] makes its
//! [`CounterfactualClip`]s, which are sources like any other. [`validate`](super) scores them as they are made, a [`ClipWriter`] writes them
//! down. All of it follows from a seed and the clips' names, so that a run that goes on makes what an undisturbed one would
//! have made.

mod clean_plate;
mod clip;
mod clip_writer;
mod compositor;
mod inpainter;
mod pairing;
mod scene_classifier;
mod segmented_frames;
mod set;
mod statistics;
mod still_background;
mod stripes;

pub use crate::segment::PersonSegmenter;
pub use clean_plate::CleanPlate;
pub use clip::CounterfactualClip;
pub use clip_writer::{ClipFormat, ClipWriter};
pub use compositor::Compositor;
pub use inpainter::{Inpainter, InpaintingModel};
pub use pairing::{PERSON_AREA_RANGE, Pairing, list_name, pair_clips, read_list};
pub use scene_classifier::SceneClassifier;
pub use set::{CounterfactualSet, SetKind};
pub use statistics::{ClipStatistics, SetStatistics, StatisticsEntry, StatisticsHeader};
pub use still_background::{BackgroundSource, StillBackground};
pub use stripes::Stripes;

use super::metrics::bootstrap::SplitMix64;
use crate::bundle::Bundle;
use crate::engine::cpu::Cpu;
use crate::error::Result;
use crate::segment::Target;
use sha2::{Digest, Sha256};

/// SplitMix64 that follow from a seed and names.
fn seeded_rng(seed: u64, names: &[&str]) -> SplitMix64 {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    for name in names {
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
    }
    SplitMix64(hash.finalize()[..8].iter().fold(0, |seed, &byte| seed << 8 | u64::from(byte)))
}

/// Loads the segmenter of `bundle` on `threads` CPU threads, for shapes at the frames' size.
///
/// # Errors
/// Returns an error if it cannot be loaded.
pub fn frame_segmenter(bundle: &Bundle, threads: usize) -> Result<PersonSegmenter> {
    let settings = &bundle.manifest().segmenter;
    let segmenter = Cpu::new(threads)?.segmenter(&bundle.path(&settings.file), settings)?;
    Ok(PersonSegmenter::raw(Box::new(segmenter), settings, Target::Frame))
}

#[cfg(test)]
mod tests;
