//! `figureground calibrate`: fits a bundle's gate to records.

use super::progress::Progress;
use super::{Exit, print};
use clap::Args;
use figureground::bundle::{Bundle, checksum};
use figureground::evaluate::calibration::{Bound, fit};
use figureground::evaluate::{JournalContents, Record, read_journal};
use figureground::{Error, Result, Stage, file};
use std::path::PathBuf;

pub const EXAMPLES: &str = "Examples:
  figureground validate held-out --format folder --bundle my-bundle --out held-out-report
  figureground calibrate held-out-report/records.jsonl --risk 0.1 --delta 0.1 --bundle my-bundle";

#[derive(Debug, Args)]
pub struct Calibrate {
    /// Records of a labelled set that resembles the clips the bundle will see.
    records: PathBuf,
    /// Largest fraction of wrong labels among those that the gate accepts, between 0 and 1.
    #[arg(long, value_name = "R")]
    risk: f64,
    /// Probability that this risk is exceeded, between 0 and 1.
    #[arg(long, value_name = "D", default_value_t = 0.1)]
    delta: f64,
    /// Bundle that the records were made with; its gate is replaced.
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
}

impl Calibrate {
    pub fn run(&self, progress: &Progress) -> Result<Exit> {
        let mut bundle = Bundle::open(&self.bundle)?;
        let JournalContents { header, entries, .. } = read_journal::<Record>(&self.records)?;
        if header.bundle != bundle.fingerprint()? {
            let next = "run validate with this bundle first";
            return Err(Error::new(Stage::DataSet, "records of this bundle", "those of another", next));
        }
        let records: Vec<&Record> = entries.values().collect();
        let bound = Bound { risk: self.risk, delta: self.delta };
        let source = checksum::of_file(&self.records)?;
        let fitted = fit(&records, &header.classes, &bundle.manifest().gate, bound, source)?;
        bundle.set_gate(fitted.settings.clone())?;
        file::write_aside(&self.bundle.join("bundle.toml"), bundle.manifest().to_toml()?.as_bytes())?;
        let kind = fitted.settings.score;
        print(&format!(
            "{} up to {:.4} is accepted: {:.1} % of {} held-out clips, {:.1} % of these wrong\n",
            kind.name(),
            fitted.settings.threshold.get(kind),
            fitted.coverage * 100.0,
            fitted.clips,
            fitted.risk * 100.0,
        ))?;
        progress.status(&format!(
            "at most {:.1} % of accepted labels are wrong, with probability {:.0} %, \
             for clips like these and for no others",
            self.risk * 100.0,
            (1.0 - self.delta) * 100.0
        ));
        Ok(Exit::Done)
    }
}
