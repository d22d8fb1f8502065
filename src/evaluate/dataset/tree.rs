//! HAT's tree: a folder of pictures per clip.

use super::{LabelledClip, folder, refused};
use crate::error::{Result, Setting};
use std::path::Path;

pub(super) fn read(root: &Path) -> Result<Vec<LabelledClip>> {
    let frames = root.join("ori");
    if !frames.is_dir() {
        let next = "choose the folder that holds ori, seg and inp";
        let error = refused("HAT's folder ori", format_args!("none in {}", root.display()), next);
        return Err(error.about(Setting::Data));
    }
    folder::read(&frames)
}
