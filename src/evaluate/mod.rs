//! Offline validation: how biased a model is on a labelled set, and what its gate buys.
//!
//! In the order of the data: [`dataset`] finds the clips of a set, one [`Record`] a clip goes to a [`RecordFile`],
//! [`metrics`] are computed of all records, and [`report`] writes them down for programs and for people.
//! [`calibration`] chooses a gate's threshold by records; [`counterfactual`] makes sets that tell what a model goes by.

pub mod calibration;
pub mod counterfactual;
pub mod dataset;
pub mod metrics;
mod record;
mod record_file;
pub mod report;
mod scoring;

pub use record::{Outcome, Record, RunInfo};
pub use record_file::{Found, RecordFile, read_records};
pub use scoring::{Open, score};
