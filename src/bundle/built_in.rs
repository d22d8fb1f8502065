//! The bundles inside the program, which recognise drawn people.

use super::Bundle;
use crate::error::{Error, Result, Setting, Stage};
use crate::temporary::TemporaryDirectory;
use std::path::Path;
use std::sync::Arc;

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

/// Expands to the name and the bytes of a file of `models/built-in-plain`.
macro_rules! plain {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../../models/built-in-plain/", $name)) as &[u8])
    };
}

/// The files of the bundle with the plain encoder; its segmenter and its backgrounds are those of [`FILES`].
const PLAIN_FILES: [(&str, &[u8]); 7] = [
    file!("backgrounds.safetensors"),
    plain!("bundle.toml"),
    plain!("labels.safetensors"),
    file!("segmenter.onnx"),
    file!("segmenter.onnx.data"),
    plain!("vision.onnx"),
    plain!("vision.onnx.data"),
];

impl Bundle {
    /// Opens the built-in bundle: a small CLIP pair, its segmenter and its labels, for drawn people. Its files are in a
    /// temporary directory until the bundle and all its clones are dropped.
    ///
    /// # Errors
    /// Returns an error if the temporary files cannot be written.
    pub fn built_in() -> Result<Self> {
        unpack(&FILES)
    }

    /// Opens the built-in bundle with the plain encoder, which was trained like the other one, but without masks: it
    /// leans on the background. It has no text encoder, so its labels cannot be changed.
    ///
    /// # Errors
    /// As [`Bundle::built_in`].
    pub fn built_in_plain() -> Result<Self> {
        unpack(&PLAIN_FILES)
    }
}

fn unpack(files: &[(&str, &[u8])]) -> Result<Bundle> {
    let parent = std::env::temp_dir();
    let directory = TemporaryDirectory::create(&parent, ".figureground-built-in-", false);
    let directory = directory.map_err(|e| refused(&parent, e))?;
    for (name, bytes) in files {
        std::fs::write(directory.path().join(name), bytes).map_err(|e| refused(directory.path(), e))?;
    }
    let bundle = Bundle::open(directory.path())?;
    Ok(Bundle { unpacked: Some(Arc::new(directory)), ..bundle })
}

fn refused(directory: &Path, error: std::io::Error) -> Error {
    let next = "set TMPDIR to a directory with free space, or choose another bundle";
    let error = Error::caused(Stage::Bundle, "space for 8 MB of temporary files", error, next);
    error.at(directory.display()).about(Setting::Bundle)
}
