//! The record of a clip in a validation run.

use super::dataset::Dataset;
use super::dataset_run::RunSettings;
use super::file_identity::{FileIdentities, short};
use super::journal::{JournalEntry, JournalHeader};
use crate::engine::Precision;
use crate::error::{Error, Result, Stage};
use crate::gate::{Evidence, Gate, Judgement, Probe, Visibility};
use crate::pipeline::{self, ProbeSettings, ProbedWindows};
use crate::sink::json_lines::{self, VerdictLine};
use crate::view::View;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Version of the format of records.
pub(super) const SCHEMA: u32 = json_lines::SCHEMA;

/// First line of a file of records: what they have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename = "run")]
pub struct RunInfo {
    /// Version of the format.
    pub schema: u32,
    /// Class names by index.
    pub classes: Vec<String>,
    /// Checksum of the bundle's manifest, which contains the checksums of its files.
    pub bundle: String,
    /// Clips of the whole data set, with those of other shards.
    pub clips: usize,
    /// Checksum of the data set's ids and labels.
    pub set: String,
    /// Whether the data set has precomputed masks.
    #[serde(default)]
    pub masks: bool,
    /// Name and fingerprint of the counterfactual set; `None` for the clips themselves.
    #[serde(rename = "twins", default, skip_serializing_if = "Option::is_none")]
    pub counterfactual: Option<String>,
    /// How clips were probed; `None` if not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<RunProbe>,
    /// How models ran and pictures were read; `None` in records of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<RunModels>,
}

/// How the models of a run ran, and how its clips were read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunModels {
    /// Backend: `cpu` or `gpu`.
    pub backend: String,
    /// Number format of the models: `f32` or `f16`.
    pub precision: String,
    /// Frames per second of clips that are folders of pictures.
    pub fps: f64,
    /// Whether pixels of videos that are not square were stretched.
    pub stretch: bool,
}

impl RunModels {
    /// Describes a run on this backend.
    pub fn new(backend: &str, precision: Precision, settings: &RunSettings) -> Self {
        let precision = match precision {
            Precision::F32 => "f32",
            Precision::F16 => "f16",
        };
        let RunSettings { fps, stretch, .. } = *settings;
        Self { backend: backend.to_owned(), precision: precision.to_owned(), fps, stretch }
    }

    /// Describes how a saved run differs.
    fn difference(&self, saved: &Self) -> String {
        if self.backend != saved.backend {
            format!("the backend {} and not {}", saved.backend, self.backend)
        } else if self.precision != saved.precision {
            format!("the precision {} and not {}", saved.precision, self.precision)
        } else if self.stretch != saved.stretch {
            let words = |stretch: bool| if stretch { "stretched" } else { "stored" };
            format!("pixels that are not square as {} and not as {}", words(saved.stretch), words(self.stretch))
        } else {
            format!("{} frames per second of pictures and not {}", saved.fps, self.fps)
        }
    }
}

/// How the clips of a run were probed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunProbe {
    /// Number of places.
    pub places: usize,
    /// Checksum of their pictures.
    pub bank: String,
    /// Whether all clips with a person were probed, or only those that the gate doubted.
    pub all: bool,
}

impl RunProbe {
    /// Creates the description of probes with these settings.
    pub fn new(settings: &ProbeSettings) -> Self {
        let all = settings.windows() == ProbedWindows::All;
        Self { places: settings.places(), bank: settings.fingerprint(), all }
    }
}

impl JournalHeader for RunInfo {
    fn schema(&self) -> u32 {
        self.schema
    }

