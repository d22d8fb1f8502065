//! Append-only files of one line a clip: what a run has done survives its end, whenever that comes.

use crate::error::{Error, Result, Stage};
use core::marker::PhantomData;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The first line of a journal: what all its entries have in common. Entries under different heads do not mix.
pub trait JournalHeader: Serialize + DeserializeOwned + PartialEq {
    /// The version of the format.
    fn schema(&self) -> u32;

    /// What `other`, which is not equal to this, is of: "another bundle".
    fn difference(&self, other: &Self) -> &'static str;
}

/// A line of a journal.
pub trait JournalEntry: Serialize + DeserializeOwned {
    /// The first line.
    type Header: JournalHeader;
    /// The version of the format that this program writes.
    const SCHEMA: u32;

    /// The clip that it is about.
    fn clip(&self) -> &str;

    /// Whether it can stand under `head`.
    fn fits(&self, head: &Self::Header) -> bool;
}

/// A journal that entries are added to.
#[derive(Debug)]
pub struct Journal<E> {
    path: PathBuf,
    file: File,
    entries: PhantomData<E>,
}

/// What a journal holds.
#[derive(Debug)]
pub struct JournalContents<E: JournalEntry> {
    /// Its first line.
    pub head: E::Header,
    /// Its entries by clip.
    pub entries: BTreeMap<String, E>,
    /// Bytes of its whole lines: what lies behind was cut off by the end of a run.
    whole: u64,
}

impl<E: JournalEntry> Journal<E> {
    /// Opens the file at `path` to go on with it, or makes it with `head` as its first line. Returns the entries that are
    /// there. A last line that was cut off is dropped.
    ///
    /// # Errors
    /// When it cannot be written, or its entries stand under another head.
    pub fn open(path: &Path, head: &E::Header) -> Result<(Self, BTreeMap<String, E>)> {
        let options = || OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path);
        let mut file = options().map_err(|e| unwritable(path, &e))?;
        if let Err(std::fs::TryLockError::WouldBlock) = file.try_lock() {
            let got = format!("{}, which another run is writing", path.display());
            return Err(Error::new(Stage::Sink, "a file of this run alone", got, "wait, or pass another --out"));
        }
        let (whole, entries) = match found::<E>(path, &file)? {
            Some(found) if found.head == *head => (found.whole, found.entries),
            Some(found) => return Err(another(path, head, &found.head)),
            None => (0, BTreeMap::new()),
        };
        file.set_len(whole).and_then(|()| file.seek(SeekFrom::End(0))).map_err(|e| unwritable(path, &e))?;
        let mut journal = Self { path: path.to_owned(), file, entries: PhantomData };
        if whole == 0 {
            journal.line(head)?;
        }
        Ok((journal, entries))
    }

    /// Adds an entry, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, entry: &E) -> Result<()> {
        self.line(entry)
    }

    fn line(&mut self, value: &impl Serialize) -> Result<()> {
        let mut line =
            serde_json::to_vec(value).map_err(|e| Error::new(Stage::Sink, "a line of JSON", e, "report this"))?;
        line.push(b'\n');
        let begin = self.file.stream_position().map_err(|e| unwritable(&self.path, &e))?;
        self.file.write_all(&line).map_err(|e| {
            // What was written of it would join the next line.
            let _ = self.file.set_len(begin).and_then(|()| self.file.seek(SeekFrom::End(0)));
            unwritable(&self.path, &e)
        })
    }
}

/// What the journal at `path` holds.
///
/// # Errors
/// When it is no journal of such entries.
pub fn read_journal<E: JournalEntry>(path: &Path) -> Result<JournalContents<E>> {
    let unreadable =
        |e| Error::new(Stage::DataSet, "a file of records", format_args!("{}: {e}", path.display()), "check the path");
    let file = File::open(path).map_err(unreadable)?;
    let found = found::<E>(path, &file)?.ok_or_else(|| {
        let got = format!("{}, which is empty", path.display());
        Error::new(Stage::DataSet, "a file of records", got, "make one with `figureground validate`")
    })?;
    if found.head.schema() != E::SCHEMA {
        let got = format!("schema {} in {}", found.head.schema(), path.display());
        let next = "use the version of figureground that wrote it";
        return Err(Error::new(Stage::DataSet, format_args!("lines of schema {}", E::SCHEMA), got, next));
    }
    Ok(found)
}

