//! The identity of the files that results are made from.

use crate::bundle::checksum;
use crate::error::{Error, Result, Stage};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::UNIX_EPOCH;

/// Folders in folders that belong to a clip.
const MAX_DEPTH: usize = 4;

/// Content of a file, or of all files in a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileIdentity {
    /// SHA-256 of the file; of a folder, that of the names and checksums of its files.
    pub sha256: String,
    /// Number of bytes.
    pub bytes: u64,
    /// Time of the last change in microseconds since 1970.
    pub changed_us: u64,
}

/// Size and time of the last change of a file or folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    changed_us: u64,
    /// Files of a folder, sorted.
    files: Vec<PathBuf>,
}

/// Files that a result is made from by their role: `clip`, `masks`, `objects`, …
pub(super) type Inputs = Vec<(&'static str, PathBuf)>;

/// Identities of files by their role.
pub type FileIdentities = BTreeMap<String, FileIdentity>;

/// The identities of files that were read before; unchanged files are not read again.
#[derive(Debug, Default)]
pub(super) struct KnownFiles {
    known: Mutex<HashMap<PathBuf, FileIdentity>>,
}

impl FileIdentity {
    /// Reads the file or folder at `path`.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read.
    pub fn of(path: &Path) -> Result<Self> {
        let stamp = Stamp::of(path)?;
        let read = |path: &Path| checksum::of_file(path).map_err(|error| unreadable(path, error));
        let sha256 = match path.is_dir() {
            false => read(path)?,
            true => {
                let mut parts = Vec::new();
                for file in &stamp.files {
                    parts.push(file.strip_prefix(path).unwrap_or(file).to_string_lossy().into_owned());
                    parts.push(read(file)?);
                }
                checksum::of_parts(parts.iter().map(String::as_str))
            }
        };
        Ok(Self { sha256, bytes: stamp.bytes, changed_us: stamp.changed_us })
    }

    /// Returns whether size and time of change of the file or folder at `path` are those of this identity.
    pub fn is_unchanged(&self, path: &Path) -> bool {
        Stamp::of(path).is_ok_and(|stamp| (stamp.bytes, stamp.changed_us) == (self.bytes, self.changed_us))
    }
}

impl Stamp {
    fn of(path: &Path) -> Result<Self> {
        let mut stamp = Self::default();
        stamp.add(path, MAX_DEPTH).map_err(|error| unreadable(path, error))?;
        stamp.files.sort();
        Ok(stamp)
    }

    fn add(&mut self, path: &Path, depth: usize) -> std::io::Result<()> {
        let metadata = path.metadata()?;
        self.changed_us = self.changed_us.max(changed_us(&metadata));
        if !metadata.is_dir() {
            self.bytes += metadata.len();
            self.files.push(path.to_owned());
        } else if depth > 0 {
            for entry in path.read_dir()? {
                let path = entry?.path();
                if !crate::source::is_system_file(&path) {
                    self.add(&path, depth - 1)?;
                }
            }
        }
        Ok(())
    }
}

/// Returns when the file was last changed. Where the system keeps it, this is the time that no program can set.
fn changed_us(metadata: &std::fs::Metadata) -> u64 {
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let modified_us = modified.map_or(0, |time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let seconds = u64::try_from(metadata.ctime()).unwrap_or(0);
        let fraction = u64::try_from(metadata.ctime_nsec()).unwrap_or(0) / 1000;
        modified_us.max(seconds.saturating_mul(1_000_000).saturating_add(fraction))
    }
    #[cfg(not(unix))]
    modified_us
}

impl KnownFiles {
    /// Returns the identities of `inputs`.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read.
    pub(super) fn identities(&self, inputs: &Inputs) -> Result<FileIdentities> {
        inputs.iter().map(|(role, path)| Ok(((*role).to_owned(), self.identity(path)?))).collect()
    }

    /// Returns the first of `inputs` whose content is not that of `saved`, with the old and the new checksum. Files of
    /// the same size and time of change are not read.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read.
    pub(super) fn difference(&self, inputs: &Inputs, saved: &FileIdentities) -> Result<Option<String>> {
        for (role, path) in inputs {
            let Some(old) = saved.get(*role) else {
                return Ok(Some(format!("{role} {}: not read then", path.display())));
            };
            if old.is_unchanged(path) {
                self.lock().insert(path.clone(), old.clone());
                continue;
            }
            let new = self.identity(path)?;
            if new.sha256 != old.sha256 {
                let (old, new) = (short(&old.sha256), short(&new.sha256));
                return Ok(Some(format!("{role} {}: sha256 {old}… then, {new}… now", path.display())));
            }
        }
        let is_input = |role: &str| inputs.iter().any(|(input, _)| *input == role);
        Ok(saved.keys().find(|role| !is_input(role)).map(|role| format!("{role}: read then, and not now")))
    }

    fn identity(&self, path: &Path) -> Result<FileIdentity> {
        if let Some(known) = self.lock().get(path).filter(|known| known.is_unchanged(path)) {
            return Ok(known.clone());
        }
        let identity = FileIdentity::of(path)?;
        self.lock().insert(path.to_owned(), identity.clone());
        Ok(identity)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, FileIdentity>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the begin of a checksum.
pub(super) fn short(checksum: &str) -> &str {
    checksum.get(..12).unwrap_or(checksum)
}

/// Returns the error of a clip's file that cannot be read.
fn unreadable(path: &Path, error: impl core::error::Error + Send + Sync + 'static) -> Error {
    Error::caused(Stage::Source, "a readable file of the clip", error, "check its permissions").at(path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_is_known_by_its_content_and_read_again_only_after_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let (file, frames) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&file, "one").unwrap();
        fs::create_dir(&frames).unwrap();
        fs::write(frames.join("1.png"), "x").unwrap();
        let inputs: Inputs = vec![("clip", file.clone()), ("masks", frames.clone())];
        let saved = KnownFiles::default().identities(&inputs).unwrap();
        assert_eq!(saved["clip"].sha256, checksum::of_bytes(b"one"));
        assert_eq!(KnownFiles::default().difference(&inputs, &saved).unwrap(), None);
        // The same content at another time.
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::write(&file, "one").unwrap();
        assert!(!saved["clip"].is_unchanged(&file));
        assert_eq!(KnownFiles::default().difference(&inputs, &saved).unwrap(), None);
        // Another content of the same size, with the old time of modification.
        let modified = fs::metadata(&file).unwrap().modified().unwrap();
        fs::write(&file, "two").unwrap();
        fs::File::options().write(true).open(&file).unwrap().set_modified(modified).unwrap();
        let difference = KnownFiles::default().difference(&inputs, &saved).unwrap().unwrap();
        let (old, new) = (checksum::of_bytes(b"one"), checksum::of_bytes(b"two"));
        assert!(difference.contains(short(&old)) && difference.contains(short(&new)), "{difference}");
        fs::write(&file, "one").unwrap();
        // One more file in a folder.
        fs::write(frames.join("2.png"), "").unwrap();
        let difference = KnownFiles::default().difference(&inputs, &saved).unwrap().unwrap();
        assert!(difference.starts_with("masks "), "{difference}");
        let none = KnownFiles::default().difference(&vec![("clip", file)], &saved).unwrap().unwrap();
        assert!(none.contains("masks: read then"), "{none}");
    }
}
