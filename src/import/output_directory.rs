//! The temporary directory of a new bundle.

use crate::error::{Error, Result, Setting, Stage};
use crate::file::directory_of;
use crate::model::write::write_failed;
use crate::temporary::TemporaryDirectory;
use std::path::{Path, PathBuf};

/// A temporary directory beside `out`, removed when dropped unless it was renamed.
pub struct OutputDirectory {
    directory: TemporaryDirectory,
    out: PathBuf,
}

impl OutputDirectory {
    pub fn beside(out: &Path) -> Result<Self> {
        if out.exists() {
            let got = format!("{}, which exists", out.display());
            let next = "remove it, or choose another directory";
            return Err(Error::new(Stage::Import, "a new directory for the bundle", got, next).about(Setting::Out));
        }
        let directory = TemporaryDirectory::create(directory_of(out), ".figureground-import-", true);
        Ok(Self { directory: directory.map_err(|e| write_failed(out, e))?, out: out.to_owned() })
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Returns `error` in the user's words: a failed write names the output directory and the directory that it is in;
    /// other errors about the temporary directory are about its source, `clip`. The temporary directory is removed
    /// after an error.
    pub fn in_words(&self, error: Error, clip: &Path) -> Error {
        let (temporary, out) = (self.path().display().to_string(), self.out.display().to_string());
        let parent = directory_of(&self.out).display().to_string();
        ["free space in ", "make "]
            .iter()
            .fold(error, |error, advice| error.replaced(&format!("{advice}{temporary}"), &format!("{advice}{parent}")))
            .replaced(&format!("write access to {temporary}"), &format!("write access to {out}"))
            .replaced(&temporary, &clip.display().to_string())
    }

    pub fn rename(self) -> Result<()> {
        self.directory.rename(&self.out).map_err(|e| write_failed(&self.out, e))
    }
}
