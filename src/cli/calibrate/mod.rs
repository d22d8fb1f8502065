//! `figureground calibrate`: fits a bundle's gate to records.

use super::progress::Progress;
use super::{Exit, built_in, print};
use clap::Args;
use figureground::bundle::{Bundle, MANIFEST, checksum};
use figureground::evaluate::calibration::{Bound, Fitted, fit};
use figureground::evaluate::{JournalContents, Record, read_journal, records_file};
use figureground::gate::GateSettings;
use figureground::{Error, Result, Setting, Stage, file};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

pub const EXAMPLES: &str = "Examples:
  figureground validate held-out --format folder --bundle my-bundle --out held-out-report
  figureground calibrate held-out-report --risk 0.1 --bundle my-bundle --dry-run
  figureground calibrate held-out-report --risk 0.1 --bundle my-bundle --out calibrated-bundle";

#[derive(Debug, Args)]
pub struct Calibrate {
    /// Records of a labelled set that resembles the clips the bundle will see: a directory that `validate` wrote, or
    /// its records.jsonl.
    records: PathBuf,
    /// Largest fraction of wrong labels among those that the gate accepts, between 0 and 1.
    #[arg(long, value_name = "R")]
    risk: f64,
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
}

impl Calibrate {
    pub fn run(&self, progress: &Progress) -> Result<Exit> {
        let mut bundle = self.bundle.as_deref().map_or_else(built_in::bundle, Bundle::open)?;
        if let Some(out) = &self.out {
            file::check_new_directory(out)?;
        }
        let fitted = self.fit(&bundle, progress)?;
        let before = bundle.manifest().gate.clone();
        bundle.set_gate(fitted.settings.clone())?;
        let written = match (&self.out, self.dry_run) {
            (_, true) => "nothing is written: --dry-run".to_owned(),
            (Some(out), false) => {
                bundle.write_to(out)?;
                format!("{} is written", out.display())
            }
            (None, false) => {
                file::write_aside(&bundle.path(MANIFEST), bundle.manifest().to_toml()?.as_bytes())?;
                format!("{} has the new gate", bundle.directory().display())
            }
        };
        print(&text(&before, &fitted))?;
        progress.result(&format!(
            "at most {:.1} % of accepted labels are wrong, with probability {:.0} %, \
             for clips like these and for no others\n{written}",
            self.risk * 100.0,
            (1.0 - self.delta) * 100.0
        ));
        Ok(Exit::Done)
    }

    /// Fits the gate of `bundle` to the records, which must be of this bundle.
    fn fit(&self, bundle: &Bundle, progress: &Progress) -> Result<Fitted> {
        let path = records_file(&self.records);
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
        let bound = Bound { risk: self.risk, delta: self.delta };
        fit(&records, &header.classes, &bundle.manifest().gate, bound, checksum::of_file(&path)?)
    }
}

/// Returns the settings that change, and the effect on the held-out clips.
fn text(before: &GateSettings, fitted: &Fitted) -> String {
    let (before, after) = (flat(before), flat(&fitted.settings));
    let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    let width = keys.iter().map(|key| key.len()).max().unwrap_or(0);
    let mut text = String::new();
    for key in keys.into_iter().filter(|key| before.get(*key) != after.get(*key)) {
        let [old, new] = [&before, &after].map(|settings| settings.get(key).map_or("none", String::as_str));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{key:width$}  {old} -> {new}");
    }
    let _ = writeln!(
        text,
        "{:.1} % of {} held-out clips are accepted, {:.1} % of these wrong",
        fitted.coverage * 100.0,
        fitted.clips,
        fitted.risk * 100.0
    );
    text
}

/// Returns the settings by their key in the manifest: `gate.calibration.clips`.
fn flat(settings: &GateSettings) -> BTreeMap<String, String> {
    fn add(key: &str, value: &toml::Value, flat: &mut BTreeMap<String, String>) {
        match value {
            toml::Value::Table(table) => {
                table.iter().for_each(|(name, value)| add(&format!("{key}.{name}"), value, flat));
            }
            value => drop(flat.insert(key.to_owned(), value.to_string())),
        }
    }
    let mut all = BTreeMap::new();
    // Through text, which has the shortest form of every number.
    if let Some(table) = toml::to_string(settings).ok().and_then(|text| text.parse::<toml::Table>().ok()) {
        add("gate", &toml::Value::Table(table), &mut all);
    }
    all
}
