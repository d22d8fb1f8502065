//! Where masks lie that were made elsewhere.

use super::Clip;
use crate::source::MaskFolders;
use std::path::{Path, PathBuf};

/// The folders of the masks of `clip` under `root`: the first of the layouts that is there, else what would be looked for.
pub(super) fn of(root: &Path, clip: &Clip) -> MaskFolders {
    let name = clip.id.rsplit('/').next().unwrap_or(&clip.id);
    let labels = [clip.label.clone(), clip.label.replace(' ', "_")];
    let places: Vec<PathBuf> =
        labels.iter().map(|label| Path::new(label).join(name)).chain([PathBuf::from(&clip.id)]).collect();
    let there = |folder: &Path| places.iter().map(|place| folder.join(place)).find(|path| path.is_dir());
    if let Some(person) = there(&root.join("seg")) {
        return MaskFolders { person, objects: there(&root.join("obj")) };
    }
    let person = there(root).unwrap_or_else(|| root.join(&clip.id));
    let objects = Some(person.join("objects")).filter(|path| path.is_dir());
    MaskFolders { person, objects }
}
