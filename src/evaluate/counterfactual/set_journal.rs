//! The file that says what the clips of a written set were made from.

use super::{ClipFormat, CounterfactualSet};
use crate::error::Result;
use crate::evaluate::dataset_run::DatasetRun;
use crate::evaluate::file_identity::{FileIdentities, FileIdentity, short};
use crate::evaluate::journal::{JournalEntry, JournalHeader};
use serde::{Deserialize, Serialize};

/// Name of the file in the folder of a set.
pub const SET_FILE: &str = "counterfactual.jsonl";

const SCHEMA: u32 = 1;

/// First line: what all clips of the set have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename = "counterfactual")]
pub struct SetHeader {
    /// Version of the format.
    pub schema: u32,
    /// Name of the set.
    pub name: String,
    /// Checksum of seed, pairing, colours, backgrounds and inpainter.
    pub counterfactual: String,
    /// Checksum of the segmenter's bundle, or a note that the data set has masks.
    pub segmenter: String,
    /// Checksum of the data set's ids and labels.
    pub set: String,
    /// Seed for everything drawn at random.
    pub seed: u64,
    /// File format of the clips.
    pub format: String,
    /// Whether pixels of videos that are not square were stretched.
    pub stretch: bool,
}

impl SetHeader {
    /// Describes `set` as `run` writes it.
    ///
    /// # Errors
    /// Returns an error if the bundle's manifest cannot be written as TOML.
    pub(super) fn new(run: DatasetRun<'_>, set: &CounterfactualSet<'_>, format: ClipFormat) -> Result<Self> {
        let has_masks = run.dataset.has_masks();
        Ok(Self {
            schema: SCHEMA,
            name: set.name(),
            counterfactual: set.fingerprint(),
            segmenter: if has_masks { "masks of the set".to_owned() } else { run.bundle.fingerprint()? },
            set: run.dataset.fingerprint(),
            seed: set.seed,
            format: format.name().to_owned(),
            stretch: run.settings.stretch,
        })
    }
}

impl JournalHeader for SetHeader {
    fn schema(&self) -> u32 {
        self.schema
    }

    fn difference(&self, other: &Self) -> String {
        let fields = |header: &Self| {
            [
                ("the set", header.name.clone()),
                ("the seed", header.seed.to_string()),
                ("the file format", header.format.clone()),
                ("stretching", header.stretch.to_string()),
                ("the clips and labels", short(&header.set).to_owned()),
                ("the segmenter", short(&header.segmenter).to_owned()),
                ("backgrounds, inpainter or pairing", header.counterfactual.clone()),
            ]
        };
        let pairs = fields(self).into_iter().zip(fields(other));
        let differing = pairs.filter(|(new, old)| new != old).map(|((what, new), (_, old))| (what, new, old));
        differing.map(|(what, new, old)| format!("{what} {old} and not {new}")).next().unwrap_or_default()
    }
}

/// A clip that is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename = "clip")]
pub struct WrittenClip {
    /// Id of the clip in its data set.
    pub clip: String,
    /// Files that it was made from by their role.
    pub files: FileIdentities,
    /// Its own file or folder.
    pub written: FileIdentity,
}

impl JournalEntry for WrittenClip {
    type Header = SetHeader;
    const SCHEMA: u32 = SCHEMA;

    fn clip(&self) -> &str {
        &self.clip
    }

    fn fits(&self, _: &SetHeader) -> bool {
        true
    }
}
