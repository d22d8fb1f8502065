//! The clips of a list, each once.

use super::notes::Notes;
use super::{LabelledClip, refused};
use crate::error::{Result, Setting};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Clips in the order of their lines.
#[derive(Debug)]
pub(super) struct UniqueClips {
    list: PathBuf,
    /// Name of an entry: a line, or an entry of a list of JSON.
    entry: &'static str,
    clips: Vec<LabelledClip>,
    /// Line and position of each clip by id.
    seen: HashMap<String, (u64, usize)>,
}

impl UniqueClips {
    /// Creates the clips of the list at `path`.
    pub(super) fn new(path: &Path) -> Self {
        let entry = if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json")) { "entry" } else { "line" };
        Self { list: path.to_owned(), entry, clips: Vec::new(), seen: HashMap::new() }
    }

    /// Adds the clip of `line`. A line that repeats an earlier one counts once.
    ///
    /// # Errors
    /// Returns an error if an earlier line gives the clip another label.
    pub(super) fn add(&mut self, line: u64, clip: LabelledClip, notes: &mut Notes) -> Result<()> {
        let Some((first, earlier)) =
            self.seen.get(&clip.id).and_then(|(first, index)| Some((first, self.clips.get(*index)?)))
        else {
            self.seen.insert(clip.id.clone(), (line, self.clips.len()));
            self.clips.push(clip);
            return Ok(());
        };
        let (list, entry) = (self.list.display(), self.entry);
        if earlier.label == clip.label {
            notes.repeated(format!("{entry} {line} of {list} (as {entry} {first})"));
            return Ok(());
        }
        let (id, old, new) = (&clip.id, &earlier.label, &clip.label);
        let got = format!("{id:?} twice in {list}: {old:?} in {entry} {first}, {new:?} in {entry} {line}");
        let next = "keep one of the lines: a clip with several labels cannot be scored";
        Err(refused("one label for every clip", got, next).about(Setting::Annotations))
    }

    /// Returns the clips.
    pub(super) fn into_clips(self) -> Vec<LabelledClip> {
        self.clips
    }
}
