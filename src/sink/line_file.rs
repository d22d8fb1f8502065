//! A rotated file of verdict lines: `verdicts.jsonl`, the older `verdicts.jsonl.1`, and so on.

use super::DeliveryCounts;
use crate::error::{Error, Result, Stage};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
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

/// A file of whole lines.
///
/// A line that cannot be written, as on a full disk, is removed again and counted as lost; later lines are still tried.
#[derive(Debug)]
pub struct LineFile {
    settings: LineFileSettings,
    file: File,
    /// Bytes of whole lines.
    length: u64,
    counts: DeliveryCounts,
    /// Whether the last line could not be written.
    is_failing: bool,
}

impl LineFile {
    /// Opens the file to append to it, or creates it. An incomplete last line, left by a power failure, is removed.
    ///
    /// # Errors
    /// Returns an error if the file cannot be opened for reading and writing.
    pub fn open(settings: LineFileSettings) -> Result<Self> {
        let refused = |e: std::io::Error| {
            let expected = "a file for verdict lines that can be opened";
            Error::caused(Stage::Sink, expected, e, "check its folder and permissions").at(settings.path.display())
        };
        let mut file = open_to_append(&settings.path).map_err(refused)?;
        let length = whole_lines(&mut file).map_err(refused)?;
        file.set_len(length).map_err(refused)?;
        Ok(Self { settings, file, length, counts: DeliveryCounts::default(), is_failing: false })
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

    fn try_write(&mut self, line: &str) -> std::io::Result<()> {
        let bytes = line.len() as u64 + 1;
        if self.length > 0 && self.length + bytes > self.settings.max_bytes {
            self.rotate()?;
        }
        if let Err(error) = self.file.write_all(&[line.as_bytes(), b"\n"].concat()) {
            // A partial line would corrupt the next.
            self.file.set_len(self.length)?;
            return Err(error);
        }
        self.length += bytes;
        Ok(())
    }

    /// Renames `FILE` to `FILE.1`, `FILE.1` to `FILE.2` and so on, and removes the oldest.
    fn rotate(&mut self) -> std::io::Result<()> {
        // It is absent if an earlier attempt renamed it, or a user moved it.
        if self.settings.path.try_exists()? {
            for number in (0..self.settings.keep).rev() {
                match std::fs::rename(self.numbered(number), self.numbered(number + 1)) {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            if self.settings.keep == 0 {
                std::fs::remove_file(&self.settings.path)?;
            }
        }
        self.file = open_to_append(&self.settings.path)?;
        self.length = 0;
        Ok(())
    }

    fn numbered(&self, number: u32) -> PathBuf {
        if number == 0 {
            return self.settings.path.clone();
        }
        let mut name = self.settings.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

fn open_to_append(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).open(path)
}

/// Returns the length in bytes of all lines that end with a line break.
fn whole_lines(file: &mut File) -> std::io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut block = [0; 4096];
    while end > 0 {
        let start = end.saturating_sub(block.len() as u64);
        let part = &mut block[..(end - start) as usize];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(part)?;
        if let Some(at) = part.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
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
            length: 0,
            counts: DeliveryCounts::default(),
            is_failing: false,
        };
        file.write("lost");
        file.write("lost");
        assert_eq!((file.counts(), file.length), (DeliveryCounts { sent: 0, lost: 2, waiting: 0 }, 0));
    }
}
