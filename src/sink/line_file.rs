//! Verdict lines in a file that is rotated: `verdicts.jsonl`, before it `verdicts.jsonl.1`, and so on.

use super::DeliveryCounts;
use crate::error::{Error, Result, Stage};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file of lines, each whole or not there.
///
/// What cannot be written, as on a full disk, is cut off again and counted as lost; the next line is tried anew.
#[derive(Debug)]
pub struct LineFile {
    path: PathBuf,
    file: File,
    /// Bytes of whole lines.
    length: u64,
    /// From which size on it is rotated.
    size: u64,
    /// How many older files are kept.
    keep: u32,
    counts: DeliveryCounts,
    /// Whether the last line could not be written.
    failing: bool,
}

impl LineFile {
    /// Goes on with the file at `path`, or begins it. It is rotated before it grows beyond `size` bytes; `keep` older ones
    /// stay. A last line that was cut when the power failed is cut off.
    ///
    /// # Errors
    /// When it cannot be opened for reading and writing.
    pub fn open(path: &Path, size: u64, keep: u32) -> Result<Self> {
        let refused = |e: std::io::Error| {
            let expected = "to open a file for verdict lines";
            Error::new(Stage::Sink, expected, e, "check its folder and permissions").at(path.display())
        };
        let mut file = append(path).map_err(refused)?;
        let length = whole_lines(&mut file).map_err(refused)?;
        file.set_len(length).map_err(refused)?;
        Ok(Self { path: path.to_owned(), file, length, size, keep, counts: DeliveryCounts::default(), failing: false })
    }

    /// Adds `line`, without its line break. What fails is told once and counted, and ends nothing.
    pub fn write(&mut self, line: &str) {
        match self.try_write(line) {
            Ok(()) => {
                self.counts.sent += 1;
                if std::mem::take(&mut self.failing) {
                    log::warn!("{}: lines are written again, {} were lost", self.path.display(), self.counts.lost);
                }
            }
            Err(error) => {
                self.counts.lost += 1;
                if !std::mem::replace(&mut self.failing, true) {
                    log::warn!("{}: lines are lost until it can be written: {error}", self.path.display());
                }
            }
        }
    }

    /// Counts on from `counts`, that of the file before.
    pub fn count_on(&mut self, counts: DeliveryCounts) {
        self.counts = counts;
    }

    /// Lines written and lost.
    pub fn counts(&self) -> DeliveryCounts {
        self.counts
    }

    fn try_write(&mut self, line: &str) -> std::io::Result<()> {
        let bytes = line.len() as u64 + 1;
        if self.length > 0 && self.length + bytes > self.size {
            self.rotate()?;
        }
        let mut whole = Vec::with_capacity(line.len() + 1);
        whole.extend_from_slice(line.as_bytes());
        whole.push(b'\n');
        if let Err(error) = self.file.write_all(&whole) {
            // Half a line would spoil the next.
            self.file.set_len(self.length)?;
            return Err(error);
        }
        self.length += bytes;
        Ok(())
    }

    /// `FILE` becomes `FILE.1`, which was `FILE.2`'s forerunner, and the oldest goes.
    fn rotate(&mut self) -> std::io::Result<()> {
        // Where the file is away already, an earlier attempt got that far, or somebody has moved it.
        if self.path.try_exists()? {
            for number in (0..self.keep).rev() {
                match std::fs::rename(self.numbered(number), self.numbered(number + 1)) {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            if self.keep == 0 {
                std::fs::remove_file(&self.path)?;
            }
        }
        self.file = append(&self.path)?;
        self.length = 0;
        Ok(())
    }

    fn numbered(&self, number: u32) -> PathBuf {
        if number == 0 {
            return self.path.clone();
        }
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

fn append(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).open(path)
}

/// The length of all lines that end with a line break.
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

    fn read(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn lines_are_rotated_by_size_and_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("verdicts.jsonl");
        let mut file = LineFile::open(&path, 10, 2).unwrap();
        (0..8).for_each(|n| file.write(&format!("line{n}")));
        drop(file);
        let numbered = |n: u32| folder.path().join(format!("verdicts.jsonl.{n}"));
        assert_eq!([read(&path), read(&numbered(1)), read(&numbered(2))], ["line7\n", "line6\n", "line5\n"]);
        assert!(!numbered(3).exists());
        // It is gone on with, and a line longer than the size has a file of its own.
        let mut file = LineFile::open(&path, 20, 2).unwrap();
        file.write("line8");
        file.write(&"x".repeat(50));
        assert_eq!((read(&path).len(), read(&numbered(1))), (51, "line7\nline8\n".to_owned()));
        assert_eq!(file.counts(), DeliveryCounts { sent: 2, lost: 0, waiting: 0 });
    }

    #[test]
    fn a_file_that_somebody_moved_away_is_begun_again_and_no_older_one_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("verdicts.jsonl");
        for keep in [0, 2] {
            let mut file = LineFile::open(&path, 10, keep).unwrap();
            ["line1", "line2"].iter().for_each(|line| file.write(line));
            std::fs::remove_file(&path).unwrap();
            ["line3", "line4"].iter().for_each(|line| file.write(line));
            assert_eq!(
                (file.counts(), read(&path)),
                (DeliveryCounts { sent: 4, lost: 0, waiting: 0 }, "line4\n".to_owned())
            );
        }
        assert_eq!(read(&folder.path().join("verdicts.jsonl.1")), "line3\n");
        assert_eq!(read(&folder.path().join("verdicts.jsonl.2")), "line1\n");
    }

    #[test]
    fn a_line_that_was_cut_by_a_power_failure_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("verdicts.jsonl");
        for (before, after) in [("a\nb\nhal", "a\nb\nc\n"), ("half", "c\n"), ("", "c\n"), ("a\n", "a\nc\n")] {
            std::fs::write(&path, before).unwrap();
            LineFile::open(&path, 1000, 0).unwrap().write("c");
            assert_eq!(read(&path), after);
        }
        std::fs::write(&path, format!("a\n{}", "x".repeat(9000))).unwrap();
        LineFile::open(&path, 1000, 0).unwrap().write("c");
        assert_eq!(read(&path), "a\nc\n");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_costs_lines_and_nothing_else() {
        // Every write to it fails as on a full disk.
        let full = Path::new("/dev/full");
        let mut file = LineFile {
            path: full.to_owned(),
            file: OpenOptions::new().append(true).open(full).unwrap(),
            length: 0,
            size: 1000,
            keep: 0,
            counts: DeliveryCounts::default(),
            failing: false,
        };
        file.write("lost");
        file.write("lost");
        assert_eq!((file.counts(), file.length), (DeliveryCounts { sent: 0, lost: 2, waiting: 0 }, 0));
        assert!(
            LineFile::open(Path::new("/no/such/folder/lines"), 10, 0).unwrap_err().to_string().contains("/no/such")
        );
    }
}