    fn difference(&self, other: &Self) -> String {
        let set = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
        let probe = |probe: &Option<RunProbe>| {
            probe.as_ref().map_or("none".to_owned(), |probe| {
                let windows = if probe.all { "all windows" } else { "doubted windows" };
                format!("{} places of {} in {windows}", probe.places, short(&probe.bank))
            })
        };
        if self.bundle != other.bundle || self.classes != other.classes {
            format!("another bundle, {} and not {}", short(&other.bundle), short(&self.bundle))
        } else if self.set != other.set || self.clips != other.clips {
            let (old, new) = (short(&other.set), short(&self.set));
            let (old_clips, new_clips) = (other.clips, self.clips);
            format!(
                "another set of clips, or of other labels, {old} with {old_clips} clips and not {new} with {new_clips}"
            )
        } else if self.masks != other.masks {
            let source = |masks: bool| if masks { "masks of the set" } else { "masks of the segmenter" };
            format!("other masks, {} and not {}", source(other.masks), source(self.masks))
        } else if self.probe != other.probe {
            format!("other probes, {} and not {}", probe(&other.probe), probe(&self.probe))
        } else if self.counterfactual != other.counterfactual {
            format!("another counterfactual set, {} and not {}", set(&other.counterfactual), set(&self.counterfactual))
        } else {
            match (&self.models, &other.models) {
                (Some(models), Some(saved)) => models.difference(saved),
                _ => "an older version, which does not say what its records were made from".to_owned(),
            }
        }
    }
}

impl RunInfo {
    /// Creates the header of a run over `dataset` with a bundle of these classes and this fingerprint.
    pub fn new(classes: &[String], bundle: String, dataset: &Dataset) -> Self {
        let set = dataset.fingerprint();
        let (clips, masks) = (dataset.clips.len(), dataset.has_masks());
        Self {
            schema: SCHEMA,
            classes: classes.to_vec(),
            bundle,
            clips,
            set,
            masks,
            counterfactual: None,
            probe: None,
            models: None,
        }
    }
}

/// One clip's line in a file of records.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename = "record")]
pub struct Record {
    /// Id of the clip in its data set.
    pub clip: String,
    /// Its class, as the data set spells it.
    pub truth: String,
    /// Further attributes of the clip by name.
    #[serde(default)]
    pub strata: BTreeMap<String, String>,
    /// Pointing game: the fraction of frames in which the encoder attends most to the person; `None` if not played.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointing: Option<f32>,
    /// Files that it was made from by their role: `clip`, `masks`, `objects`; `other` and `inpainted` frames of
    /// counterfactual clips. Empty if nothing was read, and in records of older versions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: FileIdentities,
    /// Result of scoring it.
    pub outcome: ClipOutcome,
}

impl Record {
    /// Returns whether `other`, of the same clip, has the same result from the same files. Times, and what follows from
    /// a gate, do not count.
    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        let known = |record: &Self| !record.files.is_empty();
        let sums = |record: &Self| -> Vec<(String, String)> {
            record.files.iter().map(|(role, file)| (role.clone(), file.sha256.clone())).collect()
        };
        let is_of_same_files = !known(self) || !known(other) || sums(self) == sums(other);
        let is_same = (&self.truth, &self.strata, self.pointing) == (&other.truth, &other.strata, other.pointing);
        is_of_same_files && is_same && self.outcome.agrees_with(&other.outcome)
    }
}

impl JournalEntry for Record {
    type Header = RunInfo;
    const SCHEMA: u32 = SCHEMA;

    fn clip(&self) -> &str {
        &self.clip
    }

    fn fits(&self, header: &RunInfo) -> bool {
        self.outcome.has_classes(header.classes.len())
    }
}

/// Result of scoring a clip.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClipOutcome {
    /// The clip was scored.
    Scored {
        /// Verdict line, as `run` writes it for the same clip.
        verdict: Box<RawValue>,
        /// Logits of the gate.
        logits: ViewLogits,
    },
    /// The clip has no file.
    Missing,
    /// Its label is none of the bundle's classes.
    Mislabelled,
    /// The clip has this number of frames, fewer than the data set requires.
    TooShort(u64),
    /// The clip could not be read, with the error.
    Unreadable(String),
}

/// Logits of every class in each view, as the gate gets them: normalised, at full precision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ViewLogits {
    /// Of the full view.
    pub full: Vec<f32>,
    /// Of the person view.
    pub person: Vec<f32>,
    /// Of the background view.
    pub background: Vec<f32>,
}

impl ViewLogits {
    /// Creates the logits from those of each view in the order of [`View::index`].
    pub fn new(views: [&[f32]; 3]) -> Self {
        let [full, person, background] = views.map(<[f32]>::to_vec);
        Self { full, person, background }
    }

