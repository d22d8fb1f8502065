//! Temporary files and directories that are removed after a killed program too.
//!
//! Their owner holds a lock on them for as long as it runs. One that nobody locks has no owner any more, and the next
//! program that needs one in the same directory removes it.

use std::fs::{File, TryLockError};
use std::io::Result;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tempfile::{Builder, TempDir};

/// Random characters at the end of a temporary name.
const RANDOM: usize = 6;
/// Attempts to create a directory that another program does not take for one without an owner.
const ATTEMPTS: usize = 5;

/// Directories that exist, for [`remove_all`].
static DIRECTORIES: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A temporary directory with a lock, removed when dropped.
#[derive(Debug)]
pub(crate) struct TemporaryDirectory {
    directory: TempDir,
    /// Holds the lock; `None` where directories cannot be locked.
    _lock: Option<File>,
}

impl TemporaryDirectory {
    /// Creates a directory in `parent` whose name begins with `prefix`, after it has removed those without an owner.
    /// Everybody may read it as far as the user's mask allows if `is_public`, else its owner alone.
    ///
    /// # Errors
    /// Returns an error if `parent` is missing or not writable.
    pub(crate) fn create(parent: &Path, prefix: &str, is_public: bool) -> Result<Self> {
        remove_stale(parent, prefix);
        let mut builder = Builder::new();
        builder.prefix(prefix).rand_bytes(RANDOM);
        #[cfg(unix)]
        if is_public {
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        }
        #[cfg(not(unix))]
        let _ = is_public;
        for _ in 1..ATTEMPTS {
            let directory = builder.tempdir_in(parent)?;
            match lock(directory.path()) {
                Lock::Held(lock) if directory.path().is_dir() => return Ok(Self::new(directory, Some(lock))),
                Lock::Unsupported => return Ok(Self::new(directory, None)),
                // Another program has removed it, or does so, because it was not locked yet.
                Lock::Held(_) | Lock::Taken => {}
            }
        }
        builder.tempdir_in(parent).map(|directory| Self::new(directory, None))
    }

    fn new(directory: TempDir, lock: Option<File>) -> Self {
        directories().push(directory.path().to_owned());
        Self { directory, _lock: lock }
    }

    /// Returns the path.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Gives the directory its final name.
    ///
    /// # Errors
    /// Returns an error if it cannot be renamed; it is then removed.
    pub(crate) fn rename(self, to: &Path) -> Result<()> {
        std::fs::rename(self.directory.path(), to)
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        directories().retain(|path| path != self.directory.path());
    }
}

fn directories() -> std::sync::MutexGuard<'static, Vec<PathBuf>> {
    DIRECTORIES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes all temporary directories of this program, for an exit that drops nothing.
pub fn remove_all() {
    for path in directories().drain(..) {
        // The program exits whether it can be removed or not.
        let _ = std::fs::remove_dir_all(path);
    }
}

/// Lock of a file or directory.
enum Lock {
    /// It is ours for as long as this exists.
    Held(File),
    /// Another one holds it.
    Taken,
    /// The system cannot lock it, or it does not exist.
    Unsupported,
}

fn lock(path: &Path) -> Lock {
    if cfg!(not(unix)) {
        return Lock::Unsupported;
    }
    let Ok(file) = File::open(path) else { return Lock::Unsupported };
    match file.try_lock() {
        Ok(()) => Lock::Held(file),
        Err(TryLockError::WouldBlock) => Lock::Taken,
        Err(TryLockError::Error(_)) => Lock::Unsupported,
    }
}

/// Removes the files and directories in `parent` that are named `prefix` and six letters or digits, and whose owner has
/// gone.
pub(crate) fn remove_stale(parent: &Path, prefix: &str) {
    let Ok(entries) = parent.read_dir() else { return };
    for entry in entries.filter_map(core::result::Result::ok) {
        let name = entry.file_name();
        let is_random = |rest: &str| rest.len() == RANDOM && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !name.to_str().and_then(|name| name.strip_prefix(prefix)).is_some_and(is_random) {
            continue;
        }
        let (path, kind) = (entry.path(), entry.file_type());
        // A link is not followed.
        if kind.as_ref().map_or(true, |kind| kind.is_symlink()) {
            continue;
        }
        let Lock::Held(_lock) = lock(&path) else { continue };
        let removed = match kind.is_ok_and(|kind| kind.is_dir()) {
            true => std::fs::remove_dir_all(&path),
            false => std::fs::remove_file(&path),
        };
        if let Err(error) = removed {
            log::warn!("{}, which a killed program left, cannot be removed: {error}", path.display());
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_nobody_owns_is_removed_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let prefix = ".figureground-test-";
        let owned = TemporaryDirectory::create(parent.path(), prefix, true).unwrap();
        let stale = parent.path().join(format!("{prefix}abcDE1"));
        fs::create_dir(&stale).unwrap();
        fs::write(stale.join("weights"), "x").unwrap();
        let file = parent.path().join(format!("{prefix}abcDE2"));
        fs::write(&file, "x").unwrap();
        let others = ["report", ".figureground-test-abcdefg", ".figureground-abcdef"].map(|n| parent.path().join(n));
        others.iter().for_each(|other| fs::create_dir(other).unwrap());
        let second = TemporaryDirectory::create(parent.path(), prefix, false).unwrap();
        assert!(owned.path().is_dir() && second.path().is_dir() && !stale.exists() && !file.exists());
        assert!(others.iter().all(|other| other.is_dir()));
        let (path, new) = (owned.path().to_owned(), parent.path().join("new"));
        owned.rename(&new).unwrap();
        assert!(new.is_dir() && !path.exists());
        let path = second.path().to_owned();
        drop(second);
        assert!(!path.exists());
    }
}
