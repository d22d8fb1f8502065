//! What a run says of one clip.

use super::dataset::Dataset;
use super::journal::{JournalEntry, JournalHeader};
use crate::error::{Error, Result, Stage};
use crate::gate::{Evidence, Gate, Judgement, Visibility};
use crate::pipeline;
use crate::sink::json_lines::VerdictLine;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The version of the format of records.
pub(super) const SCHEMA: u32 = 1;

/// The first line of a file of records: what all of them have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInfo {
    /// The version of the format.
    pub schema: u32,
    /// Class names by index.
    pub classes: Vec<String>,
    /// Checksum of the bundle's manifest, which has those of all its files.
    pub bundle: String,
    /// Clips of the whole set, those of other shards included.
    pub clips: usize,
    /// Checksum of the set: of all its clips' names and labels.
    pub set: String,
    /// Whether masks came with the set.
    #[serde(default)]
    pub masks: bool,
    /// What was made of its clips before they were scored, and from what; none of the clips as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub twins: Option<String>,
}

impl JournalHeader for RunInfo {
    fn schema(&self) -> u32 {
        self.schema
    }

    fn difference(&self, other: &Self) -> &'static str {
        if self.bundle != other.bundle || self.classes != other.classes {
            "another bundle"
        } else if self.set != other.set || self.clips != other.clips {
            "another set of clips, or of other labels"
        } else if self.masks != other.masks {
            "other masks"
        } else {
            "clips that were changed otherwise"
        }
    }
}

impl RunInfo {
    /// The first line of a run over `dataset` with a bundle of these classes and this fingerprint.
    pub fn new(classes: &[String], bundle: String, dataset: &Dataset) -> Self {
        let set = dataset.fingerprint();
        let (clips, masks) = (dataset.clips.len(), dataset.clips.iter().any(|clip| clip.masks.is_some()));
        Self { schema: SCHEMA, classes: classes.to_vec(), bundle, clips, set, masks, twins: None }
    }
}

/// One clip's line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// What names the clip in its set.
    pub clip: String,
    /// Its class, as the set writes it.
    pub truth: String,
    /// Stratum by name.
    #[serde(default)]
    pub strata: BTreeMap<String, String>,
    /// The share of its frames in which the encoder looks at the person most, where it was asked (the pointing game).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointing: Option<f32>,
    /// What came of it.
    pub outcome: ClipOutcome,
}

impl JournalEntry for Record {
    type Header = RunInfo;
    const SCHEMA: u32 = SCHEMA;

    fn clip(&self) -> &str {
        &self.clip
    }

    fn fits(&self, head: &RunInfo) -> bool {
        self.outcome.is_of(head.classes.len())
    }
}

/// What came of a clip.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClipOutcome {
    /// It was scored.
    Scored {
        /// The verdict line that `run` writes for the same clip.
        verdict: Box<RawValue>,
        /// ln p of every class in each view: full, person, background.
        log_probs: [Vec<f32>; 3],
    },
    /// There is no file of it.
    Missing,
    /// Its label is none of the bundle's classes.
    Mislabelled,
    /// It has fewer frames than the set's clips must have.
    TooShort(u64),
    /// It could not be read, and why.
    Unreadable(String),
}

/// What metrics read of a verdict line.
#[derive(Debug, Deserialize)]
struct Seen {
    person_area: f32,
    background_area: f32,
    frames_with_person: u32,
    frames: Vec<u64>,
}

impl ClipOutcome {
    /// Whether its numbers are of so many classes.
    fn is_of(&self, classes: usize) -> bool {
        match self {
            Self::Scored { log_probs, .. } => log_probs.iter().all(|view| view.len() == classes),
            _ => true,
        }
    }

    /// Whether it was scored.
    pub fn is_scored(&self) -> bool {
        matches!(self, Self::Scored { .. })
    }

    /// Whether another run may end otherwise: the file may be there by then, or whole.
    pub fn may_change(&self) -> bool {
        matches!(self, Self::Missing | Self::Unreadable(_))
    }

    /// The outcome of one window of `source`.
    ///
    /// # Errors
    /// When the line cannot be written as JSON.
    pub fn scored(source: &str, outcome: &pipeline::WindowResult<'_>) -> Result<Self> {
        let verdict = serde_json::value::to_raw_value(&VerdictLine::new(source, outcome));
        let verdict = verdict.map_err(|e| Error::new(Stage::Sink, "a verdict line", e, "report this"))?;
        Ok(Self::Scored { verdict, log_probs: outcome.log_probs.map(<[f32]>::to_vec) })
    }

    /// Judges a scored clip again by `gate`, each clip for itself: what verdict a gate of other settings would give. None of
    /// a clip that was not scored.
    ///
    /// # Errors
    /// When the record is not what a run wrote.
    pub fn judge<T>(
        &self,
        gate: &mut Gate,
        read: impl FnOnce(&Gate, &Evidence<'_>, Judgement) -> T,
    ) -> Result<Option<T>> {
        let Self::Scored { verdict, log_probs } = self else { return Ok(None) };
        let seen: Seen = serde_json::from_str(verdict.get()).map_err(|e| {
            Error::new(Stage::DataSet, "a verdict line in every scored record", e, "run validate again")
        })?;
        let visibility = Visibility {
            person_area: seen.person_area,
            background_area: seen.background_area,
            frames_with_person: seen.frames_with_person,
            frames: seen.frames.len() as u32,
        };
        let evidence = Evidence::new(log_probs.each_ref().map(Vec::as_slice), visibility)?;
        gate.reset();
        let judgement = gate.judge(&evidence);
        Ok(Some(read(gate, &evidence, judgement)))
    }
}
