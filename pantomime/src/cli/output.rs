//! A folder that is there whole or not at all: written aside and renamed.

use super::not_written;
use figureground::{Error, Result, Stage};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder on its way to its place, removed when dropped.
#[derive(Debug)]
pub(super) struct Output {
    aside: TempDir,
    place: PathBuf,
}

impl Output {
    /// An empty folder beside `place`, which must be missing or empty.
    pub(super) fn create(place: &Path) -> Result<Self> {
        if place.is_file() || fs::read_dir(place).is_ok_and(|mut entries| entries.next().is_some()) {
            let got = format!("{}, which is not empty", place.display());
            return Err(Error::new(Stage::Sink, "a new or empty folder", got, "pass another --out"));
        }
        let parent = place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        super::folder(parent)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".pantomime-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        let aside = builder.tempdir_in(parent).map_err(|error| not_written(place, &error))?;
        Ok(Self { aside, place: place.to_owned() })
    }

    /// Where to write for now.
    pub(super) fn root(&self) -> &Path {
        self.aside.path()
    }

    /// Gives the folder its name.
    pub(super) fn into_place(self) -> Result<()> {
        if self.place.is_dir() {
            fs::remove_dir(&self.place).map_err(|error| not_written(&self.place, &error))?;
        }
        fs::rename(self.aside.path(), &self.place).map_err(|error| not_written(&self.place, &error))?;
        // It has its name now; there is nothing left to remove.
        let _ = self.aside.keep();
        Ok(())
    }
}
