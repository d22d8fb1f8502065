//! `figureground-train reproduce`.

use super::device_args::DeviceArgs;
use super::progress::Progress;
use clap::Args;
use figureground::{Error, Result, Stage};
use figureground_train::reproduce::{self, Preset, Reproduction, TableRow, report};
use figureground_train::segmenter_files::SegmenterFiles;
use std::path::{Path, PathBuf};

pub const EXAMPLES: &str = "Examples:
  figureground-train reproduce --row cross/mean/0.33:0.67
  figureground-train reproduce --row cross --row albar --seeds 3
  figureground-train reproduce --list";

#[derive(Debug, Args)]
pub struct Reproduce {
    /// Name of a row, or the beginning of the names of several rows; repeatable [default: all].
    #[arg(long = "row", value_name = "NAME")]
    rows: Vec<String>,
    /// List all rows and exit.
    #[arg(long)]
    list: bool,
    /// Only write the tables of the existing results into the report.
    #[arg(long)]
    report: bool,
    /// Size of the reproduction.
    #[arg(long, value_enum, default_value_t = Preset::Miniature)]
    preset: Preset,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Number of seeds.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seeds: u64,
    /// Folder of the base pair that every row starts from [default: models/pantomime/base].
    #[arg(long, value_name = "DIR")]
    base: Option<PathBuf>,
    /// Folder with segmenter.toml and segmenter.onnx [default: models/pantomime/segmenter].
    #[arg(long, value_name = "DIR")]
    segmenter: Option<PathBuf>,
    /// Folder for results [default: train/results].
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
    /// Folder for checkpoints of unfinished rows.
    #[arg(long, value_name = "DIR", default_value = "reproduce-work")]
    work: PathBuf,
    /// Name of this machine in results.
    #[arg(long, value_name = "NAME", default_value = "unnamed machine")]
    machine: String,
}

impl Reproduce {
    pub fn run(&self, device_args: &DeviceArgs, progress: &Progress) -> Result<()> {
        let results = self.results.clone().unwrap_or_else(reproduce::results_folder);
        let rows = self.chosen_rows()?;
        if self.list {
            rows.iter().for_each(|row| println!("{}", row.name));
            return Ok(());
        }
        if !self.report {
            self.run_rows(&rows, &results, device_args, progress)?;
        }
        report::update(&results, self.preset, &report::path())
    }

    fn chosen_rows(&self) -> Result<Vec<TableRow>> {
        let all = reproduce::rows();
        if let Some(unknown) = self.rows.iter().find(|name| !all.iter().any(|row| row.name.starts_with(*name))) {
            let expected = "the name of a row, or its beginning";
            return Err(Error::new(
                Stage::Command,
                expected,
                format_args!("{unknown:?}"),
                "choose one from reproduce --list",
            ));
        }
        let chosen = |row: &TableRow| self.rows.is_empty() || self.rows.iter().any(|name| row.name.starts_with(name));
        Ok(all.into_iter().filter(chosen).collect())
    }

    fn run_rows(&self, rows: &[TableRow], results: &Path, device_args: &DeviceArgs, progress: &Progress) -> Result<()> {
        let device = device_args.device()?;
        let encoder = device_args.encoder(&device, &self.preset.sizes())?;
        let segmenter = self.segmenter.clone().unwrap_or_else(|| shipped("segmenter"));
        let reproduction = Reproduction {
            preset: self.preset,
            base: self.base.clone().unwrap_or_else(|| shipped("base")),
            work: self.work.clone(),
            results: results.to_owned(),
            device,
            encoder: &encoder,
            segmenter_files: Some(SegmenterFiles::trained(&segmenter)?),
            machine: self.machine.clone(),
        };
        reproduction.run(rows, self.seed..self.seed + self.seeds, &|name| progress.bar(name))
    }
}

/// Returns a path in the repository's `models/pantomime`.
fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/pantomime").join(name)
}
