//! Lists of mmaction2 and of Something-Something v2.

use super::{LabelledClip, is_video, list, read_text, refused};
use crate::error::Result;
use serde::Deserialize;
use std::path::Path;

/// The fewest frames of a clip of Something-Something v2 that the papers count.
const LEAST_FRAMES: u64 = 16;

/// `path label`, `folder frames label` or `folder offset frames label`; paths may hold spaces, so that lines are read from
/// the right. A label that is a number is left as it is: the label bank then has to have numbers as names, or a file
/// `classes.txt` beside the list has them by line.
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
        let (place, label) = line.trim().rsplit_once(char::is_whitespace).ok_or_else(|| {
            let got = format!("{line:?} in line {} of {}", number + 1, path.display());
            refused("a path and a label", got, "correct the list")
        })?;
        let label = label.parse().ok().and_then(|index: usize| names.get(index)).map_or(label, String::as_str);
        let (place, span) = without_counts(root, place.trim());
        // Several clips may lie in one folder.
        let id = span.map_or(place.to_owned(), |[offset, count]| format!("{place}#{offset}+{count}"));
        Ok(LabelledClip { span, ..clip(root, &id, place, label, 1) })
    };
    lines.map(clip).collect()
}

/// The path in front of a raw-frame list's counts, where there are such, and offset and count if there are two.
fn without_counts<'a>(root: &Path, place: &'a str) -> (&'a str, Option<[u64; 2]>) {
    let (mut rest, mut counts) = (place, Vec::new());
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

/// An entry of Something-Something v2's lists.
#[derive(Debug, Deserialize)]
struct Entry {
    id: String,
    template: String,
}

/// Labels are templates without their brackets, as the label files have them: "Lifting something up".
pub(super) fn ssv2(root: &Path, annotations: Option<&Path>) -> Result<Vec<LabelledClip>> {
    let path = list(root, annotations, "json")?;
    let entries: Vec<Entry> = serde_json::from_str(&read_text(&path)?).map_err(|e| {
        let got = format!("{}: {e}", path.display());
        refused("a JSON list of id and template", got, "check --annotations and --format")
    })?;
    let clip = |entry: Entry| {
        let label = entry.template.replace(['[', ']'], "");
        let file = ["webm", "mp4", "mkv"].map(|extension| format!("{}.{extension}", entry.id));
        let file = file.iter().find(|file| root.join(file).is_file()).map_or(entry.id.as_str(), String::as_str);
        clip(root, &entry.id, file, &label, LEAST_FRAMES)
    };
    Ok(entries.into_iter().map(clip).collect())
}

fn clip(root: &Path, id: &str, place: &str, label: &str, least_frames: u64) -> LabelledClip {
    let path = Some(root.join(place)).filter(|path| path.exists());
    LabelledClip { least_frames, ..LabelledClip::new(id.to_owned(), label.to_owned(), path) }
}
