//! Checkpoints of a training run: weights, the optimiser's moments, and the identity of the run.

use crate::pair::{ClipPair, PairSizes};
use crate::training_settings::TrainingSettings;
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
/// Number of checkpoints to keep: the newest, and the one before it in case the newest is damaged.
const KEPT: usize = 2;

/// The identity of a run and its progress.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingState {
    /// Number of finished steps.
    pub step: usize,
    /// Identity of the run.
    pub run: RunIdentity,
}

/// Everything that determines a run. A checkpoint of another run is refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunIdentity {
    /// Settings of the run.
    pub settings: TrainingSettings,
    /// Sizes of the pair.
    pub sizes: PairSizes,
    /// Description of the batches, from [`BatchSampler::describe`](crate::batch_sampler::BatchSampler::describe).
    #[serde(rename = "lessons")]
    pub batches: String,
    /// Checksum of the initial weights.
    pub start: String,
}

/// Content of `state.json`: the state, and the checksums of the other two files.
#[derive(Debug, Serialize, Deserialize)]
struct StateFile {
    state: TrainingState,
    weights: String,
    moments: String,
}

/// The checkpoints of one run.
#[derive(Debug)]
pub struct Checkpoints {
    directory: PathBuf,
}

/// A complete checkpoint.
#[derive(Debug)]
pub struct TrainingCheckpoint {
    state: TrainingState,
    weights: Vec<u8>,
    moments: Vec<u8>,
    path: PathBuf,
}

impl Checkpoints {
    /// Opens the checkpoints in `directory`, which is created if it does not exist.
    ///
    /// # Errors
    /// Returns an error if the directory cannot be created.
    pub fn open(directory: &Path) -> Result<Self> {
        std::fs::create_dir_all(directory).map_err(|e| failed("a directory for checkpoints", directory, e))?;
        Ok(Self { directory: directory.to_owned() })
    }

    /// Writes a checkpoint, then removes the oldest one.
    ///
    /// # Errors
    /// Returns an error if a file cannot be written.
    pub fn write(&self, pair: &ClipPair, optimiser: &ModuleOptimizer, state: &TrainingState) -> Result<()> {
        let path = self.directory.join(format!("step-{:08}", state.step));
        let not_encoded = |e: &dyn Display| refused("a checkpoint to write", &path, e);
        let not_written = |e: std::io::Error| failed("a writable checkpoint", &path, e);
        let temporary = tempfile::tempdir_in(&self.directory).map_err(not_written)?;
        let weights = pair.valid().into_record().into_bytes().map_err(|e| not_encoded(&e))?;
        let moments = optimiser.into_bytes().map_err(|e| not_encoded(&e))?;
        let state_file = StateFile {
            state: state.clone(),
            weights: checksum::of_bytes(&weights),
            moments: checksum::of_bytes(&moments),
        };
        let state_file = serde_json::to_vec_pretty(&state_file).map_err(|e| not_encoded(&e))?;
        for (name, bytes) in [(WEIGHTS, &weights[..]), (MOMENTS, &moments[..]), (STATE, &state_file[..])] {
            std::fs::write(temporary.path().join(name), bytes).map_err(not_written)?;
        }
        if path.exists() {
            std::fs::remove_dir_all(&path).map_err(not_written)?;
        }
        std::fs::rename(temporary.keep(), &path).map_err(not_written)?;
        self.all()?.into_iter().rev().skip(KEPT).for_each(|old| {
            if let Err(e) = std::fs::remove_dir_all(&old) {
                warn!("cannot remove the old checkpoint {}: {e}", old.display());
            }
        });
        Ok(())
    }

