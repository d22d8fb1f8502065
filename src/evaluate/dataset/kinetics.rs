//! Mimetics and Kinetics: a CSV, and clips that are named by id and seconds.

use super::{LabelledClip, list};
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

const EXTENSIONS: [&str; 5] = ["mp4", "webm", "mkv", "avi", "y4m"];

pub(super) fn read(root: &Path, annotations: Option<&Path>) -> Result<Vec<LabelledClip>> {
    let path = list(root, annotations, "csv")?;
    let wrong = |e: csv::Error| {
        let expected = "a CSV of label,youtube_id,time_start,time_end,split";
        Error::caused(Stage::DataSet, expected, e, "check the list and the data set's format")
            .at(path.display())
            .about(Setting::Annotations)
            .about(Setting::Format)
    };
    let mut clips = Vec::new();
    for row in csv::Reader::from_path(&path).map_err(wrong)?.deserialize() {
        clips.push(clip(root, row.map_err(wrong)?));
    }
    Ok(clips)
}

fn clip(root: &Path, row: Row) -> LabelledClip {
    let id = format!("{}_{:06}_{:06}", row.youtube_id, row.time_start as u64, row.time_end as u64);
    let strata = BTreeMap::from([("split".to_owned(), row.split.clone())]);
    let path = find(root, &row, &id);
    LabelledClip { strata, ..LabelledClip::new(id, row.label, path) }
}

/// Finds the file of a clip under the names that downloaders give it: with padded, plain or no seconds, and with or
/// without a folder of its label, spelled with spaces or underscores.
fn find(root: &Path, row: &Row, padded: &str) -> Option<PathBuf> {
    let Row { label, youtube_id, time_start, time_end, .. } = row;
    let names = [padded.to_owned(), format!("{youtube_id}_{time_start}_{time_end}"), youtube_id.clone()];
    let folders = [root.join(label), root.join(label.replace(' ', "_")), root.to_owned()];
    let files = folders.iter().flat_map(|folder| names.iter().map(move |name| folder.join(name)));
    // `with_extension` would cut an id that contains dots.
    let named = |file: &PathBuf, extension: &str| PathBuf::from(format!("{}.{extension}", file.display()));
    files.flat_map(|file| EXTENSIONS.map(|extension| named(&file, extension))).find(|path| path.is_file())
}
