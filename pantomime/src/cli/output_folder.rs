//! An output folder that appears only when it is complete: it is written beside its destination and renamed.

use super::files::not_written;
use figureground::{Error, Result, Stage};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder while it is written; dropping it removes it.
#[derive(Debug)]
pub(super) struct OutputFolder {
    temporary: TempDir,
    path: PathBuf,
}

impl OutputFolder {
    /// Creates an empty folder beside `path`, which must be missing or empty.
    pub(super) fn create(path: &Path) -> Result<Self> {
        if path.is_file() || fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()) {
            let got = format!("{}, which is not empty", path.display());
            return Err(Error::new(Stage::Sink, "a new or empty folder", got, "pass another --out"));
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        super::files::create_folder(parent)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".pantomime-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        let temporary = builder.tempdir_in(parent).map_err(|error| not_written(path, error))?;
        Ok(Self { temporary, path: path.to_owned() })
    }

    /// Returns the folder to write to until [`OutputFolder::into_place`].
    pub(super) fn root(&self) -> &Path {
        self.temporary.path()
    }

    /// Renames the folder to its destination.
    pub(super) fn into_place(self) -> Result<()> {
        if self.path.is_dir() {
            fs::remove_dir(&self.path).map_err(|error| not_written(&self.path, error))?;
        }
        fs::rename(self.temporary.path(), &self.path).map_err(|error| not_written(&self.path, error))?;
        // The folder was renamed, so nothing is left to remove.
        let _ = self.temporary.keep();
        Ok(())
    }
}
