//! The place where a bundle is made.

use super::unwritable;
use crate::error::{Error, Result, Stage};
use crate::file::directory_of;
use std::path::{Path, PathBuf};

/// A directory beside the bundle's place, gone again unless it is renamed.
pub struct Staging {
    directory: tempfile::TempDir,
    out: PathBuf,
}

impl Staging {
    pub fn beside(out: &Path) -> Result<Self> {
        if out.exists() {
            let expected = "a place for the bundle where nothing is";
            return Err(Error::new(Stage::Import, expected, out.display(), "remove it, or pass another --out"));
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(".figureground-import-");
        // A temporary directory is its owner's alone; a bundle is like any other directory the user makes.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        let directory = builder.tempdir_in(directory_of(out)).map_err(|e| unwritable(out, &e))?;
        Ok(Self { directory, out: out.to_owned() })
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn rename(self) -> Result<()> {
        std::fs::rename(self.directory.path(), &self.out).map_err(|e| unwritable(&self.out, &e))?;
        Ok(())
    }
}
