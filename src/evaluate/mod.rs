//! Offline validation: how biased a model is on a labelled set, and what its gate buys.
//!
//! In the order of the data: [`dataset`] finds the clips of a set, one [`Record`] a clip goes to a [`Journal`],
//! [`metrics`] are computed of all records, and [`report`] writes them down for programs and for people.
//! [`calibration`] chooses a gate's threshold by records; [`counterfactual`] makes sets that tell what a model goes by.

pub mod calibration;
pub mod counterfactual;
pub mod dataset;
mod journal;
pub mod metrics;
mod pointing;
mod record;
pub mod report;
mod scoring;

pub use journal::{Journal, JournalContents, JournalEntry, JournalHeader, read_journal};
pub use pointing::PointingGame;
pub use record::{ClipOutcome, Record, RunInfo};
pub use scoring::{ClipOpener, ScoringWorker, score, spread};
