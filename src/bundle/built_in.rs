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
const FILES: [(&str, &[u8]); 8] = [
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_whole_and_has_at_most_8_megabytes() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/built-in");
        let mut there: Vec<String> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        there.sort();
        assert_eq!(there, FILES.map(|(name, _)| name));
        assert!(FILES.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() < 8_000_000);
    }

    #[test]
    fn its_files_go_with_its_last_clone() {
        let bundle = Bundle::built_in().unwrap();
        let clone = bundle.clone();
        let directory = bundle.directory.clone();
        drop(bundle);
        assert!(directory.join(super::super::MANIFEST).is_file());
        drop(clone);
        assert!(!directory.exists());
    }
}
