//! Evaluation of a model on a labelled data set: its accuracy, its background bias, and the effect of its gate.
//!
//! In the order of the data: [`dataset`] finds the clips; [`validate`] scores them and appends one [`Record`] per clip
//! to a [`Journal`]; [`metrics`] are computed from all records; [`report`] writes them as JSON and as a page.
//! [`merge()`] joins the shards of a run. [`counterfactual`] makes sets of clips that show which cue a model relies on.
//! [`calibration`] fits a gate to records. [`compare`] compares two runs.

pub mod calibration;
mod class_name;
pub mod compare;
pub mod counterfactual;
pub mod dataset;
mod dataset_run;
mod file_identity;
mod journal;
mod markup;
mod merge;
pub mod metrics;
mod pointing;
mod progress;
mod record;
mod rejudge;
pub mod report;
mod scoring;
mod source_video;
mod validation;

pub use dataset_run::{DatasetRun, RunSettings};
pub use file_identity::{FileIdentities, FileIdentity};
pub use journal::{Journal, JournalContents, JournalEntry, JournalHeader, read_journal};
pub use merge::merge;
pub use pointing::PointingGame;
pub use progress::{ClipReader, Progress};
pub use record::{ClipOutcome, Record, RunInfo, RunModels, RunProbe};
pub use validation::{Validation, ValidationSettings, validate};

use std::path::{Path, PathBuf};

/// Returns the file of records of `path`: itself, or the one in it if it is a directory that [`validate`] wrote.
pub fn records_file(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(validation::RECORDS) } else { path.to_owned() }
}
