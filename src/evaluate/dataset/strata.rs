//! Strata: attributes of clips besides their labels.

use super::{LabelledClip, entries, name, read_text, stem};
use crate::error::{Error, Result, Stage};
use std::collections::HashMap;
use std::path::Path;

/// Adds the strata in the tables under `root`, `*_strata.csv` and `*_objectsceneannot.txt`. Their first column,
/// `video`, names clips by id or file stem; every other column is a stratum.
pub(super) fn add(root: &Path, clips: &mut [LabelledClip]) -> Result<()> {
    for path in entries(root)? {
        match name(&path) {
            name if name.ends_with("_strata.csv") => add_table(&path, b',', clips)?,
            name if name.ends_with("_objectsceneannot.txt") => add_table(&path, b'\t', clips)?,
            _ => {}
        }
    }
    Ok(())
}

fn add_table(path: &Path, delimiter: u8, clips: &mut [LabelledClip]) -> Result<()> {
    let wrong = |e: csv::Error| {
        let expected = "a table of strata whose first column is video";
        Error::caused(Stage::DataSet, expected, e, "correct it, or move it away").at(path.display())
    };
    let text = read_text(path)?;
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(text.as_bytes());
    let columns: Vec<String> = reader.headers().map_err(wrong)?.iter().map(str::to_owned).collect();
    let mut indices: HashMap<String, Option<usize>> = HashMap::new();
    for (index, clip) in clips.iter().enumerate() {
        let stem = clip.path.as_deref().map(|path| if path.is_dir() { name(path) } else { stem(path) });
        for key in [Some(clip.id.clone()), stem.filter(|stem| *stem != clip.id)].into_iter().flatten() {
            // A name of two files is ambiguous: it names neither.
            indices.entry(key).and_modify(|unique| *unique = None).or_insert(Some(index));
        }
    }
    for row in reader.records() {
        let row = row.map_err(wrong)?;
        let Some(index) = row.get(0).and_then(|video| indices.get(video).copied().flatten()) else { continue };
        let strata = columns.iter().zip(&row).skip(1).filter(|(column, _)| column.as_str() != "label");
        clips[index].strata.extend(strata.map(|(column, value)| (column.clone(), value.to_owned())));
    }
    Ok(())
}
