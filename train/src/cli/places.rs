//! `figureground-train places`.

use super::progress::Progress;
use clap::Args;
use figureground::Result;
use figureground::bundle::Bundle;
use figureground_train::place_bank;
use std::path::PathBuf;

pub const EXAMPLES: &str = "Example:
  figureground-train places --bundle models/built-in";

#[derive(Debug, Args)]
pub struct Places {
    /// Bundle to add the bank to; its own bank is replaced.
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
}

impl Places {
    pub fn run(&self, progress: &Progress) -> Result<()> {
        let mut bundle = Bundle::open(&self.bundle)?;
        let bank = place_bank::draw(&bundle.manifest().vision.preprocess)?;
        bundle.write_backgrounds(&bank)?;
        progress.print(&format!("{} places of {} in {}", bank.len(), bank.size(), self.bundle.display()));
        Ok(())
    }
}
