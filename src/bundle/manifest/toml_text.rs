//! TOML to settings, and the errors on the way.

use crate::error::{Error, Result, Stage};
use serde::de::DeserializeOwned;

/// The largest manifest that is read, in bytes.
const MAX_MANIFEST: usize = 1 << 20;

/// Checks that the number at `key` is from `least` to `most`.
pub(super) fn check_range(key: &str, value: usize, least: usize, most: usize) -> Result<()> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(refused(format!("{key} from {least} to {most}"), value, "correct it"))
}

/// Parses TOML; the error names the line and the nearest known key.
pub(super) fn parse<T: DeserializeOwned>(text: &str) -> Result<T> {
    if text.len() > MAX_MANIFEST {
        let got = format!("{} bytes", text.len());
        return Err(refused(format!("at most {MAX_MANIFEST} bytes of TOML"), got, "pass a manifest"));
    }
    toml::from_str(text).map_err(|error| {
        let message = error.message();
        let line = error.span().map_or(0, |span| text[..span.start.min(text.len())].lines().count().max(1));
        let next =
            nearest_key(message).map_or("correct the manifest".to_owned(), |key| format!("did you mean `{key}`?"));
        refused("a manifest", format_args!("line {line}: {message}"), next).with_source(error.clone())
    })
}

/// Returns the name nearest to x in the message `unknown field `x`, expected one of `a`, `b`, …`.
fn nearest_key(message: &str) -> Option<&str> {
    let mut quoted = message.strip_prefix("unknown ")?.split('`').skip(1).step_by(2);
    let unknown = quoted.next()?;
    quoted.max_by(|a, b| strsim::jaro_winkler(a, unknown).total_cmp(&strsim::jaro_winkler(b, unknown)))
}

/// Creates an error of the manifest.
pub(super) fn refused(
    expected: impl core::fmt::Display,
    got: impl core::fmt::Display,
    next: impl core::fmt::Display,
) -> Error {
    Error::new(Stage::Manifest, expected, got, next)
}
