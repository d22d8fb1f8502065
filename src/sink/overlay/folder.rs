//! A folder of PNG pictures, one per frame.

use super::canvas::Canvas;
use super::caption::Caption;
use crate::error::{Error, Result, Stage};
use crate::file::AtomicFile;
use image::codecs::png::PngEncoder;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A folder of PNG pictures; if it was created and stays empty, it is removed again.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    is_new: bool,
}

impl Folder {
    /// Opens the folder at `path`, or creates it.
    ///
    /// # Errors
    /// Returns an error if it cannot be created.
    pub(super) fn create(path: &Path) -> Result<Self> {
        let is_new = !path.is_dir();
        fs::create_dir_all(path).map_err(|error| {
            let next = "choose another directory, or a .gif or .mp4 file";
            Error::caused(Stage::Sink, format_args!("a directory {}", path.display()), error, next)
        })?;
        Ok(Self { path: path.to_owned(), is_new })
    }

    /// Writes one picture, named after its source, window and frame.
    ///
    /// # Errors
    /// Returns an error if it cannot be written.
    pub(super) fn put(&mut self, canvas: &Canvas, caption: &Caption<'_>, window: u64) -> Result<()> {
        let path = self.path.join(format!("{}-w{window:04}-f{:06}.png", caption.stem(), caption.frame));
        let mut png = Vec::new();
        canvas.encode(PngEncoder::new(&mut png), "PNG", "write the overlay to a .gif or .mp4 file")?;
        let file = AtomicFile::create(&path)?;
        let written = file.handle()?.write_all(&png);
        written.map_err(|error| file.failed(&error))?;
        file.commit()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_new {
            // It fails if the folder is not empty.
            let _ = fs::remove_dir(&self.path);
        }
    }
}
