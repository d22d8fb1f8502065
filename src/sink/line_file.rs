//! A rotated file of verdict lines: `verdicts.jsonl`, the older `verdicts.jsonl.1`, and so on.

use super::DeliveryCounts;
use super::json_lines::SCHEMA;
use super::line_contents::{self, ForeignContents, WholeLines};
use crate::error::{Error, Result, Setting, Stage};
use crate::file::after_failed_write;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The file, and when it is rotated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineFileSettings {
    /// The newest file; older ones have `.1`, `.2`, … appended.
    pub path: PathBuf,
    /// Size in bytes before which the file is rotated.
    pub max_bytes: u64,
    /// Number of rotated files to keep.
    pub keep: u32,
}

/// A file of whole lines, locked against other programs.
///
/// A line that cannot be written, as on a full disk, is removed again and counted as lost; later lines are still tried.
/// Another program may truncate the file, as logrotate's `copytruncate` does.
#[derive(Debug)]
pub struct LineFile {
    settings: LineFileSettings,
    file: File,
    counts: DeliveryCounts,
    /// Whether the last line could not be written.
    is_failing: bool,
    /// Whether the file ends with a part of a line, which could not be removed yet.
    has_part: bool,
}

impl LineFile {
    /// Opens the file to append to it, or creates it. An incomplete last line, left by a power failure, is removed.
    ///
    /// # Errors
    /// Returns an error if the file cannot be opened for reading and writing, is open in another program, or holds
    /// anything but verdict lines of today's format, or if a file that rotation would remove holds anything else.
    pub fn open(settings: LineFileSettings) -> Result<Self> {
        let file = open_lines(&settings.path)?;
        for number in 1..=settings.keep {
            check_rotated(&settings.numbered(number))?;
        }
        Ok(Self { settings, file, counts: DeliveryCounts::default(), is_failing: false, has_part: false })
    }

    /// Returns whether this is the file at `path`, which another program may have moved.
    pub fn is_at(&self, path: &Path) -> bool {
        is_same_file(&self.file, path)
    }

    /// Changes path and rotation; the open file stays.
    pub fn set(&mut self, settings: LineFileSettings) {
        self.settings = settings;
    }

    /// Appends `line`, given without its line break. A failure is counted, and logged once.
    pub fn write(&mut self, line: &str) {
        let written = self.try_write(line);
        let path = self.settings.path.display();
        match written {
            Ok(()) => {
                self.counts.sent += 1;
                if std::mem::take(&mut self.is_failing) {
                    log::warn!("{path}: lines are written again; {} were lost", self.counts.lost);
                }
            }
            Err(error) => {
                self.counts.lost += 1;
                if !std::mem::replace(&mut self.is_failing, true) {
                    log::warn!("{path}: lines are lost until the file can be written: {error}");
                }
            }
        }
    }

    /// Continues from `counts`, those of the file before.
    pub fn continue_counts(&mut self, counts: DeliveryCounts) {
        self.counts = counts;
    }

    /// Returns the numbers of lines written and lost.
    pub fn counts(&self) -> DeliveryCounts {
        self.counts
    }

    fn try_write(&mut self, line: &str) -> Result<()> {
        let path = &self.settings.path;
        let length = self.file.metadata().map_err(|e| unwritable(path, e))?.len();
        if length > 0 && length + line.len() as u64 + 1 > self.settings.max_bytes {
            self.rotate()?;
        }
        self.append(&[line.as_bytes(), b"\n"].concat()).map_err(|e| unwritable(&self.settings.path, e))
    }

    /// Appends `line` as a whole, or nothing.
    fn append(&mut self, line: &[u8]) -> std::io::Result<()> {
        if self.has_part {
            line_contents::remove_part(&mut self.file)?;
            self.has_part = false;
        }
        let written = self.file.write(line)?;
        if written == line.len() {
            return Ok(());
        }
        // The rest is not tried: the file may have been truncated since, and the rest would be a line of its own.
        self.has_part = line_contents::remove_part(&mut self.file).is_err();
        Err(std::io::Error::new(ErrorKind::StorageFull, format!("{written} of {} bytes were written", line.len())))
    }

    /// Renames `FILE` to `FILE.1`, `FILE.1` to `FILE.2` and so on, and removes the oldest.
    fn rotate(&mut self) -> Result<()> {
        let (path, keep) = (&self.settings.path, self.settings.keep);
        // It is another one if an earlier attempt renamed it, or a user moved it.
        if self.is_at(path) {
            check_rotated(&self.settings.numbered(keep.max(1)))?;
            for number in (0..keep).rev() {
                match std::fs::rename(self.settings.numbered(number), self.settings.numbered(number + 1)) {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(unwritable(path, error)),
                    _ => {}
                }
            }
            if keep == 0 {
                std::fs::remove_file(path).map_err(|e| unwritable(path, e))?;
            }
        }
        self.file = open_lines(path)?;
        self.has_part = false;
        Ok(())
    }
}

