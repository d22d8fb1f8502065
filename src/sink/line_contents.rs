//! Whether a file holds verdict lines, and where its whole lines end.

use super::json_lines::SCHEMA;
use serde::Deserialize;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};

/// The longest line in bytes; a verdict line has a few thousand.
const MAX_LINE_BYTES: u64 = 1 << 20;
/// Beginning of every verdict line.
const BEGINNING: &[u8] = b"{\"schema\":2,\"kind\":\"";
const _: () = assert!(SCHEMA == 2, "the beginning of verdict lines names their schema");

/// End of the whole lines of a file of verdict lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WholeLines {
    /// Bytes of all whole lines; what follows is a part of a line.
    pub(super) length: u64,
    /// Whether the last whole line lacks its line break.
    pub(super) lacks_break: bool,
}

/// Why a file is not one of verdict lines of today's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ForeignContents {
    /// Its lines have another schema.
    Schema(u32),
    /// It holds something else.
    Other,
}

#[derive(Deserialize)]
struct Head {
    schema: u32,
    kind: Option<String>,
}

/// Returns where the whole lines of `file` end, or why it is not a file of verdict lines. Reads its first line and its
/// last two.
///
/// # Errors
/// Returns an error if the file cannot be read.
pub(super) fn whole_lines(file: &mut File) -> std::io::Result<Result<WholeLines, ForeignContents>> {
    let length = file.metadata()?.len();
    let begin = length.saturating_sub(2 * MAX_LINE_BYTES);
    let end = read_at(file, begin, 2 * MAX_LINE_BYTES)?;
    let whole = end_of_last_line(&end);
    let (lines, tail) = end.split_at(whole);
    if begin > 0 && tail.len() as u64 > MAX_LINE_BYTES {
        return Ok(Err(ForeignContents::Other));
    }
    let last = &lines[end_of_last_line(&lines[..whole.saturating_sub(1)])..];
    let first = if whole > 0 { first_line(file)? } else { Vec::new() };
    for line in [first.as_slice(), last] {
        if let Err(foreign) = check_line(line) {
            return Ok(Err(foreign));
        }
    }
    let length = begin + whole as u64;
    Ok(match part_of_line(tail, whole > 0) {
        Some(lacks_break) if lacks_break => Ok(WholeLines { length: length + tail.len() as u64, lacks_break }),
        Some(lacks_break) => Ok(WholeLines { length, lacks_break }),
        None => Err(ForeignContents::Other),
    })
}

/// Returns whether the first line of `file` is a verdict line of any schema, or the file is empty.
///
/// # Errors
/// Returns an error if the file cannot be read.
pub(super) fn is_of_any_schema(file: &mut File) -> std::io::Result<bool> {
    let line = first_line(file)?;
    Ok(line.is_empty() || serde_json::from_slice::<Head>(&line).is_ok())
}

/// Removes a part of a line from the end of `file`, which may be truncated by another program at the same time.
///
/// # Errors
/// Returns an error if the file cannot be read or cut.
pub(super) fn remove_part(file: &mut File) -> std::io::Result<()> {
    // A file that another program has just emptied would be extended with zeros; these are no line.
    for _ in 0..3 {
        let length = file.metadata()?.len();
        let begin = length.saturating_sub(2 * MAX_LINE_BYTES);
        let end = begin + end_of_last_line(&read_at(file, begin, 2 * MAX_LINE_BYTES)?) as u64;
        if end == length {
            return Ok(());
        }
        file.set_len(end)?;
    }
    Err(ErrorKind::Interrupted.into())
}

/// Checks that `line` is empty or a verdict line.
fn check_line(line: &[u8]) -> Result<(), ForeignContents> {
    match serde_json::from_slice::<Head>(line) {
        _ if line.is_empty() => Ok(()),
        Ok(Head { schema: SCHEMA, kind: Some(_) }) => Ok(()),
        Ok(Head { schema, .. }) if schema != SCHEMA => Err(ForeignContents::Schema(schema)),
        _ => Err(ForeignContents::Other),
    }
}

