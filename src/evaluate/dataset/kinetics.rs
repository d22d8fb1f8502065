//! Mimetics and Kinetics: a CSV, and clips that are named by id and seconds.

use super::files::Files;
use super::notes::Notes;
use super::unique::UniqueClips;
use super::{LabelledClip, list, read_text};
use crate::error::{Error, Result, Setting, Stage};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A row of the list; other columns are ignored.
#[derive(Debug, Deserialize)]
struct Row {
    label: String,
    youtube_id: String,
    time_start: f64,
    time_end: f64,
    #[serde(default)]
    split: String,
}

pub(super) fn read(root: &Path, annotations: Option<&Path>, notes: &mut Notes) -> Result<Vec<LabelledClip>> {
    let path = list(root, annotations, "csv")?;
    let text = read_text(&path)?;
    let expected = "a CSV of label,youtube_id,time_start,time_end,split";
    let next = "check the list and the data set's format";
    let wrong = |e: csv::Error| {
        Error::caused(Stage::DataSet, expected, e, next)
            .at(path.display())
            .about(Setting::Annotations)
            .about(Setting::Format)
    };
    let (mut clips, mut files) = (UniqueClips::new(&path), Files::default());
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let headers = reader.headers().map_err(wrong)?.clone();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(wrong)? {
        let line = record.position().map_or(0, csv::Position::line);
        let row: Row = record.deserialize(Some(&headers)).map_err(wrong)?;
        let is_range = row.time_start >= 0.0 && row.time_end > row.time_start && row.time_end < 1e9;
        if !is_range {
            let got = format!("{} to {} in line {line} of {}", row.time_start, row.time_end, path.display());
            let error = Error::new(Stage::DataSet, "seconds of a clip, of which the end is later", got, next);
            return Err(error.about(Setting::Annotations));
        }
        clips.add(line, clip(root, row, &mut files, notes), notes)?;
    }
    Ok(clips.into_clips())
}

fn clip(root: &Path, row: Row, files: &mut Files, notes: &mut Notes) -> LabelledClip {
    let id = format!("{}_{}_{}", row.youtube_id, padded(row.time_start), padded(row.time_end));
    let strata = BTreeMap::from([("split".to_owned(), row.split.clone())]);
    let (path, is_whole) = match find(root, &row, &id, files, notes) {
        Some((path, is_whole)) => (Some(path), is_whole),
        None => (None, false),
    };
    let time_us = is_whole.then(|| [row.time_start, row.time_end].map(|seconds| (seconds * 1e6).round() as u64));
    LabelledClip { strata, time_us, ..LabelledClip::new(id, row.label, path) }
}

/// Returns seconds as they are in names: with six digits, and with milliseconds where they are not whole.
fn padded(seconds: f64) -> String {
    if seconds.fract() == 0.0 { format!("{seconds:06.0}") } else { format!("{seconds:010.3}") }
}

/// Finds the file of a clip under the names that downloaders give it: with padded, plain or no seconds, and with or
/// without a folder of its split and its label. Also returns whether it has the whole video's name.
fn find(root: &Path, row: &Row, id: &str, files: &mut Files, notes: &mut Notes) -> Option<(PathBuf, bool)> {
    let Row { label, youtube_id, time_start, time_end, split } = row;
    let whole_seconds = format!("{youtube_id}_{:06}_{:06}", *time_start as u64, *time_end as u64);
    let names = [id.to_owned(), whole_seconds, format!("{youtube_id}_{time_start}_{time_end}"), youtube_id.clone()];
    let mut roots = vec![root.to_owned()];
    if !split.is_empty() && !split.contains(['/', '\\', '.']) {
        roots.push(root.join(split));
    }
    let folders: Vec<PathBuf> =
        roots.iter().flat_map(|root| files.class_folders(root, label).into_iter().chain([root.clone()])).collect();
    let (whole, cut) = names.split_last()?;
    let mut first = |names: &[String], is_whole: bool| {
        let places = names.iter().flat_map(|name| folders.iter().map(move |folder| (folder, name)));
        let found = places.into_iter().find_map(|(folder, name)| files.clip(folder, name, notes));
        found.map(|path| (path, is_whole))
    };
    first(cut, false).or_else(|| first(core::slice::from_ref(whole), true))
}
