//! Checks of the sources, before models are loaded or anything is opened.

use super::address::address;
use super::args::RunArgs;
use figureground::source::{Source, is_live, without_secrets};
use figureground::{Error, Result, Stage};
use std::ffi::{OsStr, OsString};
use std::path::Path;

const DEMO: &str = "run `figureground demo` for the built-in clip";

impl RunArgs {
    /// Checks that there are sources, and that all of them are reached.
    ///
    /// # Errors
    /// Returns an error if there is no source, one is empty or is an address of the page, or one follows a live one.
    pub(super) fn check_sources(&self) -> Result<()> {
        if self.sources.is_empty() {
            return Err(self.no_source());
        }
        if self.sources.iter().any(|source| source.is_empty()) {
            let next = format!("set the variable that it comes from, or {DEMO}");
            return Err(Error::new(Stage::Command, "a source", "an empty argument", next));
        }
        if let Some(address) = self.sources.iter().find(|source| self.outputs.has_page() && is_address(source)) {
            return Err(spaced_address(&address.to_string_lossy()));
        }
        match self.unreached_source() {
            Some((live, next)) => Err(unreached(live, next)),
            None => Ok(()),
        }
    }

    /// Returns the first source without an end.
    pub(super) fn live_source(&self) -> Option<&OsString> {
        self.sources.iter().find(|source| is_live(source))
    }

    /// Returns the first source without an end, and the one after it.
    fn unreached_source(&self) -> Option<(&OsString, &OsString)> {
        let mut pairs = self.sources.iter().zip(self.sources.iter().skip(1));
        pairs.find(|(source, _)| is_live(source))
    }

    /// Checks that no source follows `opened`, if that has no end.
    ///
    /// # Errors
    /// Returns an error if it is not the last of `sources`.
    pub(super) fn check_last(&self, spec: &OsStr, opened: &dyn Source, sources: &[OsString]) -> Result<()> {
        let position = sources.iter().position(|source| source == spec).unwrap_or(sources.len());
        match sources.get(position + 1).filter(|_| opened.is_live()) {
            Some(next) => Err(unreached(spec, next)),
            None => Ok(()),
        }
    }

    fn no_source(&self) -> Error {
        let got = match &self.config {
            Some(path) => format!("none, neither as an argument nor in {}", path.display()),
            None => "none".to_owned(),
        };
        Error::new(Stage::Command, "a source", got, format_args!("pass a clip, a stream or camera:0, or {DEMO}"))
    }
}

/// Returns whether `source` is no file, but an address of the page.
fn is_address(source: &OsStr) -> bool {
    source.to_str().is_some_and(|text| address(text).is_ok()) && !Path::new(source).exists()
}

fn spaced_address(address: &str) -> Error {
    let next = format!("write --page={address}, without a space");
    Error::new(Stage::Command, "a source", format_args!("the address {address}"), next)
}

fn unreached(live: &OsStr, next: &OsStr) -> Error {
    let advice = if is_live(next) { "start another process for it" } else { "write it before" };
    let expected = format!("no source after {}, which has no end", without_secrets(live));
    Error::new(Stage::Command, expected, without_secrets(next), advice)
}
