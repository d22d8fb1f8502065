//! Append-only files of one line per clip, from which an interrupted run resumes.

use crate::error::{Error, Result, Setting, Stage};
use crate::file::after_failed_write;
use core::marker::PhantomData;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The longest line in bytes: more than the logits of a million classes.
const MAX_LINE_BYTES: u64 = 64 << 20;

/// First line of a journal: what all its entries have in common.
pub trait JournalHeader: Serialize + DeserializeOwned + PartialEq {
    /// Returns the version of the format.
    fn schema(&self) -> u32;

    /// Describes how `other`, of a saved file, differs from this header: "another bundle, a1b2… and not c3d4…".
    fn difference(&self, other: &Self) -> String;
}

/// A line of a journal.
pub trait JournalEntry: Serialize + DeserializeOwned {
    /// The journal's first line.
    type Header: JournalHeader;
    /// Version of the format that this program writes.
    const SCHEMA: u32;

    /// Returns the id of the entry's clip.
    fn clip(&self) -> &str;

    /// Returns whether the entry is valid under `header`.
    fn fits(&self, header: &Self::Header) -> bool;
}

/// A journal that is open for appending, locked against other runs.
#[derive(Debug)]
pub struct Journal<E> {
    path: PathBuf,
    file: File,
    entries: PhantomData<E>,
}

/// Contents of a journal.
#[derive(Debug)]
pub struct JournalContents<E: JournalEntry> {
    /// First line.
    pub header: E::Header,
    /// Entries by clip; of several for one clip, the last.
    pub entries: BTreeMap<String, E>,
    /// Bytes of complete lines; an interrupted run may have left a part of a line after them.
    complete: u64,
}

impl<E: JournalEntry> Journal<E> {
    /// Opens or creates the journal at `path`, and returns its entries. An incomplete last line is removed.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written, is open in another run, or has another header.
    pub fn open(path: &Path, header: &E::Header) -> Result<(Self, BTreeMap<String, E>)> {
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path);
        let mut file = file.map_err(|e| unwritable(path, e))?;
        if let Err(std::fs::TryLockError::WouldBlock) = file.try_lock() {
            let got = format!("{}, which another run is writing", path.display());
            let error = Error::new(Stage::Sink, "a file of this run alone", got, "wait, or choose another directory");
            return Err(error.about(Setting::Out));
        }
        let next = "move the file away and run the command again";
        let Lines { contents, rest } = read::<E>(path, &file, next)?;
        let (complete, entries) = match contents {
            Some(contents) if contents.header == *header => (contents.complete, contents.entries),
            Some(contents) => return Err(of_another_run(path, header, &contents.header)),
            None => (0, BTreeMap::new()),
        };
        // An interrupted run leaves a part of a line, and a power failure zeros; anything else is of somebody else.
        let is_part = match complete {
            0 => json(header)?.starts_with(&rest),
            _ => rest.starts_with(b"{") || rest.iter().all(|&byte| byte == 0),
        };
        if !is_part {
            let got = format!("{}, which holds something else", path.display());
            let next = "choose another file or directory; this one is unchanged";
            return Err(Error::new(Stage::Sink, "a file of records, an empty file or none", got, next));
        }
        file.set_len(complete).and_then(|()| file.seek(SeekFrom::End(0))).map_err(|e| unwritable(path, e))?;
        let mut journal = Self { path: path.to_owned(), file, entries: PhantomData };
        if complete == 0 {
            journal.append(header)?;
        }
        Ok((journal, entries))
    }

    /// Appends an entry, complete or not at all.
    ///
    /// # Errors
    /// Returns an error if it cannot be written.
    pub fn add(&mut self, entry: &E) -> Result<()> {
        self.append(entry)
    }

    fn append(&mut self, value: &impl Serialize) -> Result<()> {
        let mut line = json(value)?;
        line.push(b'\n');
        let begin = self.file.stream_position().map_err(|e| unwritable(&self.path, e))?;
        self.file.write_all(&line).map_err(|e| {
            // An incomplete line would join the next one.
            let _ = self.file.set_len(begin).and_then(|()| self.file.seek(SeekFrom::End(0)));
            unwritable(&self.path, e)
        })
    }
}

