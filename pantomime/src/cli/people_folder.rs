//! Writes who is where in the pictures of a clip.

use super::clip_list::NamedClip;
use super::files::{create_folder, not_written};
use super::png_file::write_indices;
use figureground::Result;
use figureground::mask::{PixelBox, Size};
use pantomime::{Clip, Picture};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// A folder with one indexed picture a frame, and the file `people.json`.
#[derive(Debug)]
pub(super) struct PeopleFolder {
    path: PathBuf,
    people: Vec<PersonRow>,
    indices: Vec<u8>,
}

/// One person of a clip in `people.json`.
#[derive(Debug, Serialize)]
struct PersonRow {
    /// Index in the pictures, from 1.
    id: u8,
    class: String,
    /// Its box in each frame, `[left, top, right, bottom]`, right and bottom exclusive; null where it is hidden.
    boxes: Vec<Option<[u32; 4]>>,
}

impl PeopleFolder {
    /// Creates `<root>/people/<label>/<clip>`.
    pub(super) fn create(named: &NamedClip, size: Size, root: &Path) -> Result<Self> {
        let path = root.join("people").join(named.clip().label()).join(named.stem());
        create_folder(&path)?;
        let row = |(id, clip): (u8, &Clip)| PersonRow { id, class: clip.label(), boxes: Vec::new() };
        let people = (1..).zip(named.crowd.people()).map(row).collect();
        Ok(Self { path, people, indices: vec![0; size.area()] })
    }

    /// Writes the picture `name`: 0 is nobody, 1 the first person.
    pub(super) fn write(&mut self, name: &str, picture: &Picture) -> Result<()> {
        self.indices.fill(0);
        for (row, visible) in self.people.iter_mut().zip(&picture.people) {
            let pixels = self.indices.iter_mut().zip(visible.shape.pixels());
            pixels.filter(|(_, visible)| **visible).for_each(|(index, _)| *index = row.id);
            row.boxes.push(visible.bounds.map(sides));
        }
        write_indices(&self.path.join(name), picture.size, &self.indices)
    }

    /// Writes `people.json`.
    pub(super) fn finish(self) -> Result<()> {
        let path = self.path.join("people.json");
        let json = serde_json::to_vec(&serde_json::json!({ "people": self.people }));
        let json = json.map_err(|error| not_written(&path, error))?;
        std::fs::write(&path, json).map_err(|error| not_written(&path, error))
    }
}

/// Returns `[left, top, right, bottom]`.
pub(super) fn sides(area: PixelBox) -> [u32; 4] {
    [area.left, area.top, area.right, area.bottom]
}
