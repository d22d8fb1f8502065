//! Where verdicts go.

pub mod json_lines;
#[cfg(feature = "cli")]
pub mod overlay;
