//! A folder per class, and the tree of HAT.

use super::notes::Notes;
use super::{LabelledClip, entries, name, refused, stem};
use crate::error::{Result, Setting};
use crate::source::{is_clip, is_picture, is_video, preference};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Folders in folders that are searched for clips.
const MAX_DEPTH: usize = 8;

/// Ends of the names of files beside class folders that are tables, lists or descriptions, in lower case.
const DOCUMENTS: [&str; 12] =
    [".csv", ".tsv", ".txt", ".json", ".jsonl", ".md", ".toml", ".yaml", ".yml", ".pickle", ".pkl", "licence"];

pub(super) fn read(root: &Path, notes: &mut Notes) -> Result<Vec<LabelledClip>> {
    let mut clips = Vec::new();
    for path in entries(root)? {
        if path.is_dir() {
            let label = name(&path);
            read_class(&path, &label, &label, MAX_DEPTH, &mut clips, notes)?;
        } else if !is_document(&path) {
            notes.left_out(&path);
        }
    }
    Ok(clips)
}

/// Returns whether the file at `path` describes a data set.
fn is_document(path: &Path) -> bool {
    let name = name(path).to_lowercase();
    DOCUMENTS.iter().any(|end| name.ends_with(end)) || name.starts_with("readme") || name.starts_with("license")
}

/// Adds the clips in `folder`: video files and pictures, folders of pictures, and the clips in other folders.
fn read_class(
    folder: &Path,
    label: &str,
    prefix: &str,
    depth: usize,
    clips: &mut Vec<LabelledClip>,
    notes: &mut Notes,
) -> Result<()> {
    // The files and folders of each clip.
    let mut found: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for path in entries(folder)? {
        if !path.is_dir() {
            match is_clip(&path) {
                true => found.entry(format!("{prefix}/{}", stem(&path))).or_default().push(path),
                false => notes.left_out(&path),
            }
            continue;
        }
        // A folder that cannot be read is a clip that cannot be read.
        let (inside, id) = (entries(&path).unwrap_or_default(), format!("{prefix}/{}", name(&path)));
        let has_pictures = inside.iter().any(|path| is_picture(path) && path.is_file());
        let has_clips = inside.iter().any(|path| path.is_dir() || is_video(path));
        if has_pictures || !has_clips || depth == 0 {
            // A folder in a class is a clip whose frames are pictures.
            inside.iter().filter(|path| is_video(path) && !is_picture(path)).for_each(|path| notes.left_out(path));
            found.entry(id).or_default().push(path);
        } else {
            read_class(&path, label, &id, depth - 1, clips, notes)?;
        }
    }
    for (id, mut paths) in found {
        // A video is preferred to the folder of its frames, and that to a picture.
        let place = |path: &PathBuf| if path.is_dir() { preference(Path::new("a.png")) } else { preference(path) };
        paths.sort_by_key(|path| (place(path), !path.is_dir(), path.clone()));
        if let Some((path, others)) = paths.split_first() {
            notes.several_files(path, others);
            clips.push(LabelledClip::new(id, label.to_owned(), Some(path.clone())));
        }
    }
    Ok(())
}

/// Finds the clips of HAT, folders of pictures in the folder `ori`.
pub(super) fn hat(root: &Path, notes: &mut Notes) -> Result<Vec<LabelledClip>> {
    let frames = root.join("ori");
    if !frames.is_dir() {
        let next = "choose the folder that holds ori, seg and inp";
        let error = refused("HAT's folder ori", format_args!("none in {}", root.display()), next);
        return Err(error.about(Setting::Data));
    }
    read(&frames, notes)
}
