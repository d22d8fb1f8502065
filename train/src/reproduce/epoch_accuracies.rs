//! The accuracy of a row's pair after each epoch, stored beside its checkpoints until the row is finished.

use figureground::file::write_aside;
use figureground::{Error, Result, Stage};
use std::path::{Path, PathBuf};

/// Top-1 accuracy after each epoch, stored in a file.
#[derive(Debug)]
pub struct EpochAccuracies {
    path: PathBuf,
    /// Accuracies from the first epoch on, 0 to 1.
    pub top1: Vec<f64>,
}

impl EpochAccuracies {
    /// Reads the accuracies of an interrupted run in `folder`; they are empty without such a run.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join("epochs.json");
        let top1 = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| unusable(&path, e))?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(unusable(&path, e)),
        };
        Ok(Self { path, top1 })
    }

    /// Sets `top1` after `epoch`, from 0, and removes the accuracies of later epochs.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub fn set(&mut self, epoch: usize, top1: f64) -> Result<()> {
        self.top1.truncate(epoch);
        self.top1.push(top1);
        let text = serde_json::to_string(&self.top1).map_err(|e| unusable(&self.path, e))?;
        write_aside(&self.path, text.as_bytes())
    }
}

fn unusable(path: &Path, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    let expected = "the accuracies of an interrupted row";
    Error::caused(Stage::Training, expected, error, "remove its folder to start the row over").at(path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_row_keeps_its_accuracies_and_replaces_the_last() {
        let folder = tempfile::tempdir().unwrap();
        let mut epochs = EpochAccuracies::open(folder.path()).unwrap();
        assert!(epochs.top1.is_empty());
        [0.5, 0.6, 0.7].into_iter().enumerate().for_each(|(epoch, top1)| epochs.set(epoch, top1).unwrap());
        let mut epochs = EpochAccuracies::open(folder.path()).unwrap();
        epochs.set(2, 0.8).unwrap();
        assert_eq!(EpochAccuracies::open(folder.path()).unwrap().top1, [0.5, 0.6, 0.8]);
        std::fs::write(folder.path().join("epochs.json"), "[0.5,").unwrap();
        assert!(EpochAccuracies::open(folder.path()).is_err());
    }
}
