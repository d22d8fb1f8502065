//! Finds the folders of precomputed masks and frames of a clip.

use super::LabelledClip;
use super::files::Files;
use crate::source::MaskFolders;
use std::path::{Path, PathBuf};

/// Returns the folders of the masks of `clip` under `root`: of the first layout that exists, or of the last one.
pub(super) fn of(root: &Path, clip: &LabelledClip, files: &mut Files) -> MaskFolders {
    if let Some(person) = folder(&root.join("seg"), clip, files) {
        return MaskFolders { person, objects: folder(&root.join("obj"), clip, files) };
    }
    let person = folder(root, clip, files).unwrap_or_else(|| root.join(&clip.id));
    let objects = Some(person.join("objects")).filter(|path| path.is_dir());
    MaskFolders { person, objects }
}

/// Returns the folder of `clip` under `root`: `CLASS/CLIP`, with the class in the spelling of any downloader, or the
/// clip's id.
pub(super) fn folder(root: &Path, clip: &LabelledClip, files: &mut Files) -> Option<PathBuf> {
    let name = clip.id.rsplit('/').next().unwrap_or(&clip.id);
    let folders = files.class_folders(root, &clip.label).into_iter().map(|folder| folder.join(name));
    folders.chain([root.join(&clip.id)]).find(|path| path.is_dir())
}