/// Returns whether `tail`, which has no line break, is a whole verdict line; `None` if it is not even a part of one.
/// Zeros at its end are left by a power failure.
fn part_of_line(tail: &[u8], follows_lines: bool) -> Option<bool> {
    let text = &tail[..tail.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1)];
    if !text.is_empty() && text.len() == tail.len() && check_line(text).is_ok() {
        return Some(true);
    }
    let is_document = serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok();
    let is_part = text.starts_with(BEGINNING) || (follows_lines && BEGINNING.starts_with(text));
    (tail.is_empty() || (is_part && !is_document)).then_some(false)
}

/// Returns the first line of `file` with its line break, or its beginning if that is longer than any line.
fn first_line(file: &mut File) -> std::io::Result<Vec<u8>> {
    let mut line = read_at(file, 0, MAX_LINE_BYTES)?;
    if let Some(end) = line.iter().position(|&byte| byte == b'\n') {
        line.truncate(end + 1);
    }
    Ok(line)
}

/// Returns the number of bytes up to the last line break, with it.
fn end_of_last_line(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1)
}

fn read_at(file: &mut File, begin: u64, most: u64) -> std::io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(begin))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const LINE: &str = "{\"schema\":2,\"kind\":\"verdict\",\"label\":\"waving\"}\n";

    fn of(contents: &[u8]) -> Result<(u64, bool), ForeignContents> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(contents).unwrap();
        whole_lines(&mut file).unwrap().map(|lines| (lines.length, lines.lacks_break))
    }

    #[test]
    fn an_incomplete_last_line_ends_before_its_beginning_wherever_it_was_cut() {
        let length = LINE.len() as u64;
        for cut in 0..LINE.len() - 1 {
            let part = &LINE.as_bytes()[..cut];
            assert_eq!(of(&[LINE.as_bytes(), part].concat()), Ok((length, false)), "{cut}");
            assert_eq!(of(&[LINE.as_bytes(), part, &[0; 9]].concat()), Ok((length, false)), "{cut}");
            let alone = if cut == 0 || cut >= BEGINNING.len() { Ok((0, false)) } else { Err(ForeignContents::Other) };
            assert_eq!(of(part), alone, "{cut}");
        }
        // A line that only lacks its line break is whole.
        let whole = LINE.trim_end();
        assert_eq!(of(whole.as_bytes()), Ok((length - 1, true)));
        assert_eq!(of(format!("{LINE}{whole}").as_bytes()), Ok((2 * length - 1, true)));
    }

    #[test]
    fn other_files_are_recognised_by_their_first_and_last_lines() {
        let other = Err(ForeignContents::Other);
        for contents in [
            "{\"name\":\"a document\"}",
            "{\n  \"name\": \"a document\"\n}",
            "{\"schema\":2,\"kind\":7}",
            "a text\n",
            "a text without a line break",
            "\n",
            "{",
            "\0\0\0\0",
        ] {
            assert_eq!(of(contents.as_bytes()), other, "{contents}");
            assert_eq!(of(format!("{contents}\n{LINE}").as_bytes()), other, "{contents} before");
            if !["{", "\0\0\0\0"].contains(&contents) {
                assert_eq!(of(format!("{LINE}{contents}").as_bytes()), other, "{contents} behind");
            }
        }
        assert_eq!(of(b"{\"schema\":1,\"label\":\"waving\"}\n"), Err(ForeignContents::Schema(1)));
        assert_eq!(of(&vec![b'x'; 5 << 20]), other);
        assert_eq!(of(&[LINE.as_bytes(), &vec![b'x'; 5 << 20]].concat()), other);
    }

    #[test]
    fn a_part_is_removed_from_what_the_file_is_now() {
        let mut file = tempfile::tempfile().unwrap();
        for (contents, length) in [("a\nb\nhal", 4), ("half", 0), ("a\n", 2), ("", 0), ("a\n\0\0\0", 2)] {
            file.set_len(0).unwrap();
            file.rewind().unwrap();
            file.write_all(contents.as_bytes()).unwrap();
            remove_part(&mut file).unwrap();
            assert_eq!(file.metadata().unwrap().len(), length, "{contents}");
        }
    }
}
