//! Finds the folders of precomputed masks and frames of a clip.

use super::LabelledClip;
use crate::source::MaskFolders;
use std::path::{Path, PathBuf};

/// Returns the folders of the masks of `clip` under `root`: of the first layout that exists, or of the last one.
pub(super) fn of(root: &Path, clip: &LabelledClip) -> MaskFolders {
    if let Some(person) = folder(&root.join("seg"), clip) {
        return MaskFolders { person, objects: folder(&root.join("obj"), clip) };
    }
    let person = folder(root, clip).unwrap_or_else(|| root.join(&clip.id));
    let objects = Some(person.join("objects")).filter(|path| path.is_dir());
    MaskFolders { person, objects }
}

/// Returns the folder of `clip` under `root`: `CLASS/CLIP`, with spaces or underscores, or the clip's id.
pub(super) fn folder(root: &Path, clip: &LabelledClip) -> Option<PathBuf> {
    let name = clip.id.rsplit('/').next().unwrap_or(&clip.id);
    let labels = [clip.label.clone(), clip.label.replace(' ', "_")];
    let folders = labels.iter().map(|label| Path::new(label).join(name)).chain([PathBuf::from(&clip.id)]);
    folders.map(|folder| root.join(folder)).find(|path| path.is_dir())
}
