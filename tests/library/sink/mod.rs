//! Outputs of verdicts.

mod line_file;
mod overlay;
mod secret;
mod webhook;
