//! The append-only file of records: what a run has done survives its end, whenever that comes.

use super::record::{Record, RunInfo, SCHEMA};
use crate::error::{Error, Result, Stage};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A record file that records are added to.
#[derive(Debug)]
pub struct RecordFile {
    path: PathBuf,
    file: File,
}

/// What a record file holds.
#[derive(Debug)]
pub struct Found {
    /// Its first line.
    pub info: RunInfo,
    /// Its records by clip.
    pub records: BTreeMap<String, Record>,
    /// Bytes of its whole lines: what lies behind was cut off by the end of a run.
    whole: u64,
}

impl RecordFile {
    /// Opens the file at `path` to go on with it, or makes it with `info` as its first line. Returns the records that are
    /// there. A last line that was cut off is dropped.
    ///
    /// # Errors
    /// When it cannot be written, or its records are of another bundle or set.
    pub fn open(path: &Path, info: &RunInfo) -> Result<(Self, BTreeMap<String, Record>)> {
        let options = || OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path);
        let mut file = options().map_err(|e| unwritable(path, &e))?;
        if let Err(std::fs::TryLockError::WouldBlock) = file.try_lock() {
            let got = format!("{}, which another run is writing", path.display());
            return Err(Error::new(Stage::Sink, "a record file of this run alone", got, "wait, or pass another --out"));
        }
        let found = found(path, &file)?;
        let (whole, records) = match found {
            Some(found) if found.info == *info => (found.whole, found.records),
            Some(found) => return Err(another(path, &found.info, info)),
            None => (0, BTreeMap::new()),
        };
        file.set_len(whole).and_then(|()| file.seek(SeekFrom::End(0))).map_err(|e| unwritable(path, &e))?;
        let mut file = Self { path: path.to_owned(), file };
        if whole == 0 {
            file.line(info)?;
        }
        Ok((file, records))
    }

    /// Adds a record, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, record: &Record) -> Result<()> {
        self.line(record)
    }

    fn line(&mut self, value: &impl serde::Serialize) -> Result<()> {
        let mut line =
            serde_json::to_vec(value).map_err(|e| Error::new(Stage::Sink, "a record as JSON", e, "report this"))?;
        line.push(b'\n');
        let begin = self.file.stream_position().map_err(|e| unwritable(&self.path, &e))?;
        self.file.write_all(&line).map_err(|e| {
            // What was written of it would join the next line.
            let _ = self.file.set_len(begin).and_then(|()| self.file.seek(SeekFrom::End(0)));
            unwritable(&self.path, &e)
        })
    }
}

/// The records in the file at `path`.
///
/// # Errors
/// When it is no record file.
pub fn read_records(path: &Path) -> Result<Found> {
    let unreadable =
        |e| Error::new(Stage::DataSet, "a record file", format_args!("{}: {e}", path.display()), "check the path");
    let file = File::open(path).map_err(unreadable)?;
    let found = found(path, &file)?.ok_or_else(|| {
        let got = format!("{}, which is empty", path.display());
        Error::new(Stage::DataSet, "a record file", got, "make one with `figureground validate`")
    })?;
    if found.info.schema != SCHEMA {
        let got = format!("schema {} in {}", found.info.schema, path.display());
        let next = "use the version of figureground that wrote it";
        return Err(Error::new(Stage::DataSet, format_args!("records of schema {SCHEMA}"), got, next));
    }
    Ok(found)
}

fn found(path: &Path, file: &File) -> Result<Option<Found>> {
    let mut reader = BufReader::new(file);
    let (mut line, mut whole, mut number) = (Vec::new(), 0, 0);
    let mut found: Option<Found> = None;
    loop {
        line.clear();
        let length = reader.read_until(b'\n', &mut line).map_err(|e| unwritable(path, &e))?;
        if line.last() != Some(&b'\n') {
            break;
        }
        (whole, number) = (whole + length as u64, number + 1);
        match &mut found {
            None => found = Some(Found { info: parsed(path, number, &line)?, records: BTreeMap::new(), whole }),
            Some(found) => {
                let record: Record = parsed(path, number, &line)?;
                if !record.outcome.is_of(found.info.classes.len()) {
                    let got = format!("line {number} of {}", path.display());
                    let next = "move the file away and run validate again";
                    return Err(Error::new(Stage::DataSet, "a record with numbers for every class", got, next));
                }
                found.records.insert(record.clip.clone(), record);
            }
        }
    }
    Ok(found.map(|found| Found { whole, ..found }))
}

fn parsed<T: DeserializeOwned>(path: &Path, number: usize, line: &[u8]) -> Result<T> {
    serde_json::from_slice(line).map_err(|e| {
        let got = format!("line {number} of {}: {e}", path.display());
        Error::new(Stage::DataSet, "a record in every line", got, "move the file away and run validate again")
    })
}

fn another(path: &Path, there: &RunInfo, here: &RunInfo) -> Error {
    let what = if there.schema != here.schema {
        "another version of figureground"
    } else if there.bundle != here.bundle || there.classes != here.classes {
        "another bundle"
    } else {
        "another set of clips, or of other labels"
    };
    let got = format!("{}, which has those of {what}", path.display());
    Error::new(Stage::DataSet, "a file of records of this run", got, "pass another --out")
}

fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    let got = format!("{}: {error}", path.display());
    Error::new(Stage::Sink, "a record file that can be written", got, "check its permissions and the room on its disk")
}

#[cfg(test)]
mod tests {
    use super::super::Outcome;
    use super::*;

    fn info(clips: usize) -> RunInfo {
        let (classes, bundle, set) = (vec!["wave".to_owned()], "sum".to_owned(), "set".to_owned());
        RunInfo { schema: SCHEMA, classes, bundle, clips, set }
    }

    fn record(clip: &str) -> Record {
        Record { clip: clip.into(), truth: "wave".into(), strata: BTreeMap::new(), outcome: Outcome::Missing }
    }

    #[test]
    fn a_cut_line_is_dropped_and_whole_ones_are_kept() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("records.jsonl");
        let info = info(3);
        let (mut file, there) = RecordFile::open(&path, &info).unwrap();
        assert!(there.is_empty());
        file.add(&record("a")).unwrap();
        file.add(&record("b")).unwrap();
        let error = RecordFile::open(&path, &info).unwrap_err().to_string();
        assert!(error.contains("another run"), "{error}");
        drop(file);
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let (mut file, there) = RecordFile::open(&path, &info).unwrap();
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
        RecordFile::open(&path, &info).unwrap();
        let refused = |info: RunInfo, word: &str| {
            let error = RecordFile::open(&path, &info).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        };
        refused(RunInfo { bundle: "other".into(), ..info.clone() }, "another bundle");
        refused(RunInfo { set: "other".into(), ..info.clone() }, "another set");
        std::fs::write(&path, "no record\n").unwrap();
        refused(info, "line 1");
    }
}
