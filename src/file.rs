//! Atomic writes: a file is complete or does not exist.

use crate::error::{Error, Result, Stage};
use core::fmt::Display;
use std::fs::File;
use std::io::Write;
use std::path::{Component, Path, PathBuf};
use tempfile::NamedTempFile;

/// Writes `bytes` to a temporary file beside `path` and renames it to `path`.
///
/// # Errors
/// Returns an error if the directory is missing, not writable or full; `path` is then unchanged.
pub fn write_aside(path: &Path, bytes: &[u8]) -> Result<()> {
    let file = AtomicFile::create(path)?;
    file.handle()?.write_all(bytes).map_err(|error| file.failed(&error).with_source(error))?;
    file.commit()
}

/// Creates the directory `path`, with its parents.
///
/// # Errors
/// Returns an error if it cannot be created.
pub fn create_directory(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(|error| {
        let expected = format!("to make the directory {}", path.display());
        Error::caused(Stage::Sink, expected, error, "check its parent's permissions")
    })
}

/// Returns whether the relative path `name` stays below its base directory, on every system.
pub(crate) fn stays_inside(name: &str) -> bool {
    let is_plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    is_plain && !name.is_empty() && !name.contains('\\')
}

/// Returns the directory of `path`.
pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A temporary file that becomes `path` on [`commit`](Self::commit), and is removed if dropped before.
#[derive(Debug)]
pub(crate) struct AtomicFile {
    file: NamedTempFile,
    path: PathBuf,
}

impl AtomicFile {
    /// Creates an empty file beside `path`, on the same file system.
    ///
    /// # Errors
    /// Returns an error if the directory is missing or not writable.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let directory = directory_of(path);
        if !directory.is_dir() {
            let expected = format!("a directory {}", directory.display());
            return Err(Error::new(Stage::Sink, expected, "no such directory", "create it: mkdir -p"));
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(".figureground-");
        // Only its owner may read a temporary file; this one has the usual permissions.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(directory).map_err(|error| not_written(path, &error).with_source(error))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Returns the path of the temporary file.
    #[cfg(any(feature = "evaluate", feature = "overlay"))]
    pub(crate) fn temporary_path(&self) -> &Path {
        self.file.path()
    }

    /// Returns a handle for writing.
    ///
    /// # Errors
    /// Returns an error if the system has no handle left.
    pub(crate) fn handle(&self) -> Result<File> {
        self.file.as_file().try_clone().map_err(|error| self.failed(&error).with_source(error))
    }

    /// Syncs the file to disk and renames it to its path.
    ///
    /// # Errors
    /// Returns an error if the sync fails, or the path is a directory.
    pub(crate) fn commit(self) -> Result<()> {
        self.file.as_file().sync_all().map_err(|error| self.failed(&error).with_source(error))?;
        let Self { file, path } = self;
        file.persist(&path).map(drop).map_err(|error| not_written(&path, &error.error).with_source(error.error))
    }

    /// Returns the error for a failed write.
    pub(crate) fn failed(&self, reason: &dyn Display) -> Error {
        not_written(&self.path, reason)
    }
}

fn not_written(path: &Path, reason: &dyn Display) -> Error {
    let next = "check the directory's permissions and free space";
    Error::new(Stage::Sink, format_args!("write access to {}", path.display()), reason, next)
}

/// Returns the user's cache directory, created if missing: `$FIGUREGROUND_CACHE`, else `$XDG_CACHE_HOME/figureground`,
/// else `~/.cache/figureground`. Returns `None` if there is none or it cannot be created.
pub fn cache_directory() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let directory = set("FIGUREGROUND_CACHE")
        .or_else(|| Some(set("XDG_CACHE_HOME")?.join("figureground")))
        .or_else(|| Some(set("HOME")?.join(".cache/figureground")))?;
    std::fs::create_dir_all(&directory).ok()?;
    Some(directory)
}
