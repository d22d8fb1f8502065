//! The bundle inside the program, which recognises drawn people.

use super::Bundle;
use crate::error::{Error, Result, Setting, Stage};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// Expands to the name and the bytes of a file of `models/built-in`.
macro_rules! file {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../../models/built-in/", $name)) as &[u8])
    };
}

/// Every file of the bundle.
const FILES: [(&str, &[u8]); 9] = [
    file!("backgrounds.safetensors"),
    file!("bundle.toml"),
    file!("labels.safetensors"),
    file!("segmenter.onnx"),
    file!("segmenter.onnx.data"),
    file!("text.onnx"),
    file!("text.onnx.data"),
    file!("vision.onnx"),
    file!("vision.onnx.data"),
];

impl Bundle {
    /// Opens the built-in bundle: a small CLIP pair, its segmenter and its labels, for drawn people. Its files are in a
    /// temporary directory until the bundle and all its clones are dropped.
    ///
    /// # Errors
    /// Returns an error if the temporary files cannot be written.
    pub fn built_in() -> Result<Self> {
        let directory = TempDir::with_prefix("figureground-").map_err(|e| refused(&std::env::temp_dir(), e))?;
        for (name, bytes) in FILES {
            std::fs::write(directory.path().join(name), bytes).map_err(|e| refused(directory.path(), e))?;
        }
        let bundle = Self::open(directory.path())?;
        Ok(Self { unpacked: Some(Arc::new(directory)), ..bundle })
    }
}

fn refused(directory: &Path, error: std::io::Error) -> Error {
    let next = "set TMPDIR to a directory with free space, or choose another bundle";
    let error = Error::caused(Stage::Bundle, "space for 8 MB of temporary files", error, next);
    error.at(directory.display()).about(Setting::Bundle)
}
