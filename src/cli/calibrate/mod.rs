//! `figureground calibrate`: fits a bundle's gate to records, or to footage without labels.

mod footage;
mod settings_diff;
mod unlabelled;

use super::progress::Progress;
use super::{Exit, built_in, interrupt, print};
use clap::Args;
use figureground::bundle::{Bundle, MANIFEST, checksum};
use figureground::evaluate::calibration::{Bound, Fitted, fit};
use figureground::evaluate::{JournalContents, Record, read_journal, records_file};
use figureground::gate::GateSettings;
use figureground::{Error, Result, Setting, Stage, file};
use settings_diff::settings_diff;
use std::path::{Path, PathBuf};
use unlabelled::UnlabelledArgs;

pub const EXAMPLES: &str = "Examples:
  figureground validate held-out --format folder --bundle my-bundle --out held-out-report
  figureground calibrate held-out-report --risk 0.1 --bundle my-bundle --dry-run
  figureground calibrate held-out-report --risk 0.1 --bundle my-bundle --out calibrated-bundle
  figureground calibrate --unlabelled 'clips/*.mp4' --share 0.1 --bundle my-bundle --out calibrated-bundle
  figureground calibrate --unlabelled camera:0 --duration 600 --share 0.1 --bundle my-bundle --in-place";

#[derive(Debug, Args)]
pub struct Calibrate {
    /// Records of a labelled set that resembles the clips the bundle will see: a directory that `validate` wrote, or
    /// its records.jsonl.
    #[arg(required_unless_present = "unlabelled")]
    records: Option<PathBuf>,
    /// Largest fraction of wrong labels among those that the gate accepts, between 0 and 1.
    #[arg(long, value_name = "R", required_unless_present = "unlabelled")]
    risk: Option<f64>,
    /// Probability that this risk is exceeded, between 0 and 1.
    #[arg(long, value_name = "D", default_value_t = 0.1)]
    delta: f64,
    /// Bundle that the records were made with [default: the built-in bundle].
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// Write a copy of the bundle with the new gate to this directory; it must not exist.
    #[arg(long, value_name = "BUNDLE", conflicts_with = "in_place")]
    #[arg(required_unless_present_any = ["in_place", "dry_run"])]
    out: Option<PathBuf>,
    /// Replace the gate of the bundle itself.
    #[arg(long, requires = "bundle")]
    in_place: bool,
    /// Show the new gate and write nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    unlabelled: UnlabelledArgs,
}

impl Calibrate {
    pub fn run(&self, progress: &Progress) -> Result<Exit> {
        let bundle = self.bundle.as_deref().map_or_else(built_in::bundle, Bundle::open)?;
        if let Some(out) = &self.out {
            file::check_new_directory(out)?;
        }
        let before = bundle.manifest().gate.clone();
        let (settings, effect, explanation) = match (self.unlabelled.share(), &self.records, self.risk) {
            (Some(share), ..) => {
                let unlabelled = self.unlabelled.fit(&bundle, share, progress)?;
                (unlabelled.fit.settings.clone(), unlabelled.effect(), unlabelled.explanation(&before))
            }
            (None, Some(records), Some(risk)) => {
                let bound = Bound { risk, delta: self.delta };
                let fitted = fit_to_records(records, &bundle, bound, progress)?;
                (fitted.settings.clone(), effect(&fitted), promise(bound))
            }
            // The command line was checked.
            _ => {
                let next = "see `figureground calibrate --help`";
                return Err(Error::new(Stage::Command, "records and a risk, or footage and a share", "neither", next));
            }
        };
        let written = self.write(bundle, &settings)?;
        print(&(settings_diff(&before, &settings) + &effect))?;
        progress.result(&format!("{explanation}{written}"));
        Ok(Exit::Done)
    }

    /// Writes `bundle` with the new gate, and returns what was written.
    fn write(&self, mut bundle: Bundle, settings: &GateSettings) -> Result<String> {
        bundle.set_gate(settings.clone())?;
        // Ctrl-C during the fit must leave the bundle as it is.
        interrupt::check()?;
        Ok(match (&self.out, self.dry_run) {
            (_, true) => "nothing is written: --dry-run".to_owned(),
            (Some(out), false) => {
                bundle.write_to(out)?;
                format!("{} is written", out.display())
            }
            (None, false) => {
                file::write_aside(&bundle.path(MANIFEST), bundle.manifest().to_toml()?.as_bytes())?;
                format!("{} has the new gate", bundle.directory().display())
            }
        })
    }
}

/// Returns what the bound promises.
fn promise(bound: Bound) -> String {
    format!(
        "at most {:.1} % of accepted labels are wrong, with probability {:.0} %, \
         for clips like these and for no others\n",
        bound.risk * 100.0,
        (1.0 - bound.delta) * 100.0
    )
}

/// Fits the gate of `bundle` to the records at `path`, which must be of this bundle.
fn fit_to_records(path: &Path, bundle: &Bundle, bound: Bound, progress: &Progress) -> Result<Fitted> {
    let path = records_file(path);
    let JournalContents { header, entries, .. } = read_journal::<Record>(&path)?;
    if header.bundle != bundle.fingerprint()? {
        let expected = format!("records of the bundle {}", bundle.manifest().name);
        let got = format!("{}, which is of another bundle", path.display());
        let next = "choose the bundle that made the records, or run validate with this one";
        return Err(Error::new(Stage::DataSet, expected, got, next).about(Setting::Bundle));
    }
    if !entries.values().any(|record| record.outcome.is_scored()) {
        let got = format!("none among {} records in {}", entries.len(), path.display());
        let next = "read in report.json why the clips were not scored, and run validate again";
        return Err(Error::new(Stage::DataSet, "scored clips to fit a gate to", got, next));
    }
    let _long = progress.long(&format!("fitting the gate to {} records", entries.len()));
    let records: Vec<&Record> = entries.values().collect();
    fit(&records, &header.classes, &bundle.manifest().gate, bound, checksum::of_file(&path)?)
}

/// Returns the effect on the held-out clips.
fn effect(fitted: &Fitted) -> String {
    format!(
        "{:.1} % of {} held-out clips are accepted, {:.1} % of these wrong\n",
        fitted.coverage * 100.0,
        fitted.clips,
        fitted.risk * 100.0
    )
}
