//! Where verdicts go.

pub mod json_lines;
#[cfg(feature = "evaluate")]
pub(crate) mod mp4;
#[cfg(feature = "cli")]
pub mod overlay;