/// Reads the journal at `path`.
///
/// # Errors
/// Returns an error if the file cannot be read, or is not a journal of such entries in today's format.
pub fn read_journal<E: JournalEntry>(path: &Path) -> Result<JournalContents<E>> {
    let file = File::open(path).map_err(|e| unreadable(path, e))?;
    let next = "run validate again, into another directory";
    let contents = read::<E>(path, &file, next)?.contents.ok_or_else(|| {
        let got = format!("{}, which is empty", path.display());
        Error::new(Stage::DataSet, "a file of records", got, "make one with `figureground validate`")
    })?;
    Ok(contents)
}

/// What a file holds.
struct Lines<E: JournalEntry> {
    /// Its complete lines; `None` if there are none.
    contents: Option<JournalContents<E>>,
    /// What follows them.
    rest: Vec<u8>,
}

/// Reads `file`; `next` is what to do about a line that is not valid.
fn read<E: JournalEntry>(path: &Path, file: &File, next: &str) -> Result<Lines<E>> {
    let mut reader = BufReader::new(file);
    let (mut line, mut complete, mut number) = (Vec::new(), 0, 0);
    let mut contents: Option<JournalContents<E>> = None;
    loop {
        line.clear();
        let length =
            (&mut reader).take(MAX_LINE_BYTES).read_until(b'\n', &mut line).map_err(|e| unreadable(path, e))?;
        if length as u64 == MAX_LINE_BYTES {
            let got = format!("line {} of {}, which is longer", number + 1, path.display());
            return Err(Error::new(Stage::DataSet, format_args!("lines of up to {MAX_LINE_BYTES} bytes"), got, next));
        }
        if line.last() != Some(&b'\n') {
            break;
        }
        (complete, number) = (complete + length as u64, number + 1);
        match &mut contents {
            None => {
                check_schema(path, &line, E::SCHEMA)?;
                let header = parse(path, number, &line, next)?;
                contents = Some(JournalContents { header, entries: BTreeMap::new(), complete });
            }
            Some(contents) => {
                let entry: E = parse(path, number, &line, next)?;
                if !entry.fits(&contents.header) {
                    let got = format!("line {number} of {}", path.display());
                    return Err(Error::new(Stage::DataSet, "lines that fit the first", got, next));
                }
                contents.entries.insert(entry.clip().to_owned(), entry);
            }
        }
    }
    Ok(Lines { contents: contents.map(|contents| JournalContents { complete, ..contents }), rest: line })
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|e| Error::caused(Stage::Sink, "a line of JSON", e, "report this"))
}

/// Checks the version of a journal's first line before its keys, which may be those of another version.
fn check_schema(path: &Path, line: &[u8], expected: u32) -> Result<()> {
    #[derive(Deserialize)]
    struct Version {
        schema: u32,
    }
    let Ok(Version { schema }) = serde_json::from_slice(line) else { return Ok(()) };
    let next = match schema {
        schema if schema == expected => return Ok(()),
        1 => "run `figureground migrate` on the file",
        _ => "use the version of figureground that wrote it",
    };
    let got = format!("schema {schema} in {}", path.display());
    Err(Error::new(Stage::DataSet, format_args!("lines of schema {expected}"), got, next))
}

fn parse<T: DeserializeOwned>(path: &Path, number: usize, line: &[u8], next: &str) -> Result<T> {
    serde_json::from_slice(line).map_err(|e| {
        Error::caused(Stage::DataSet, "a record in every line", e, next)
            .at(format_args!("line {number} of {}", path.display()))
    })
}

fn of_another_run<H: JournalHeader>(path: &Path, header: &H, other: &H) -> Error {
    let is_other_schema = other.schema() != header.schema();
    let difference = match is_other_schema {
        true => format!("schema {} and not {}", other.schema(), header.schema()),
        false => header.difference(other),
    };
    let got = format!("{}, which is of {difference}", path.display());
    let next = "choose another directory, or give the settings of that run";
    Error::new(Stage::DataSet, "a file of this run", got, next).about(Setting::Out)
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::caused(Stage::DataSet, "a file of records", error, "check the path").at(path.display())
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    let next = after_failed_write(path, &error);
    Error::caused(Stage::Sink, "a file that can be written", error, next).at(path.display())
}
