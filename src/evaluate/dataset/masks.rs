//! Where masks and frames lie that were made of a set's clips elsewhere.

use super::LabelledClip;
use crate::source::MaskFolders;
use std::path::{Path, PathBuf};

/// The folders of the masks of `clip` under `root`: the first of the layouts that is there, else what would be looked for.
pub(super) fn of(root: &Path, clip: &LabelledClip) -> MaskFolders {
    if let Some(person) = there(&root.join("seg"), clip) {
        return MaskFolders { person, objects: there(&root.join("obj"), clip) };
    }
    let person = there(root, clip).unwrap_or_else(|| root.join(&clip.id));
    let objects = Some(person.join("objects")).filter(|path| path.is_dir());
    MaskFolders { person, objects }
}

/// The folder of `clip` under `root`, where there is one: `CLASS/CLIP`, with spaces or underscores, or the clip's name.
pub(super) fn there(root: &Path, clip: &LabelledClip) -> Option<PathBuf> {
    let name = clip.id.rsplit('/').next().unwrap_or(&clip.id);
    let labels = [clip.label.clone(), clip.label.replace(' ', "_")];
    let places = labels.iter().map(|label| Path::new(label).join(name)).chain([PathBuf::from(&clip.id)]);
    places.map(|place| root.join(place)).find(|path| path.is_dir())
}
