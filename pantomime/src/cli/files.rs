//! Folders of the output, and the error of a file that cannot be written.

use figureground::{Error, Result, Stage};
use std::path::Path;

/// Returns the error of an output file that cannot be written.
pub(super) fn not_written(path: &Path, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    let next = "check the folder's permissions and free space";
    Error::caused(Stage::Sink, format_args!("a writable file {}", path.display()), error, next)
}

/// Creates a folder and its parents.
pub(super) fn create_folder(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(|error| not_written(path, error))
}
