//! The bundle inside the program, for drawn people.

use super::Bundle;
use crate::error::{Error, Result, Stage};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// A file of `models/built-in` with its name.
macro_rules! file {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../../models/built-in/", $name)) as &[u8])
    };
}

/// Every file of the bundle.
const FILES: [(&str, &[u8]); 10] = [
    file!("bundle.toml"),
    file!("labels.safetensors"),
    file!("segmenter.onnx"),
    file!("segmenter.onnx.data"),
    file!("temporal.onnx"),
    file!("temporal.onnx.data"),
    file!("text.onnx"),
    file!("text.onnx.data"),
    file!("vision.onnx"),
    file!("vision.onnx.data"),
];

impl Bundle {
    /// The built-in bundle: a small CLIP pair, its segmenter and its labels, which know drawn people. Its files lie in a
    /// temporary directory for as long as the bundle, or a clone of it, is there.
    ///
    /// # Errors
    /// When there is no room for temporary files.
    pub fn built_in() -> Result<Self> {
        let directory = TempDir::with_prefix("figureground-").map_err(|e| refused(&std::env::temp_dir(), &e))?;
        for (name, bytes) in FILES {
            std::fs::write(directory.path().join(name), bytes).map_err(|e| refused(directory.path(), &e))?;
        }
        let bundle = Self::open(directory.path())?;
        Ok(Self { unpacked: Some(Arc::new(directory)), ..bundle })
    }
}

fn refused(place: &Path, error: &std::io::Error) -> Error {
    let expected = "room for 8 MB of temporary files";
    let got = format!("{}: {error}", place.display());
    Error::new(Stage::Bundle, expected, got, "set TMPDIR to a directory with room, or pass --bundle DIR")
}
