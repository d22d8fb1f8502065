//! A folder of PNG pictures, one per frame.

use super::canvas::Canvas;
use super::caption::Caption;
use crate::error::{Error, Result, Stage};
use crate::file::AtomicFile;
use image::codecs::png::PngEncoder;
use std::collections::VecDeque;
use std::fs;
use std::io::{ErrorKind, Write};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

/// A folder of PNG pictures; if it was created and stays empty, it is removed again.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    is_new: bool,
    /// Number of newest windows whose pictures stay; `None` keeps all.
    keep: Option<NonZeroU64>,
    /// The pictures written so far with their windows, oldest first; empty if all stay.
    written: VecDeque<(u64, PathBuf)>,
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
        Ok(Self { path: path.to_owned(), is_new, keep: None, written: VecDeque::new() })
    }

    /// Keeps the pictures of the newest `windows` windows.
    pub(super) fn keep_newest(&mut self, windows: NonZeroU64) {
        self.keep = Some(windows);
    }

    /// Writes one picture, named after its source, window and frame, and removes the pictures of windows that are too
    /// old.
    ///
    /// # Errors
    /// Returns an error if it cannot be written, or an older one cannot be removed.
    pub(super) fn put(&mut self, canvas: &Canvas, caption: &Caption<'_>, window: u64) -> Result<()> {
        let path = self.path.join(format!("{}-w{window:04}-f{:06}.png", caption.stem(), caption.frame));
        let mut png = Vec::new();
        canvas.encode(PngEncoder::new(&mut png), "PNG", "write the overlay to a .gif or .mp4 file")?;
        let file = AtomicFile::create(&path)?;
        let written = file.handle()?.write_all(&png);
        written.map_err(|error| file.io_failed(error))?;
        file.commit()?;
        self.remove_older(window, path)
    }

    /// Records that the picture at `path` of `window` was written, and removes the pictures of older windows.
    fn remove_older(&mut self, window: u64, path: PathBuf) -> Result<()> {
        let Some(keep) = self.keep else { return Ok(()) };
        self.written.push_back((window, path));
        let oldest_kept = window.saturating_sub(keep.get() - 1);
        while let Some((_, path)) = self.written.front().filter(|(written, _)| *written < oldest_kept) {
            let removed = fs::remove_file(path);
            // The user may have removed it.
            if let Some(error) = removed.err().filter(|error| error.kind() != ErrorKind::NotFound) {
                return Err(not_removed(path, error));
            }
            self.written.pop_front();
        }
        Ok(())
    }
}

fn not_removed(path: &Path, error: std::io::Error) -> Error {
    let expected = format_args!("to remove the older picture {}", path.display());
    Error::caused(Stage::Sink, expected, error, "check the directory's permissions")
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_new {
            // It fails if the folder is not empty.
            let _ = fs::remove_dir(&self.path);
        }
    }
}
