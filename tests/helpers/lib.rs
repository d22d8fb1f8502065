//! Helpers of this package's tests.
#![cfg(feature = "library")]

#[cfg(feature = "gpu-tests")]
pub mod gpu;
pub mod program;
pub mod tiny_bundle;

use std::path::{Path, PathBuf};

/// Returns the path of a file of `tests/fixtures`.
pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)
}
