//! Reads the lists of mmaction2 and of Something-Something v2.

use super::{LabelledClip, is_video, list, read_text, refused};
use crate::error::{Error, Result, Setting, Stage};
use serde::Deserialize;
use std::path::Path;

/// Smallest number of frames of a clip of Something-Something v2 in the papers.
const LEAST_FRAMES: u64 = 16;

/// Reads lines of `path label`, `folder frames label` or `folder offset frames label`, from the right, because paths
/// may contain spaces. A numeric label is a line number of the file `classes.txt` beside the list, from 0; without that
/// file it is the label itself.
pub(super) fn mmaction2(root: &Path, annotations: Option<&Path>) -> Result<Vec<LabelledClip>> {
    let path = list(root, annotations, "txt")?;
    let names = path.with_file_name("classes.txt");
    let names: Vec<String> = match names.is_file() {
        true => read_text(&names)?.lines().map(|line| line.trim().to_owned()).collect(),
        false => Vec::new(),
    };
    let text = read_text(&path)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let clip = |(number, line): (usize, &str)| {
        let (path_and_counts, label) = line.trim().rsplit_once(char::is_whitespace).ok_or_else(|| {
            let got = format!("{line:?} in line {} of {}", number + 1, path.display());
            refused("a path and a label", got, "correct the list")
        })?;
        let label = label.parse().ok().and_then(|index: usize| names.get(index)).map_or(label, String::as_str);
        let (clip_path, span) = split_counts(root, path_and_counts.trim());
        // A folder may hold several clips.
        let id = span.map_or(clip_path.to_owned(), |[offset, count]| format!("{clip_path}#{offset}+{count}"));
        Ok(LabelledClip { span, ..clip(root, &id, clip_path, label, 1) })
    };
    lines.map(clip).collect()
}

/// Splits the counts off a path: returns the path, and offset and count if there are both.
fn split_counts<'a>(root: &Path, text: &'a str) -> (&'a str, Option<[u64; 2]>) {
    let (mut rest, mut counts) = (text, Vec::new());
    for _ in 0..2 {
        if root.join(rest).exists() || is_video(Path::new(rest)) {
            break;
        }
        match rest.rsplit_once(char::is_whitespace) {
            Some((path, count)) if count.parse::<u64>().is_ok() => {
                counts.extend(count.parse::<u64>());
                rest = path.trim_end();
            }
            _ => break,
        }
    }
    match counts.as_slice() {
        [count, offset] => (rest, Some([*offset, *count])),
        _ => (rest, None),
    }
}

/// An entry of a list of Something-Something v2.
#[derive(Debug, Deserialize)]
struct Entry {
    id: String,
    template: String,
}

/// Reads a list of Something-Something v2. Labels are templates without brackets, as in its label files: "Lifting
/// something up".
pub(super) fn ssv2(root: &Path, annotations: Option<&Path>) -> Result<Vec<LabelledClip>> {
    let path = list(root, annotations, "json")?;
    let entries: Vec<Entry> = serde_json::from_str(&read_text(&path)?).map_err(|e| {
        let next = "check the list and the data set's format";
        Error::caused(Stage::DataSet, "a JSON list of id and template", e, next)
            .at(path.display())
            .about(Setting::Annotations)
            .about(Setting::Format)
    })?;
    let clip = |entry: Entry| {
        let label = entry.template.replace(['[', ']'], "");
        let file = ["webm", "mp4", "mkv"].map(|extension| format!("{}.{extension}", entry.id));
        let file = file.iter().find(|file| root.join(file).is_file()).map_or(entry.id.as_str(), String::as_str);
        clip(root, &entry.id, file, &label, LEAST_FRAMES)
    };
    Ok(entries.into_iter().map(clip).collect())
}

fn clip(root: &Path, id: &str, path: &str, label: &str, least_frames: u64) -> LabelledClip {
    let path = Some(root.join(path)).filter(|path| path.exists());
    LabelledClip { least_frames, ..LabelledClip::new(id.to_owned(), label.to_owned(), path) }
}
