//! Outputs of verdicts.

mod line_file;
mod secret;
mod webhook;