impl LineFileSettings {
    fn numbered(&self, number: u32) -> PathBuf {
        if number == 0 {
            return self.path.clone();
        }
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

/// Opens or creates the file at `path`, locks it, checks that it holds verdict lines, and removes an incomplete last
/// one.
fn open_lines(path: &Path) -> Result<File> {
    let refused = |e: std::io::Error| {
        let expected = "a file for verdict lines that can be opened";
        let error = Error::caused(Stage::Sink, expected, e, "check its folder and permissions");
        error.at(path.display()).about(Setting::Lines)
    };
    // Opening a pipe or device may have effects.
    if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        let got = format!("{}, which is no regular file", path.display());
        let error = Error::new(Stage::Sink, "a regular file for verdict lines", got, "choose another path");
        return Err(error.about(Setting::Lines));
    }
    let mut file = open_to_append(path).map_err(refused)?;
    if is_locked(&file) {
        let got = format!("{}, which another program is writing", path.display());
        let error = Error::new(Stage::Sink, "a file for the verdict lines of one program", got, "choose another file");
        return Err(error.about(Setting::Lines));
    }
    let WholeLines { length, lacks_break } = line_contents::whole_lines(&mut file)
        .map_err(refused)?
        .map_err(|contents| foreign(path, contents).about(Setting::Lines))?;
    if lacks_break {
        file.write_all(b"\n").map_err(refused)?;
    } else if file.metadata().map_err(refused)?.len() > length {
        file.set_len(length).map_err(refused)?;
    }
    Ok(file)
}

/// Checks that rotation may remove the file at `path`: it is absent or holds verdict lines.
fn check_rotated(path: &Path) -> Result<()> {
    let is_ours = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(_) => false,
        Ok(mut file) => {
            file.metadata().is_ok_and(|metadata| metadata.is_file())
                && line_contents::is_of_any_schema(&mut file).unwrap_or(false)
        }
    };
    if is_ours {
        return Ok(());
    }
    let got = format!("{}, which holds something else", path.display());
    let next = "move it away, or choose another file: rotation would remove it";
    Err(Error::new(Stage::Sink, "rotated files of verdict lines", got, next).about(Setting::Lines))
}

fn open_to_append(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    // Others may read and rename the file, but not write to it.
    #[cfg(windows)]
    std::os::windows::fs::OpenOptionsExt::share_mode(&mut options, 0x1 | 0x4);
    options.open(path)
}

/// Locks `file` until it is closed; returns whether another program has locked it. A file system without locks locks
/// nothing.
#[cfg(unix)]
fn is_locked(file: &File) -> bool {
    matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock))
}

/// Returns false: the mode in which the file is opened locks it. A lock would keep readers out as well.
#[cfg(not(unix))]
fn is_locked(_: &File) -> bool {
    false
}

#[cfg(unix)]
fn is_same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |metadata: &std::fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((file.metadata(), path.metadata()), (Ok(open), Ok(named)) if id(&open) == id(&named))
}

/// Returns whether there is a file: other systems do not rename a file that is open.
#[cfg(not(unix))]
fn is_same_file(_: &File, path: &Path) -> bool {
    path.exists()
}

fn foreign(path: &Path, contents: ForeignContents) -> Error {
    let (expected, choose) = ("a file of verdict lines, an empty file or none", "choose another file");
    match contents {
        ForeignContents::Schema(schema) => {
            let got = format!("lines of schema {schema} in {}", path.display());
            let next = match schema {
                1 => format!("run `figureground migrate` on the file, or {choose}"),
                _ => choose.to_owned(),
            };
            Error::new(Stage::Sink, format_args!("verdict lines of schema {SCHEMA}"), got, next)
        }
        ForeignContents::Other => {
            let got = format!("{}, which holds something else", path.display());
            Error::new(Stage::Sink, expected, got, format_args!("{choose}; this one is unchanged"))
        }
    }
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    let next = after_failed_write(path, &error);
    Error::caused(Stage::Sink, "a file of verdict lines that can be written", error, next).at(path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_loses_lines_and_nothing_else() {
        // Every write to it fails as on a full disk.
        let full = Path::new("/dev/full");
        let mut file = LineFile {
            settings: LineFileSettings { path: full.to_owned(), max_bytes: 1000, keep: 0 },
            file: OpenOptions::new().append(true).open(full).unwrap(),
            counts: DeliveryCounts::default(),
            is_failing: false,
            has_part: false,
        };
        file.write("lost");
        file.write("lost");
        assert_eq!(file.counts(), DeliveryCounts { sent: 0, lost: 2, waiting: 0 });
    }
}