fn found<E: JournalEntry>(path: &Path, file: &File) -> Result<Option<JournalContents<E>>> {
    let mut reader = BufReader::new(file);
    let (mut line, mut whole, mut number) = (Vec::new(), 0, 0);
    let mut found: Option<JournalContents<E>> = None;
    loop {
        line.clear();
        let length = reader.read_until(b'\n', &mut line).map_err(|e| unwritable(path, &e))?;
        if line.last() != Some(&b'\n') {
            break;
        }
        (whole, number) = (whole + length as u64, number + 1);
        match &mut found {
            None => {
                found = Some(JournalContents { head: parsed(path, number, &line)?, entries: BTreeMap::new(), whole })
            }
            Some(found) => {
                let entry: E = parsed(path, number, &line)?;
                if !entry.fits(&found.head) {
                    let got = format!("line {number} of {}", path.display());
                    let next = "move the file away and run the command again";
                    return Err(Error::new(Stage::DataSet, "lines that fit the first", got, next));
                }
                found.entries.insert(entry.clip().to_owned(), entry);
            }
        }
    }
    Ok(found.map(|found| JournalContents { whole, ..found }))
}

fn parsed<T: DeserializeOwned>(path: &Path, number: usize, line: &[u8]) -> Result<T> {
    serde_json::from_slice(line).map_err(|e| {
        let got = format!("line {number} of {}: {e}", path.display());
        Error::new(Stage::DataSet, "a record in every line", got, "move the file away and run the command again")
    })
}

fn another<H: JournalHeader>(path: &Path, here: &H, there: &H) -> Error {
    let what = if there.schema() != here.schema() { "another version of figureground" } else { here.difference(there) };
    let got = format!("{}, which has those of {what}", path.display());
    Error::new(Stage::DataSet, "a file of this run", got, "pass another --out")
}

fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    let got = format!("{}: {error}", path.display());
    Error::new(Stage::Sink, "a file that can be written", got, "check its permissions and the room on its disk")
}

#[cfg(test)]
mod tests {
    use super::super::record::SCHEMA;
    use super::super::{ClipOutcome, Record, RunInfo};
    use super::*;

    fn info(clips: usize) -> RunInfo {
        let (classes, bundle, set) = (vec!["wave".to_owned()], "sum".to_owned(), "set".to_owned());
        RunInfo { schema: SCHEMA, classes, bundle, clips, set, masks: false, twins: None }
    }

    fn record(clip: &str) -> Record {
        Record {
            clip: clip.into(),
            truth: "wave".into(),
            strata: BTreeMap::new(),
            pointing: None,
            outcome: ClipOutcome::Missing,
        }
    }

    #[test]
    fn a_cut_line_is_dropped_and_whole_ones_are_kept() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("records.jsonl");
        let info = info(3);
        let (mut file, there) = Journal::<Record>::open(&path, &info).unwrap();
        assert!(there.is_empty());
        file.add(&record("a")).unwrap();
        file.add(&record("b")).unwrap();
        let error = Journal::<Record>::open(&path, &info).unwrap_err().to_string();
        assert!(error.contains("another run"), "{error}");
        drop(file);
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let (mut file, there) = Journal::<Record>::open(&path, &info).unwrap();
            let lines = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(there.len(), lines.saturating_sub(1));
            for clip in ["a", "b"].iter().filter(|clip| !there.contains_key(**clip)) {
                file.add(&record(clip)).unwrap();
            }
            assert_eq!(std::fs::read(&path).unwrap(), whole);
        }
    }

    #[test]
    fn records_of_another_bundle_or_set_do_not_mix() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("records.jsonl");
        let info = info(3);
        Journal::<Record>::open(&path, &info).unwrap();
        let refused = |info: RunInfo, word: &str| {
            let error = Journal::<Record>::open(&path, &info).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        };
        refused(RunInfo { bundle: "other".into(), ..info.clone() }, "another bundle");
        refused(RunInfo { set: "other".into(), ..info.clone() }, "another set");
        std::fs::write(&path, "no record\n").unwrap();
        refused(info, "line 1");
    }
}
