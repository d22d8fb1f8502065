//! What a set says of its clips besides their labels.

use super::{LabelledClip, entries, name, refused, stem};
use crate::error::Result;
use std::collections::HashMap;
use std::path::Path;

/// Adds to `clips` what the side files under `root` say of them: `*_strata.csv` and `*_objectsceneannot.txt`, whose first
/// column `video` names clips by their ids or the stems of their files, and whose others are strata.
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
        let got = format!("{}: {e}", path.display());
        refused("a table of strata whose first column is video", got, "correct it, or move it away")
    };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_path(path).map_err(wrong)?;
    let columns: Vec<String> = reader.headers().map_err(wrong)?.iter().map(str::to_owned).collect();
    let mut places: HashMap<String, Option<usize>> = HashMap::new();
    for (place, clip) in clips.iter().enumerate() {
        let stem = clip.path.as_deref().map(|path| if path.is_dir() { name(path) } else { stem(path) });
        for key in [Some(clip.id.clone()), stem.filter(|stem| *stem != clip.id)].into_iter().flatten() {
            // Of two clips whose files have one name, neither is meant.
            places.entry(key).and_modify(|one| *one = None).or_insert(Some(place));
        }
    }
    for row in reader.records() {
        let row = row.map_err(wrong)?;
        let Some(place) = row.get(0).and_then(|video| places.get(video).copied().flatten()) else { continue };
        let told = columns.iter().zip(&row).skip(1).filter(|(column, _)| column.as_str() != "label");
        clips[place].strata.extend(told.map(|(column, value)| (column.clone(), value.to_owned())));
    }
    Ok(())
}
