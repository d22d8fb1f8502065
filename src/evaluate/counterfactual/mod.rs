//! Counterfactual clips: person, background or motion is replaced, to show which cue a model relies on.
//!
//! In the order of the work: [`ClipStatistics`] hold each clip's person area and scene; [`pair_clips`] chooses the
//! other clip whose background or person a clip takes; a [`CounterfactualSet`] is one set of such clips, and a
//! [`Compositor`] makes its [`CounterfactualClip`]s, which are sources like any other. [`validate`](super::validate)
//! scores them while they are made; [`write_sets`] writes them to files. Everything drawn at random follows from a seed
//! and the clips' names, so that a resumed run makes the same clips.

mod clean_plate;
mod clip;
mod clip_writer;
mod compositor;
mod inpainter;
mod pairing;
mod scene_classifier;
mod segmented_frames;
mod set;
mod set_builder;
mod set_journal;
mod set_kind;
mod set_writer;
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
pub use set::{CounterfactualSet, SetSpec};
pub use set_builder::{STATISTICS_FILES, SetBuilder, SetSettings};
pub use set_journal::{SET_FILE, SetHeader, WrittenClip};
pub use set_kind::SetKind;
pub use set_writer::{SetCounts, WriteSettings, write_sets};
pub use statistics::{ClipStatistics, LabelledStatistics, SetStatistics, StatisticsEntry, StatisticsHeader};
pub use still_background::{BackgroundSource, StillBackground};
pub use stripes::Stripes;

use super::metrics::bootstrap::SplitMix64;
use crate::bundle::Bundle;
use crate::engine::cpu::Cpu;
use crate::error::Result;
use crate::segment::Target;
use sha2::{Digest, Sha256};

/// Returns the random numbers that follow from `seed` and `names`.
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
