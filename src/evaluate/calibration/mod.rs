//! Fits the thresholds of a gate: to records of clips with true classes, or to ordinary footage without any.

mod bound;
mod figures;
mod labelled;
mod parts;
mod risk_weights;
mod tau;
mod temperature;
mod unlabelled;

pub use bound::Bound;
pub use figures::Figures;
pub use labelled::{Fitted, fit};
pub use tau::{BACKGROUNDS_DOING, TauRule, smallest_threshold};
pub use temperature::fit_temperature;
pub use unlabelled::{
    EmptyRoom, EmptyRoomLabel, Footage, FootageWindow, MIN_WINDOWS, UnlabelledFit, abstentions_text, check_share,
    fit_unlabelled, needed_windows,
};

use crate::error::{Error, Stage};

/// Share of the right labels that tau may flag.
pub const FALSE_FLAGS: f64 = 0.05;

fn refused(expected: &str, got: impl core::fmt::Display, next: &str) -> Error {
    Error::new(Stage::Gate, expected, got, next)
}
