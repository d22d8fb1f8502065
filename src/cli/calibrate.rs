//! `figureground calibrate`: a gate fitted to its model by records.

use super::progress::Progress;
use super::{Exit, print};
use clap::Args;
use figureground::bundle::Bundle;
use figureground::evaluate::calibration::{Bound, fit};
use figureground::evaluate::{Record, read_journal};
use figureground::{Error, Result, Stage, file};
use std::path::PathBuf;

pub const EXAMPLES: &str = "Examples:
  figureground validate held-out --format folder --bundle my-bundle --out held-out-report
  figureground calibrate held-out-report/records.jsonl --risk 0.1 --delta 0.1 --bundle my-bundle";

#[derive(Debug, Args)]
pub struct Calibrate {
    /// The records of a labelled set that is like what the bundle will see.
    records: PathBuf,
    /// At most this share of the labels that the gate accepts is to be wrong.
    #[arg(long, value_name = "R")]
    risk: f64,
    /// The probability that it is more after all.
    #[arg(long, value_name = "D", default_value_t = 0.1)]
    delta: f64,
    /// The bundle that the records were made with; its gate is replaced.
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
}

impl Calibrate {
    pub fn run(&self, progress: &Progress) -> Result<Exit> {
        let mut bundle = Bundle::open(&self.bundle)?;
        let found = read_journal::<Record>(&self.records)?;
        if found.head.bundle != bundle.fingerprint()? {
            let next = "run validate with this bundle first";
            return Err(Error::new(Stage::DataSet, "records of this bundle", "those of another", next));
        }
        let records: Vec<&Record> = found.entries.values().collect();
        let bound = Bound { risk: self.risk, delta: self.delta };
        let fitted = fit(&records, &found.head.classes, &bundle.manifest().gate, bound)?;
        bundle.set_gate(fitted.settings.clone())?;
        file::write_aside(&self.bundle.join("bundle.toml"), bundle.manifest().to_toml()?.as_bytes())?;
        let kind = fitted.settings.score;
        print(&format!(
            "{} is accepted up to {:.4}: {:.1} % of {} held-out clips, {:.1} % of these wrong\n",
            kind.name(),
            fitted.settings.threshold.get(kind),
            fitted.coverage * 100.0,
            fitted.clips,
            fitted.risk * 100.0,
        ))?;
        progress.status(&format!(
            "at most {:.1} % wrong in {:.0} % of such calibrations, for clips like these and for no others",
            self.risk * 100.0,
            (1.0 - self.delta) * 100.0
        ));
        Ok(Exit::Done)
    }
}
