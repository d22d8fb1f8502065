//! The result of one run of a row, stored in a file.

use figureground::file::write_aside;
use figureground::{Error, Result, Stage};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The result of one row with one seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowResult {
    /// The row's name.
    pub row: String,
    /// Seed of clips, order, masks and colours.
    pub seed: u64,
    /// The preset's name.
    pub preset: String,
    /// Top-1 accuracy on the first test set after each epoch.
    pub epochs: Vec<f64>,
    /// Scores after the last epoch, as `test_set.measure`: `base-out.p_top1`.
    pub scores: BTreeMap<String, f64>,
    /// Wall-clock time of training and evaluation, in seconds.
    pub seconds: f64,
    /// Name of the machine, given by the user.
    pub machine: String,
}

impl RowResult {
    /// Returns the path of the result of `row` with `seed` below `directory`.
    pub fn path(directory: &Path, preset: &str, row: &str, seed: u64) -> PathBuf {
        directory.join(preset).join(format!("{}.{seed}.json", row.replace(':', "-").replace('/', "_")))
    }

    /// Writes the result below `directory`.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub fn write(&self, directory: &Path) -> Result<()> {
        let path = Self::path(directory, &self.preset, &self.row, self.seed);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|e| unusable(&path, e))?;
        }
        let text = serde_json::to_string_pretty(self).map_err(|e| unusable(&path, e))?;
        write_aside(&path, format!("{text}\n").as_bytes())
    }

    /// Reads all results of `preset` below `directory`, sorted by file name.
    ///
    /// # Errors
    /// Returns an error if one of them cannot be read.
    pub fn all(directory: &Path, preset: &str) -> Result<Vec<Self>> {
        let Ok(entries) = std::fs::read_dir(directory.join(preset)) else { return Ok(Vec::new()) };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| unusable(path, e))?;
        serde_json::from_str(&text).map_err(|e| unusable(path, e))
    }
}

fn unusable(path: &Path, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    let next = "remove the file and run its row again";
    Error::caused(Stage::Training, "a result file", error, next).at(path.display())
}
