//! Where a run stands, on disk: weights, the optimiser's moments, and which run it is.

use crate::pair::{ClipPair, Sizes};
use crate::trainer::Settings;
use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::store::ModuleRecord;
use burn::tensor::Bytes;
use figureground::bundle::checksum;
use figureground::{Error, Result, Stage};
use log::warn;
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use std::path::{Path, PathBuf};

const WEIGHTS: &str = "pair.burnpack";
const MOMENTS: &str = "optimiser.burnpack";
const STATE: &str = "state.json";
/// Checkpoints that are kept: the newest, and the one before it in case it is broken.
const KEPT: usize = 2;

/// Which run it is and how far it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Steps that are done.
    pub step: usize,
    /// Which run it is.
    pub run: Run,
}

/// What a run follows from: no checkpoint of another one is gone on from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// How it goes.
    pub settings: Settings,
    /// Sizes of its pair.
    pub sizes: Sizes,
    /// What it learns from, in words.
    pub batch_sampler: String,
    /// Checksum of the weights it started from.
    pub start: String,
}

/// `state.json`: the state, and the checksums of the other two files.
#[derive(Debug, Serialize, Deserialize)]
struct Sealed {
    state: State,
    weights: String,
    moments: String,
}

/// The checkpoints of one run.
#[derive(Debug)]
pub struct Checkpoints {
    directory: PathBuf,
}

/// A checkpoint that is whole.
#[derive(Debug)]
pub struct Found {
    state: State,
    weights: Vec<u8>,
    moments: Vec<u8>,
    path: PathBuf,
}

impl Checkpoints {
    /// Those in `directory`, which is made where it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(directory: &Path) -> Result<Self> {
        std::fs::create_dir_all(directory).map_err(|e| refused("to make a directory", directory, &e))?;
        Ok(Self { directory: directory.to_owned() })
    }

    /// Writes one beside the others, then drops the oldest.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, pair: &ClipPair, optimiser: &ModuleOptimizer, state: &State) -> Result<()> {
        let place = self.directory.join(format!("step-{:08}", state.step));
        let failed = |e: &dyn Display| refused("to write a checkpoint", &place, e);
        let staging = tempfile::tempdir_in(&self.directory).map_err(|e| failed(&e))?;
        let weights = pair.valid().into_record().into_bytes().map_err(|e| failed(&e))?;
        let moments = optimiser.into_bytes().map_err(|e| failed(&e))?;
        let sealed = Sealed {
            state: state.clone(),
            weights: checksum::of_bytes(&weights),
            moments: checksum::of_bytes(&moments),
        };
        let sealed = serde_json::to_vec_pretty(&sealed).map_err(|e| failed(&e))?;
        for (name, bytes) in [(WEIGHTS, &weights[..]), (MOMENTS, &moments[..]), (STATE, &sealed[..])] {
            std::fs::write(staging.path().join(name), bytes).map_err(|e| failed(&e))?;
        }
        if place.exists() {
            std::fs::remove_dir_all(&place).map_err(|e| failed(&e))?;
        }
        std::fs::rename(staging.keep(), &place).map_err(|e| failed(&e))?;
        self.all()?.into_iter().rev().skip(KEPT).for_each(|old| {
            if let Err(e) = std::fs::remove_dir_all(&old) {
                warn!("{} stays: {e}", old.display());
            }
        });
        Ok(())
    }

    /// The newest that is whole; broken ones are passed over with a warning.
    ///
    /// # Errors
    /// When the directory holds another run than `run`: other settings, sizes, batch_sampler, or weights to start from.
    pub fn newest(&self, run: &Run) -> Result<Option<Found>> {
        for path in self.all()?.into_iter().rev() {
            match read(&path) {
                Ok(found) if found.state.run == *run => return Ok(Some(found)),
                Ok(found) => {
                    let got = format!("{}: a checkpoint of {:?}", path.display(), found.state.run);
                    let next = "remove it, or pass another --out";
                    return Err(Error::new(Stage::Training, format_args!("a checkpoint of {run:?}"), got, next));
                }
                Err(error) => warn!("{error}; the checkpoint before it is used"),
            }
        }
        Ok(None)
    }

    /// Paths of all checkpoints, oldest first.
    fn all(&self) -> Result<Vec<PathBuf>> {
        let entries = std::fs::read_dir(&self.directory).map_err(|e| refused("to list", &self.directory, &e))?;
        let mut paths: Vec<PathBuf> = entries
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("step-"))
            .map(|entry| entry.path())
            .collect();
        paths.sort();
        Ok(paths)
    }
}

impl Found {
    /// The pair, optimiser and state, in the place of fresh ones.
    ///
    /// # Errors
    /// When the records do not fit them.
    pub fn load(self, pair: ClipPair, optimiser: ModuleOptimizer) -> Result<(ClipPair, ModuleOptimizer, State)> {
        let failed = |e: &dyn Display| refused("a checkpoint of this program", &self.path, e);
        let record = ModuleRecord::from_bytes(Bytes::from_bytes_vec(self.weights)).map_err(|e| failed(&e))?;
        let pair = pair.try_load_record(record).map_err(|e| failed(&e))?;
        let moments = Bytes::from_bytes_vec(self.moments);
        let optimiser = optimiser.from_bytes(moments).map_err(|e| failed(&e))?;
        Ok((pair, optimiser, self.state))
    }
}

fn read(path: &Path) -> Result<Found> {
    let file = |name: &str| std::fs::read(path.join(name)).map_err(|e| refused("a whole checkpoint", path, &e));
    let sealed: Sealed = serde_json::from_slice(&file(STATE)?).map_err(|e| refused("a whole checkpoint", path, &e))?;
    let (weights, moments) = (file(WEIGHTS)?, file(MOMENTS)?);
    for (name, bytes, sum) in [(WEIGHTS, &weights, &sealed.weights), (MOMENTS, &moments, &sealed.moments)] {
        if checksum::of_bytes(bytes) != *sum {
            return Err(refused("a whole checkpoint", path, &format_args!("{name} is damaged")));
        }
    }
    Ok(Found { state: sealed.state, weights, moments, path: path.to_owned() })
}

fn refused(expected: &str, path: &Path, error: &dyn Display) -> Error {
    let got = format!("{}: {error}", path.display());
    Error::new(Stage::Training, expected, got, "check permissions and free space, or remove the checkpoint")
}
