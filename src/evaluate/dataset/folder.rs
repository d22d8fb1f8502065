//! A folder per class.

use super::{LabelledClip, entries, is_video, name, stem};
use crate::error::Result;
use std::path::Path;

pub(super) fn read(root: &Path) -> Result<Vec<LabelledClip>> {
    let mut clips = Vec::new();
    for folder in entries(root)?.into_iter().filter(|path| path.is_dir()) {
        let label = name(&folder);
        // A folder in a class is a clip whose frames are pictures.
        for path in entries(&folder)?.into_iter().filter(|path| path.is_dir() || is_video(path)) {
            let id = format!("{label}/{}", if path.is_dir() { name(&path) } else { stem(&path) });
            clips.push(LabelledClip::new(id, label.clone(), Some(path)));
        }
    }
    Ok(clips)
}