    /// Reads the newest complete checkpoint; damaged ones are skipped with a warning.
    ///
    /// # Errors
    /// Returns an error if the checkpoint is of another run: other settings, sizes, batches, or initial weights.
    pub fn newest(&self, run: &RunIdentity) -> Result<Option<TrainingCheckpoint>> {
        for path in self.all()?.into_iter().rev() {
            match read(&path) {
                Ok(checkpoint) if checkpoint.state.run == *run => return Ok(Some(checkpoint)),
                Ok(other) => {
                    let got = format!("{}: a checkpoint of {:?}", path.display(), other.state.run);
                    let next = "remove it, or choose another output directory";
                    return Err(Error::new(Stage::Training, format_args!("a checkpoint of {run:?}"), got, next));
                }
                Err(error) => warn!("{error}; using the checkpoint before it"),
            }
        }
        Ok(None)
    }

    /// Returns the paths of all checkpoints, oldest first.
    fn all(&self) -> Result<Vec<PathBuf>> {
        let entries =
            std::fs::read_dir(&self.directory).map_err(|e| failed("a readable directory", &self.directory, e))?;
        let mut paths: Vec<PathBuf> = entries
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("step-"))
            .map(|entry| entry.path())
            .collect();
        paths.sort();
        Ok(paths)
    }
}

impl TrainingCheckpoint {
    /// Loads the checkpoint into `pair` and `optimiser`, and returns them with the state.
    ///
    /// # Errors
    /// Returns an error if the records do not fit.
    pub fn load(
        self,
        pair: ClipPair,
        optimiser: ModuleOptimizer,
    ) -> Result<(ClipPair, ModuleOptimizer, TrainingState)> {
        let not_loaded = |e: &dyn Display| refused("a checkpoint of this program", &self.path, e);
        let record = ModuleRecord::from_bytes(Bytes::from_bytes_vec(self.weights)).map_err(|e| not_loaded(&e))?;
        let pair = pair.try_load_record(record).map_err(|e| not_loaded(&e))?;
        let moments = Bytes::from_bytes_vec(self.moments);
        let optimiser = optimiser.from_bytes(moments).map_err(|e| not_loaded(&e))?;
        Ok((pair, optimiser, self.state))
    }
}

fn read(path: &Path) -> Result<TrainingCheckpoint> {
    const COMPLETE: &str = "a complete checkpoint";
    let file = |name: &str| std::fs::read(path.join(name)).map_err(|e| failed(COMPLETE, path, e));
    let state_file: StateFile = serde_json::from_slice(&file(STATE)?).map_err(|e| failed(COMPLETE, path, e))?;
    let (weights, moments) = (file(WEIGHTS)?, file(MOMENTS)?);
    for (name, bytes, sum) in [(WEIGHTS, &weights, &state_file.weights), (MOMENTS, &moments, &state_file.moments)] {
        if checksum::of_bytes(bytes) != *sum {
            return Err(refused(COMPLETE, path, &format_args!("{name} is damaged")));
        }
    }
    Ok(TrainingCheckpoint { state: state_file.state, weights, moments, path: path.to_owned() })
}

const NEXT: &str = "check permissions and free space, or remove the checkpoint";

fn refused(expected: &str, path: &Path, got: &dyn Display) -> Error {
    Error::new(Stage::Training, expected, got, NEXT).at(path.display())
}

fn failed(expected: &str, path: &Path, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::caused(Stage::Training, expected, error, NEXT).at(path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::Objective;
    use crate::training_settings::Optimiser;

    #[test]
    fn the_keys_of_a_state_file_do_not_change() {
        let settings = TrainingSettings {
            epochs: 1,
            learning_rate: 0.5,
            warmup_epochs: 0.0,
            optimiser: Optimiser::AdamW,
            weight_decay: 0.0,
            objective: Objective::InfoNce,
            posture: 0.0,
        };
        let (batches, start) = ("batches".to_owned(), "checksum".to_owned());
        let run = RunIdentity { settings, sizes: PairSizes::MINIATURE, batches, start };
        let value = serde_json::to_value(TrainingState { step: 3, run }).unwrap();
        let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(keys(&value), "run step");
        assert_eq!(keys(&value["run"]), "lessons settings sizes start");
        let settings = "epochs learning_rate objective optimiser posture warmup_epochs weight_decay";
        assert_eq!(keys(&value["run"]["settings"]), settings);
    }
}
