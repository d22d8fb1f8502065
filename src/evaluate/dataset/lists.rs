//! Reads the lists of mmaction2 and of Something-Something v2.

use super::files::Files;
use super::notes::Notes;
use super::unique::UniqueClips;
use super::{LabelledClip, list, read_text, refused};
use crate::error::{Error, Result, Setting, Stage};
use crate::source::is_clip;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Smallest number of frames of a clip of Something-Something v2 in the papers.
const LEAST_FRAMES: u64 = 16;

/// Reads lines of `path label`, `folder frames label` or `folder offset frames label`, from the right, because paths
/// may contain spaces. A numeric label is a line number of the file `classes.txt` beside the list, from 0; without that
/// file it is the label itself. A path may lack its extension.
pub(super) fn mmaction2(root: &Path, annotations: Option<&Path>, notes: &mut Notes) -> Result<Vec<LabelledClip>> {
    let path = list(root, annotations, "txt")?;
    let names = path.with_file_name("classes.txt");
    let names: Vec<String> = match names.is_file() {
        true => read_text(&names)?.lines().map(|line| line.trim().to_owned()).collect(),
        false => Vec::new(),
    };
    let text = read_text(&path)?;
    let (mut clips, mut files) = (UniqueClips::new(&path), Files::default());
    for (number, line) in (1u64..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |expected: &str, next: &str| {
            let got = format!("{:?} in line {number} of {}", line.trim(), path.display());
            refused(expected, got, next).about(Setting::Annotations)
        };
        let (path_and_counts, label) = line
            .trim()
            .rsplit_once(char::is_whitespace)
            .ok_or_else(|| wrong("a path and a label", "correct the list"))?;
        let entry = ListEntry::parse(root, path_and_counts.trim(), &mut files, notes);
        if entry.has_label_among_counts() || is_list_of_numbers(label) {
            let next = "keep one label in each line: a clip with several labels cannot be scored";
            return Err(wrong("a path and one label", next));
        }
        let label = label.parse().ok().and_then(|index: usize| names.get(index)).map_or(label, String::as_str);
        let (name, span) = (entry.name, entry.span());
        // A folder may hold several clips.
        let id = span.map_or(name.to_owned(), |[offset, count]| format!("{name}#{offset}+{count}"));
        clips.add(number, LabelledClip { span, ..LabelledClip::new(id, label.to_owned(), entry.path) }, notes)?;
    }
    Ok(clips.into_clips())
}

/// Returns whether `label` is several numbers with commas between them.
fn is_list_of_numbers(label: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    label.contains(',') && label.split(',').all(is_number)
}

/// The path of a line, and the counts after it.
#[derive(Debug)]
struct ListEntry<'a> {
    name: &'a str,
    path: Option<PathBuf>,
    /// Numbers after the path, from the right.
    counts: Vec<u64>,
}

impl<'a> ListEntry<'a> {
    /// Splits the counts off a path: a name that exists, or that has the extension of a clip, has none.
    fn parse(root: &Path, text: &'a str, files: &mut Files, notes: &mut Notes) -> Self {
        let (mut name, mut counts) = (text, Vec::new());
        loop {
            let path = find(root, name, files, notes);
            if path.is_some() || is_clip(Path::new(name)) {
                return Self { name, path, counts };
            }
            match name.rsplit_once(char::is_whitespace).map(|(rest, count)| (rest, count.parse::<u64>())) {
                Some((rest, Ok(count))) => {
                    counts.push(count);
                    name = rest.trim_end();
                }
                _ => return Self { name, path: None, counts },
            }
        }
    }

    /// Returns whether a count must be a second label: a file has no counts, and a folder an offset and a number.
    fn has_label_among_counts(&self) -> bool {
        let is_file = self.path.as_ref().map_or(is_clip(Path::new(self.name)), |path| path.is_file());
        self.counts.len() > if is_file { 0 } else { 2 }
    }

    /// Returns offset and number of the frames, if the line has both.
    fn span(&self) -> Option<[u64; 2]> {
        match self.counts.as_slice() {
            [count, offset] => Some([*offset, *count]),
            _ => None,
        }
    }
}

/// Returns the file or folder `name` below `root`, or the file of this name with the extension of a clip.
fn find(root: &Path, name: &str, files: &mut Files, notes: &mut Notes) -> Option<PathBuf> {
    let path = root.join(name);
    if path.exists() {
        return Some(path);
    }
    files.clip(path.parent()?, path.file_name()?.to_str()?, notes)
}

/// An entry of a list of Something-Something v2.
#[derive(Debug, Deserialize)]
struct Entry {
    id: String,
    template: String,
}

/// Reads a list of Something-Something v2. Labels are templates without brackets, as in its label files: "Lifting
/// something up".
pub(super) fn ssv2(root: &Path, annotations: Option<&Path>, notes: &mut Notes) -> Result<Vec<LabelledClip>> {
    let path = list(root, annotations, "json")?;
    let entries: Vec<Entry> = serde_json::from_str(&read_text(&path)?).map_err(|e| {
        let next = "check the list and the data set's format";
        Error::caused(Stage::DataSet, "a JSON list of id and template", e, next)
            .at(path.display())
            .about(Setting::Annotations)
            .about(Setting::Format)
    })?;
    let (mut clips, mut files) = (UniqueClips::new(&path), Files::default());
    for (number, entry) in (1..).zip(entries) {
        let label = entry.template.replace(['[', ']'], "");
        let file = find(root, &entry.id, &mut files, notes);
        let clip = LabelledClip { least_frames: LEAST_FRAMES, ..LabelledClip::new(entry.id, label, file) };
        clips.add(number, clip, notes)?;
    }
    Ok(clips.into_clips())
}
