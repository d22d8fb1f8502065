//! HAT's tree: the frames of every clip as pictures.

use super::{LabelledClip, folder, refused};
use crate::error::Result;
use std::path::Path;

pub(super) fn read(root: &Path) -> Result<Vec<LabelledClip>> {
    let frames = root.join("ori");
    if !frames.is_dir() {
        let next = "name the folder that holds ori, seg and inp";
        return Err(refused("HAT's folder ori", format_args!("none in {}", root.display()), next));
    }
    folder::read(&frames)
}
