//! Clips in which the person, the background or the motion is not what it was: what a model says of these tells what it goes
//! by.
//!
//! In the order of the work: a [`Sight`] of every clip says how much of it the person covers and where it plays; [`cast`]
//! says which clip takes the background of which other one; a [`Script`] is one set of such clips, and a [`Studio`] makes its
//! [`Twin`]s, which are sources like any other. [`validate`](super) scores them as they are made, a [`Maker`] writes them
//! down. All of it follows from a seed and the clips' names, so that a run that goes on makes what an undisturbed one would
//! have made.

mod ahead;
mod backdrop;
mod casting;
mod cutter;
mod inpainter;
mod maker;
mod plate;
mod scenes;
mod script;
mod stripes;
mod studio;
mod survey;
mod twin;

pub use backdrop::{Backdrop, Backdrops};
pub use casting::{COVERED, Casting, cast, list_name, read_list};
pub use cutter::Cutter;
pub use inpainter::{Inpainter, InpaintingModel};
pub use maker::{Maker, WriteAs};
pub use plate::Plate;
pub use scenes::Scenes;
pub use script::{Script, Set};
pub use stripes::Stripes;
pub use studio::Studio;
pub use survey::{Sight, Survey, SurveyInfo, Surveys};
pub use twin::Twin;

use super::metrics::bootstrap::Dice;
use sha2::{Digest, Sha256};

/// Dice that follow from a seed and names.
fn dice(seed: u64, names: &[&str]) -> Dice {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    for name in names {
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
    }
    Dice(hash.finalize()[..8].iter().fold(0, |seed, &byte| seed << 8 | u64::from(byte)))
}

#[cfg(test)]
mod tests;
