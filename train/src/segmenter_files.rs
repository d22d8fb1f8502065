//! A trained segmenter's files.

use figureground::bundle::manifest::SegmenterSettings;
use figureground::engine::cpu::Cpu;
use figureground::segment::{PersonSegmenter, Target};
use figureground::{Error, Result, Stage};
use std::path::{Path, PathBuf};

/// A segmenter's manifest and the path of its model.
#[derive(Clone, Debug)]
pub struct SegmenterFiles {
    manifest: SegmenterSettings,
    model: PathBuf,
}

impl SegmenterFiles {
    /// Reads the manifest at `manifest`, for the ONNX model at `model`.
    ///
    /// # Errors
    /// Returns an error if the manifest cannot be read.
    pub fn open(manifest: &Path, model: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(manifest).map_err(|e| {
            let expected = format!("a segmenter's manifest at {}", manifest.display());
            Error::caused(Stage::Manifest, expected, e, "train a segmenter first, or check the path")
        })?;
        let manifest = SegmenterSettings::parse(&text).map_err(|e| e.at(manifest.display()))?;
        Ok(Self { manifest, model: model.to_owned() })
    }

    /// Reads the manifest of the segmenter that training wrote to the folder `directory`.
    ///
    /// # Errors
    /// As [`SegmenterFiles::open`].
    pub fn trained(directory: &Path) -> Result<Self> {
        Self::open(&directory.join("segmenter.toml"), &directory.join("segmenter.onnx"))
    }

    /// Loads the model on one CPU thread; shapes are thresholded masks in `target`.
    ///
    /// # Errors
    /// Returns an error if the model cannot be read, or does not match the manifest.
    pub fn load(&self, target: Target) -> Result<PersonSegmenter> {
        let segmenter = Cpu::new(1)?.segmenter(&self.model, &self.manifest)?;
        Ok(PersonSegmenter::raw(Box::new(segmenter), &self.manifest, target))
    }
}
