//! What a row's pair was worth after each epoch, kept beside its checkpoints until the row is done.

use figureground::file::write_aside;
use figureground::{Error, Result, Stage};
use std::path::{Path, PathBuf};

/// top1 after each epoch, on disk.
#[derive(Debug)]
pub struct Epochs {
    path: PathBuf,
    /// From the first epoch on, 0 to 1.
    pub top1: Vec<f64>,
}

impl Epochs {
    /// Those that an interrupted run noted in `folder`; none where there was no such run.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join("epochs.json");
        let top1 = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| unusable(&path, &e))?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(unusable(&path, &e)),
        };
        Ok(Self { path, top1 })
    }

    /// Notes `top1` after `epoch`, from 0, and forgets what an interrupted run had noted of it and later ones.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(&mut self, epoch: usize, top1: f64) -> Result<()> {
        self.top1.truncate(epoch);
        self.top1.push(top1);
        let text = serde_json::to_string(&self.top1).map_err(|e| unusable(&self.path, &e))?;
        write_aside(&self.path, text.as_bytes())
    }
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Error {
    let got = format!("{}: {error}", path.display());
    Error::new(Stage::Training, "the epochs of an interrupted row", got, "remove its folder to start the row over")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_row_keeps_its_epochs_and_repeats_the_last() {
        let folder = tempfile::tempdir().unwrap();
        let mut epochs = Epochs::open(folder.path()).unwrap();
        assert!(epochs.top1.is_empty());
        [0.5, 0.6, 0.7].into_iter().enumerate().for_each(|(epoch, top1)| epochs.note(epoch, top1).unwrap());
        let mut epochs = Epochs::open(folder.path()).unwrap();
        epochs.note(2, 0.8).unwrap();
        assert_eq!(Epochs::open(folder.path()).unwrap().top1, [0.5, 0.6, 0.8]);
        std::fs::write(folder.path().join("epochs.json"), "[0.5,").unwrap();
        assert!(Epochs::open(folder.path()).is_err());
    }
}
