//! A folder per class, and the tree of HAT.

use super::{LabelledClip, entries, is_video, name, refused, stem};
use crate::error::{Result, Setting};
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

/// Finds the clips of HAT, folders of pictures in the folder `ori`.
pub(super) fn hat(root: &Path) -> Result<Vec<LabelledClip>> {
    let frames = root.join("ori");
    if !frames.is_dir() {
        let next = "choose the folder that holds ori, seg and inp";
        let error = refused("HAT's folder ori", format_args!("none in {}", root.display()), next);
        return Err(error.about(Setting::Data));
    }
    read(&frames)
}
