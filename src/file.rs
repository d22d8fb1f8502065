//! Files that are there whole or not at all.

use crate::error::{Error, Result, Stage};
use std::io::Write;
use std::path::Path;

/// Writes `bytes` beside `path` and renames the file into place.
///
/// # Errors
/// When the directory cannot be written or is full; `path` is then as it was.
pub fn write_aside(path: &Path, bytes: &[u8]) -> Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|e| e.error)?;
        Ok(())
    };
    write().map_err(|e| {
        let next = "check the directory's permissions and free space";
        Error::new(Stage::Sink, format_args!("to write {}", path.display()), e, next)
    })
}
