//! Tokens and passwords, which must not be printed.

use crate::bounded_file;
use crate::error::{Error, Result, Stage};
use std::path::Path;

/// The largest file of a secret, in bytes.
const MAX_FILE_BYTES: u64 = 4096;

/// A token or password. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// Creates a secret from `text`, without the white space around it.
    ///
    /// # Errors
    /// Returns an error if nothing is left.
    pub fn new(text: &str) -> Result<Self> {
        match text.trim() {
            "" => {
                Err(Error::new(Stage::Sink, "a secret", "an empty text", "write the secret into the file or variable"))
            }
            text => Ok(Self(text.to_owned())),
        }
    }

    /// Reads the secret in the file at `path`, or else in the environment variable `variable`; returns `None` if
    /// neither is given.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, or the secret is empty.
    pub fn find(path: Option<&Path>, variable: &str) -> Result<Option<Self>> {
        let Some(path) = path else {
            let value = std::env::var_os(variable);
            return value.map(|value| Self::new(&value.to_string_lossy()).map_err(|e| e.at(variable))).transpose();
        };
        let refused = |got: &dyn core::fmt::Display| {
            Error::new(Stage::Sink, "a file that holds a secret", got, "check the path and its permissions")
                .at(path.display())
        };
        let text = bounded_file::read_text(path, MAX_FILE_BYTES).map_err(|e| refused(&e).with_source(e))?;
        Self::new(&text).map(Some).map_err(|e| e.at(path.display()))
    }

    /// Returns the text itself, to send it to its receiver.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}
