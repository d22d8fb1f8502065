//! Clips in which the person, the background or the motion is not what it was: what a model says of these tells what it goes
//! by.
//!
//! A [`Cutter`] finds the person in every frame; a [`Set`] says what is put around; a [`Maker`] writes the frames in HAT's tree,
//! a folder a class and a folder a clip, which `validate --format folder` reads. All of it follows from a seed and the clip's
//! name, so that a run that goes on makes what an undisturbed one would have made.

mod cutter;
mod stripes;

pub use cutter::Cutter;
pub use stripes::Stripes;

use super::dataset::Clip;
use super::metrics::bootstrap::Dice;
use crate::error::{Error, Result, Stage};
use crate::frame::Frame;
use crate::mask::Shape;
use crate::source::Source;
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

/// The fraction of every frame that a person may cover (HAT).
const COVERED: core::ops::RangeInclusive<f32> = 0.05..=0.5;
/// ImageNet's mean colour, which HAT fills with.
const FILL: [u8; 3] = [124, 116, 104];

/// What is put around a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Set {
    /// HAT's Human-Only: the person on ImageNet's mean colour.
    HumanOnly,
    /// SCUBA: the person on one still background of stripes.
    Scuba,
    /// SCUFO: one frame of SCUBA's clip, again and again: a person without motion.
    Scufo,
}

impl Set {
    /// `human-only`, `scuba` or `scufo`.
    pub const fn name(self) -> &'static str {
        match self {
            Set::HumanOnly => "human-only",
            Set::Scuba => "scuba",
            Set::Scufo => "scufo",
        }
    }
}

/// What became of a clip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Made {
    /// It was written, with so many frames.
    Written(u64),
    /// It was there already.
    There,
    /// Somewhere the person covers this fraction of the frame, which is too little or too much.
    Uncut(f32),
}

/// Writes a set.
#[derive(Debug)]
pub struct Maker {
    set: Set,
    seed: u64,
    out: PathBuf,
    cutter: Cutter,
}

impl Maker {
    /// The maker of `set` in the folder `out`, of what `cutter` cuts out.
    pub fn new(set: Set, seed: u64, out: &Path, cutter: Cutter) -> Self {
        Self { set, seed, out: out.to_owned(), cutter }
    }

    /// Makes the twin of `clip`, whose frames come from `source`. Its folder is there whole or not at all.
    ///
    /// # Errors
    /// When the clip cannot be read, the segmenter fails, or a file cannot be written.
    pub fn make(&mut self, clip: &Clip, source: &mut dyn Source) -> Result<Made> {
        let class = self.out.join(plain(&clip.label));
        let folder = class.join(plain(clip.id.rsplit('/').next().unwrap_or(&clip.id)));
        if folder.is_dir() {
            return Ok(Made::There);
        }
        fs::create_dir_all(&class).map_err(|e| unwritten(&class, &e))?;
        let aside =
            tempfile::Builder::new().prefix(".making-").tempdir_in(&class).map_err(|e| unwritten(&class, &e))?;
        let made = self.write(clip, source, aside.path())?;
        if let Made::Written(_) = made {
            fs::rename(aside.path(), &folder).map_err(|e| unwritten(&folder, &e))?;
            // What was renamed is not there any more to be cleared away.
            let _ = aside.keep();
        }
        Ok(made)
    }

    fn write(&mut self, clip: &Clip, source: &mut dyn Source, folder: &Path) -> Result<Made> {
        let mut dice = self.dice(&clip.id);
        let count = source.count()?;
        // One frame of all, and a background, whether they are needed or not: then the sets of one seed go together.
        let (chosen, stripes) = (dice.below(count.max(1) as usize) as u64, Stripes::draw(&mut dice));
        let (mut frames, mut still) = (0, Vec::new());
        while let Some(frame) = source.next_frame()? {
            let person = self.cutter.cut(&frame)?;
            let covered = person.area();
            if !COVERED.contains(&covered) {
                return Ok(Made::Uncut(covered));
            }
            frames += 1;
            if self.set != Set::Scufo {
                write_bytes(&folder.join(name(frames)), &around(self.set, &frame, person, &stripes)?)?;
            } else if frames - 1 == chosen {
                still = around(self.set, &frame, person, &stripes)?;
            }
        }
        if self.set == Set::Scufo {
            (1..=frames).try_for_each(|index| write_bytes(&folder.join(name(index)), &still))?;
        }
        Ok(Made::Written(frames))
    }

    fn dice(&self, clip: &str) -> Dice {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_le_bytes());
        hash.update(clip.as_bytes());
        let digest = hash.finalize();
        Dice(digest[..8].iter().fold(0, |seed, &byte| seed << 8 | u64::from(byte)))
    }
}

/// A PNG of the person of `frame` with the background of `set`.
fn around(set: Set, frame: &Frame<'_>, person: &Shape, stripes: &Stripes) -> Result<Vec<u8>> {
    let (width, height) = (frame.width(), frame.height());
    let mut pixels = frame.pixels().to_vec();
    for (place, (pixel, &is_person)) in pixels.chunks_exact_mut(3).zip(person.pixels()).enumerate() {
        if !is_person {
            let (x, y) = (place as u32 % width, place as u32 / width);
            pixel.copy_from_slice(&match set {
                Set::HumanOnly => FILL,
                Set::Scuba | Set::Scufo => stripes.colour(x, y),
            });
        }
    }
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(&pixels, width, height, ExtendedColorType::Rgb8)
        .map_err(|e| Error::new(Stage::Sink, "a picture as PNG", e, "report this"))?;
    Ok(bytes)
}

fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).map_err(|e| unwritten(path, &e))
}

/// HAT counts frames from 1.
fn name(index: u64) -> String {
    format!("{index:06}.png")
}

/// A name that stays inside its folder.
fn plain(name: &str) -> String {
    let name = name.replace(['/', '\\'], "_");
    if name.trim_matches('.').is_empty() { format!("_{name}") } else { name }
}

fn unwritten(path: &Path, error: &std::io::Error) -> Error {
    let got = format!("{}: {error}", path.display());
    Error::new(Stage::Sink, "a folder that can be written", got, "check its permissions and the room on its disk")
}

#[cfg(test)]
mod tests;
