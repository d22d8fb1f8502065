//! Copies of bundles.

use super::{Bundle, MANIFEST};
use crate::error::{Error, Result, Stage};
use crate::file::{NewDirectory, after_failed_write};
use std::path::Path;

impl Bundle {
    /// Writes a copy of the bundle, with its settings as they are in memory, to the new directory `out`. The copy is
    /// complete or does not exist.
    ///
    /// # Errors
    /// Returns an error if `out` exists, or a file cannot be copied.
    pub fn write_to(&self, out: &Path) -> Result<()> {
        let directory = NewDirectory::beside(out)?;
        let failed = |error: std::io::Error| {
            let next = after_failed_write(out, &error);
            Error::caused(Stage::Bundle, format_args!("write access to {}", out.display()), error, next)
        };
        for file in self.manifest.files.keys() {
            let to = directory.path().join(file);
            std::fs::create_dir_all(crate::file::directory_of(&to)).map_err(failed)?;
            // fs::copy would also copy the permissions, and a bundle's files must be writable.
            let mut from =
                std::fs::File::open(self.path(file)).map_err(|error| super::unreadable(&self.path(file), error))?;
            let copied = std::fs::File::create(&to).and_then(|mut to| std::io::copy(&mut from, &mut to));
            copied.map_err(failed)?;
        }
        std::fs::write(directory.path().join(MANIFEST), self.manifest.to_toml()?).map_err(failed)?;
        // Compares the copies with their checksums.
        Self::open(directory.path())?;
        directory.rename()
    }
}
