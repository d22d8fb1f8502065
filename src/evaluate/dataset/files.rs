//! Finds the files of clips by their names without extension, and folders by their class names.

use super::notes::Notes;
use super::{name, stem};
use crate::evaluate::class_name::key;
use crate::source::{is_clip, is_system_file, preference};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The contents of folders, each read once.
#[derive(Debug, Default)]
pub(super) struct Files {
    listings: HashMap<PathBuf, Listing>,
    /// Folders of a class by the folder that they are in and the class.
    classes: HashMap<(PathBuf, String), Vec<PathBuf>>,
}

/// The contents of a folder; empty if it cannot be read.
#[derive(Debug, Default)]
struct Listing {
    /// Files of clips by their name without extension, the preferred one first.
    clips: HashMap<String, Vec<PathBuf>>,
    /// Folders by the key of their name, sorted.
    folders: HashMap<String, Vec<PathBuf>>,
}

impl Files {
    /// Returns the file of the clip `stem` in `folder`: the preferred one of several, which `notes` then name.
    pub(super) fn clip(&mut self, folder: &Path, stem: &str, notes: &mut Notes) -> Option<PathBuf> {
        let paths = self.listing(folder).clips.get(stem)?;
        let (first, others) = paths.split_first()?;
        notes.several_files(first, others);
        Some(first.clone())
    }

    /// Returns the folders in `root` that are named after the class `label`: as it is, with underscores for spaces, or
    /// without the characters that downloaders leave out.
    pub(super) fn class_folders(&mut self, root: &Path, label: &str) -> Vec<PathBuf> {
        let class = (root.to_owned(), label.to_owned());
        if let Some(folders) = self.classes.get(&class) {
            return folders.clone();
        }
        let exact = [label.to_owned(), label.replace(' ', "_")].map(|name| root.join(name));
        let mut folders: Vec<PathBuf> = exact.into_iter().filter(|path| path.is_dir()).collect();
        for folder in self.listing(root).folders.get(&key(label)).into_iter().flatten() {
            if !folders.contains(folder) {
                folders.push(folder.clone());
            }
        }
        self.classes.insert(class, folders.clone());
        folders
    }

    fn listing(&mut self, folder: &Path) -> &Listing {
        self.listings.entry(folder.to_owned()).or_insert_with(|| Listing::read(folder))
    }
}

impl Listing {
    fn read(folder: &Path) -> Self {
        let mut paths: Vec<PathBuf> =
            folder.read_dir().into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.retain(|path| !is_system_file(path));
        paths.sort_by_key(|path| (preference(path), path.clone()));
        let mut listing = Self::default();
        for path in paths {
            if is_clip(&path) && !path.is_dir() {
                listing.clips.entry(stem(&path)).or_default().push(path);
            } else if path.is_dir() {
                listing.folders.entry(key(&name(&path))).or_default().push(path);
            }
        }
        listing
    }
}
