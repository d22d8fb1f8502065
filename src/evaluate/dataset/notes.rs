//! What the reading of a data set leaves out, and the choices that it makes.

use super::name;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Names that a line shows.
const SHOWN: usize = 5;

/// Files that are left out and choices that were made. Each kind is one warning.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Files and folders that are no clips.
    left_out: BTreeSet<PathBuf>,
    /// Files that are taken, with the others of the same clip.
    several: BTreeMap<PathBuf, Vec<String>>,
    /// Places of lines that repeat an earlier one.
    repeated: Vec<String>,
}

impl Notes {
    /// Adds a file or folder that is left out.
    pub(super) fn left_out(&mut self, path: &Path) {
        self.left_out.insert(path.to_owned());
    }

    /// Adds a clip of which `taken` is read and `others` are not.
    pub(super) fn several_files(&mut self, taken: &Path, others: &[PathBuf]) {
        if !others.is_empty() {
            self.several.insert(taken.to_owned(), others.iter().map(|path| name(path)).collect());
        }
    }

    /// Adds a line that repeats an earlier one.
    pub(super) fn repeated(&mut self, place: String) {
        self.repeated.push(place);
    }

    /// Logs one line for each kind of note.
    pub(super) fn log(&self, root: &Path) {
        let inside = |path: &Path| path.strip_prefix(root).unwrap_or(path).display().to_string();
        if !self.left_out.is_empty() {
            let names: Vec<String> = self.left_out.iter().map(|path| inside(path)).collect();
            let mut endings: BTreeMap<String, usize> = BTreeMap::new();
            for path in &self.left_out {
                let extension = path.extension().filter(|_| !path.is_dir());
                let ending =
                    extension.map_or("without an extension".to_owned(), |e| format!(".{}", e.to_string_lossy()));
                *endings.entry(if path.is_dir() { "folders".to_owned() } else { ending }).or_default() += 1;
            }
            let endings: Vec<String> = endings.iter().map(|(ending, count)| format!("{count} {ending}")).collect();
            let (count, endings, root) = (names.len(), some(&endings), root.display());
            log::warn!("{count} files of {root} are no clips and are left out ({endings}): {}", some(&names));
        }
        if !self.several.is_empty() {
            let names: Vec<String> = self
                .several
                .iter()
                .map(|(taken, others)| format!("{} is taken, not {}", inside(taken), some(others)))
                .collect();
            log::warn!("{} clips have several files of one name: {}", names.len(), some(&names));
        }
        if !self.repeated.is_empty() {
            log::warn!("{} lines repeat an earlier one and count once: {}", self.repeated.len(), some(&self.repeated));
        }
    }
}

/// Joins the first of `names`, with the number of the others.
fn some(names: &[String]) -> String {
    let shown = names.iter().take(SHOWN).map(|name| name.escape_debug().to_string()).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
