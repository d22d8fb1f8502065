//! `figureground labels`: replaces the label bank of a bundle.

use super::Exit;
use super::progress::Progress;
use clap::Args;
use figureground::Result;
use figureground::bundle::labels;
use figureground::engine::all_cores;
use figureground::label_embedding::relabel;
use std::path::PathBuf;

pub const EXAMPLES: &str = "Example:
  figureground labels --bundle my-bundle --labels actions.txt --template 'a photo of a person {}.'";

#[derive(Debug, Args)]
pub struct Labels {
    /// Bundle directory.
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    /// File with one class name per line.
    #[arg(long, value_name = "FILE")]
    labels: PathBuf,
    /// Prompt with {} for the class name; may be given several times [default: the bundle's].
    #[arg(long = "template", value_name = "TEXT")]
    templates: Vec<String>,
    /// CPU threads that embed the labels [default: all cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl Labels {
    pub fn run(&self, progress: &Progress) -> Result<Exit> {
        let names = labels::read_names(&self.labels)?;
        let text = format!("embedding {} labels for {}", names.len(), self.bundle.display());
        let _long = progress.long(&text);
        let threads = self.threads.map_or_else(all_cores, usize::from);
        relabel(&self.bundle, names, &self.templates, threads, &mut progress.prompts())?;
        progress.result(&format!("{} has new labels", self.bundle.display()));
        Ok(Exit::Done)
    }
}
