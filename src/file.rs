//! Atomic writes: a file is complete or does not exist.

use crate::error::{Error, Result, Setting, Stage};
use crate::temporary::{TemporaryDirectory, remove_stale};
use core::fmt::Display;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Component, Path, PathBuf};
use tempfile::NamedTempFile;

/// Prefix of temporary names.
pub(crate) const TEMPORARY: &str = ".figureground-";

/// Removes the temporary files in `directory` that killed programs left.
#[cfg(feature = "evaluate")]
pub(crate) fn remove_stale_files(directory: &Path) {
    remove_stale(directory, TEMPORARY);
}

/// Writes `bytes` to a temporary file beside `path` and renames it to `path`.
///
/// # Errors
/// Returns an error if the directory is missing, not writable or full; `path` is then unchanged.
pub fn write_aside(path: &Path, bytes: &[u8]) -> Result<()> {
    let file = AtomicFile::create(path)?;
    file.handle()?.write_all(bytes).map_err(|error| io_failed(path, error))?;
    file.commit()
}

/// Creates the directory `path`, with its parents.
///
/// # Errors
/// Returns an error if it cannot be created.
pub fn create_directory(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(|error| {
        let next = after_failed_write(path, &error);
        Error::caused(Stage::Sink, format_args!("to make the directory {}", path.display()), error, next)
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
        builder.prefix(TEMPORARY);
        // Only its owner may read a temporary file; this one has the usual permissions.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let create = || {
            let file = builder.tempfile_in(directory).map_err(|error| io_failed(path, error))?;
            // Others then know that it has an owner.
            #[cfg(unix)]
            let _ = file.as_file().try_lock();
            Ok(file)
        };
        let mut file: NamedTempFile = create()?;
        if !file.path().exists() {
            // Another program removed it before it was locked.
            file = create()?;
        }
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
        self.file.as_file().try_clone().map_err(|error| io_failed(&self.path, error))
    }

    /// Syncs the file to disk and renames it to its path.
    ///
    /// # Errors
    /// Returns an error if the sync fails, or the path is a directory.
    pub(crate) fn commit(self) -> Result<()> {
        self.file.as_file().sync_all().map_err(|error| io_failed(&self.path, error))?;
        let Self { file, path } = self;
        file.persist(&path).map(drop).map_err(|error| io_failed(&path, error.error))
    }

    /// Returns the error for a failed write with this cause.
    #[cfg(feature = "overlay")]
    pub(crate) fn io_failed(&self, error: std::io::Error) -> Error {
        io_failed(&self.path, error)
    }

    /// Returns the error for a failed write.
    pub(crate) fn failed(&self, reason: &dyn Display) -> Error {
        not_written(&self.path, reason, CHECK)
    }
}

fn not_written(path: &Path, reason: &dyn Display, next: &str) -> Error {
    Error::new(Stage::Sink, format_args!("write access to {}", path.display()), reason, next)
}

/// Returns the error of a failed write to `path`.
pub(crate) fn io_failed(path: &Path, error: std::io::Error) -> Error {
    not_written(path, &error, &after_failed_write(path, &error)).with_source(error)
}

/// What to do about a failed write whose cause is not known.
const CHECK: &str = "check the directory's permissions and free space";

/// Returns what to do about a failed write to `path`. It names the directory that is full or that refuses files.
pub(crate) fn after_failed_write(path: &Path, error: &std::io::Error) -> String {
    let directory = directory_of(path).display();
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            format!("free space in {directory}, or choose another directory")
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            format!("make {directory} writable, or choose another directory")
        }
        ErrorKind::NotFound => format!("create {directory}: mkdir -p"),
        _ => CHECK.to_owned(),
    }
}

/// Checks that `path` can become a new directory.
///
/// # Errors
/// Returns an error if it exists.
pub fn check_new_directory(path: &Path) -> Result<()> {
    if path.exists() {
        let got = format!("{}, which exists", path.display());
        let next = "remove it, or choose another directory";
        return Err(Error::new(Stage::Sink, "a new directory", got, next).about(Setting::Out));
    }
    Ok(())
}

/// A temporary directory that becomes a new one on [`rename`](Self::rename), and is removed if dropped before.
#[derive(Debug)]
pub(crate) struct NewDirectory {
    directory: TemporaryDirectory,
    out: PathBuf,
}

impl NewDirectory {
    /// Creates an empty directory beside `out`, on the same file system.
    ///
    /// # Errors
    /// Returns an error if `out` exists, or its parent is missing or not writable.
    pub(crate) fn beside(out: &Path) -> Result<Self> {
        check_new_directory(out)?;
        let directory = TemporaryDirectory::create(directory_of(out), TEMPORARY, true);
        Ok(Self { directory: directory.map_err(|error| io_failed(out, error))?, out: out.to_owned() })
    }

    /// Returns the path of the temporary directory.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Gives the directory its name.
    ///
    /// # Errors
    /// Returns an error if the directory cannot be renamed.
    pub(crate) fn rename(self) -> Result<()> {
        self.directory.rename(&self.out).map_err(|error| io_failed(&self.out, error))
    }
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
