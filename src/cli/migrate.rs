//! `figureground migrate`: rewrites files of version 1.

use super::Exit;
use super::progress::Progress;
use clap::Args;
use figureground::Result;
use figureground::migrate::{Migrated, migrate};
use std::path::PathBuf;

pub const EXAMPLES: &str = "Examples:
  figureground migrate my-bundle
  figureground migrate report/records.jsonl
  figureground migrate verdicts.jsonl --out verdicts-2.jsonl

What version 1 does not say becomes null, and the gate of a migrated bundle is uncalibrated: run `figureground calibrate`.
A threshold tau in a configuration becomes a comment, because its scale changed.";

#[derive(Debug, Args)]
pub struct Migrate {
    /// Bundle, configuration (.toml), file of verdict lines or file of records, of version 1.
    #[arg(value_name = "FILE|BUNDLE")]
    path: PathBuf,
    /// File or bundle to write; it must not exist [default: replace the original, whose new name ends in .v1].
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
}

impl Migrate {
    pub fn run(&self, progress: &Progress) -> Result<Exit> {
        let Migrated { what, to, original } = migrate(&self.path, self.out.as_deref())?;
        let original = original.map_or_else(String::new, |path| format!("; the original is {}", path.display()));
        progress.result(&format!("{what} of version 2: {}{original}", to.display()));
        Ok(Exit::Done)
    }
}