    /// Returns the logits of one view.
    pub fn view(&self, view: View) -> &[f32] {
        match view {
            View::Full => &self.full,
            View::Person => &self.person,
            View::Background => &self.background,
        }
    }

    /// Returns the logits of each view in the order of [`View::index`].
    pub fn views(&self) -> [&[f32]; 3] {
        View::ALL.map(|view| self.view(view))
    }
}

/// Fields of a verdict line that the gate needs.
#[derive(Debug, PartialEq, Deserialize)]
struct LineVisibility {
    person_area: f32,
    background_area: f32,
    frames_with_person: u32,
    frames: Vec<u64>,
    distinct_frames: u32,
    probe: Option<Probe>,
}

impl ClipOutcome {
    /// Returns whether the logits are of this number of classes.
    fn has_classes(&self, classes: usize) -> bool {
        match self {
            Self::Scored { logits, .. } => logits.views().iter().all(|view| view.len() == classes),
            _ => true,
        }
    }

    /// Returns whether the clip was scored.
    pub fn is_scored(&self) -> bool {
        matches!(self, Self::Scored { .. })
    }

    /// Returns whether `other` is the same result, whatever the gate.
    fn agrees_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Scored { verdict, logits }, Self::Scored { verdict: other_verdict, logits: other_logits }) => {
                let line = |verdict: &RawValue| serde_json::from_str::<LineVisibility>(verdict.get()).ok();
                logits == other_logits && line(verdict) == line(other_verdict)
            }
            (Self::TooShort(frames), Self::TooShort(other)) => frames == other,
            // The message may name another path.
            (Self::Unreadable(_), Self::Unreadable(_)) => true,
            (Self::Missing, Self::Missing) | (Self::Mislabelled, Self::Mislabelled) => true,
            _ => false,
        }
    }

    /// Returns whether no file was read for it.
    pub(super) fn is_unread(&self) -> bool {
        matches!(self, Self::Missing | Self::Mislabelled)
    }

    /// Returns whether another run may give another outcome, because the file was missing or damaged.
    pub fn may_change(&self) -> bool {
        matches!(self, Self::Missing | Self::Unreadable(_))
    }

    /// Creates the outcome of one window of `source`.
    ///
    /// # Errors
    /// Returns an error if the verdict line cannot be serialized.
    pub fn scored(source: &str, result: &pipeline::WindowResult<'_>) -> Result<Self> {
        let verdict = serde_json::value::to_raw_value(&VerdictLine::new(source, result));
        let verdict = verdict.map_err(|e| Error::caused(Stage::Sink, "a verdict line", e, "report this"))?;
        Ok(Self::Scored { verdict, logits: ViewLogits::new(result.logits) })
    }

    /// Judges a scored clip by `gate`, independently of other clips, and returns what `read` makes of the judgement.
    /// Returns `None` for a clip that was not scored.
    ///
    /// # Errors
    /// Returns an error if the record's numbers are invalid.
    pub fn judge<T>(
        &self,
        gate: &mut Gate,
        read: impl FnOnce(&Gate, &Evidence<'_>, Judgement) -> T,
    ) -> Result<Option<T>> {
        let Self::Scored { verdict, logits } = self else { return Ok(None) };
        let line: LineVisibility = serde_json::from_str(verdict.get()).map_err(|e| {
            Error::caused(Stage::DataSet, "a verdict line in every scored record", e, "run validate again")
        })?;
        let visibility = Visibility {
            person_area: line.person_area,
            background_area: line.background_area,
            frames_with_person: line.frames_with_person,
            frames: line.frames.len() as u32,
            distinct_frames: line.distinct_frames,
            // Records are of whole clips, and a clip of one frame is a still picture.
            is_still: line.distinct_frames == 1,
        };
        let evidence = Evidence::new(logits.views(), visibility)?;
        let evidence = match line.probe {
            Some(probe) => evidence.with_probe(Probe::new(probe.places(), probe.kept())?),
            None => evidence,
        };
        gate.reset();
        let judgement = gate.judge(&evidence);
        Ok(Some(read(gate, &evidence, judgement)))
    }
}
