//! Files that are there whole or not at all: written aside and renamed.

use crate::error::{Error, Result, Stage};
use core::fmt::Display;
use std::fs::File;
use std::io::Write;
use std::path::{Component, Path, PathBuf};
use tempfile::NamedTempFile;

/// Writes `bytes` beside `path` and renames the file into place.
///
/// # Errors
/// When the directory is missing, cannot be written or is full; `path` is then as it was.
pub fn write_aside(path: &Path, bytes: &[u8]) -> Result<()> {
    let aside = Aside::create(path)?;
    aside.handle()?.write_all(bytes).map_err(|error| aside.failed(&error))?;
    aside.into_place()
}

/// Whether the relative path `name` leads to a file below the directory it is looked up in, on every system.
pub(crate) fn stays_inside(name: &str) -> bool {
    let is_plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    is_plain && !name.is_empty() && !name.contains('\\')
}

/// The directory that `path` lies in.
pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file on its way to `path`, removed when dropped.
#[derive(Debug)]
pub(crate) struct Aside {
    file: NamedTempFile,
    path: PathBuf,
}

impl Aside {
    /// An empty file beside `path`, so that both are on one file system.
    ///
    /// # Errors
    /// When the directory is missing or cannot be written.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let directory = directory_of(path);
        if !directory.is_dir() {
            let expected = format!("a directory {} to write in", directory.display());
            return Err(Error::new(Stage::Sink, expected, "none there", "make it first: mkdir -p"));
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(".figureground-");
        // A temporary file is its owner's alone; this one is to be like any other the user makes.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(directory).map_err(|error| not_written(path, &error))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Where the bytes lie for now.
    #[cfg(any(feature = "evaluate", feature = "overlay"))]
    pub(crate) fn place(&self) -> &Path {
        self.file.path()
    }

    /// A second handle to write with.
    ///
    /// # Errors
    /// When the system gives none.
    pub(crate) fn handle(&self) -> Result<File> {
        self.file.as_file().try_clone().map_err(|error| self.failed(&error))
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// When its bytes do not reach the disk, or the name is taken by a directory.
    pub(crate) fn into_place(self) -> Result<()> {
        self.file.as_file().sync_all().map_err(|error| self.failed(&error))?;
        let Self { file, path } = self;
        file.persist(&path).map(drop).map_err(|error| not_written(&path, &error.error))
    }

    /// What to say when writing it failed.
    pub(crate) fn failed(&self, reason: &dyn Display) -> Error {
        not_written(&self.path, reason)
    }
}

fn not_written(path: &Path, reason: &dyn Display) -> Error {
    let next = "check the directory's permissions and free space";
    Error::new(Stage::Sink, format_args!("to write {}", path.display()), reason, next)
}

/// The user's directory for what can be made again, made where it is missing: `$FIGUREGROUND_CACHE`, else
/// `$XDG_CACHE_HOME/figureground`, else `~/.cache/figureground`; none where there is no such place.
pub fn cache_directory() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let directory = set("FIGUREGROUND_CACHE")
        .or_else(|| Some(set("XDG_CACHE_HOME")?.join("figureground")))
        .or_else(|| Some(set("HOME")?.join(".cache/figureground")))?;
    std::fs::create_dir_all(&directory).ok()?;
    Some(directory)
}
