//! `figureground calibrate`: fits a bundle's gate to records, or to footage without labels.

mod choices;
mod footage;
mod unlabelled;

use super::choices::{ON_BACKGROUND, parser};
use super::progress::Progress;
use super::{Exit, built_in, interrupt, print};
use clap::Args;
use figureground::bundle::{Bundle, MANIFEST, checksum};
use figureground::evaluate::calibration::{Bound, Fitted, fit};
use figureground::evaluate::{JournalContents, Record, read_journal, records_file};
use figureground::gate::{GateSettings, OnBackground, ScoreKind};
use figureground::{Error, Result, Setting, Stage, file};
use std::collections::BTreeMap;
use std::fmt::Write;
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
    /// Score of the risk [default: risk if it orders labels better than max-softmax beyond chance, else max-softmax].
    #[arg(long, value_name = "SCORE", value_parser = choices::score, conflicts_with = "unlabelled")]
    score: Option<ScoreKind>,
    /// What becomes of a label that the background explains [default: as the bundle's gate says].
    #[arg(long, value_parser = parser(ON_BACKGROUND))]
    on_background: Option<OnBackground>,
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
        let mut bundle = self.bundle.as_deref().map_or_else(built_in::bundle, Bundle::open)?;
        if let Some(out) = &self.out {
            file::check_new_directory(out)?;
        }
        let before = bundle.manifest().gate.clone();
        if let Some(on_background) = self.on_background {
            bundle.set_gate(GateSettings { on_background, ..before.clone() })?;
        }
        let Some(risk) = self.risk else { return self.run_unlabelled(bundle, &before, progress) };
        let fitted = self.fit(&bundle, risk, progress)?;
        let [.., clips] = fitted.parts;
        if fitted.bound_videos < clips {
            let videos = fitted.bound_videos;
            log::warn!("the bound is for independent clips, and {clips} clips tested it that are of {videos} videos");
        }
        let written = self.write(bundle, fitted.settings.clone())?;
        print(&(changes(&before, &fitted.settings) + &choices::text(&fitted)))?;
        progress.result(&format!(
            "at most {:.1} % of accepted labels are wrong, with probability {:.0} %, for clips like these and for no \
             others; other labels, another tau and another --on-background void this\n{written}",
            risk * 100.0,
            (1.0 - self.delta) * 100.0
        ));
        Ok(Exit::Done)
    }

    /// Fits the gate of `bundle`, which was `before`, to footage without labels.
    fn run_unlabelled(&self, bundle: Bundle, before: &GateSettings, progress: &Progress) -> Result<Exit> {
        let fitted = self.unlabelled.fit(&bundle, progress)?;
        let written = self.write(bundle, fitted.fit.settings.clone())?;
        print(&(changes(before, &fitted.fit.settings) + &fitted.effect()))?;
        progress.result(&(fitted.explanation(before) + &written));
        Ok(Exit::Done)
    }

    /// Writes `bundle` with another gate, and returns what was written.
    fn write(&self, mut bundle: Bundle, gate: GateSettings) -> Result<String> {
        bundle.set_gate(gate)?;
        // Ctrl-C during the fit leaves the bundle as it is.
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

    /// Fits the gate of `bundle` to the records, which must be of this bundle.
    fn fit(&self, bundle: &Bundle, risk: f64, progress: &Progress) -> Result<Fitted> {
        let path = records_file(self.records.as_deref().unwrap_or(Path::new("")));
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
        let bound = Bound { risk, delta: self.delta };
        fit(&records, &header.classes, &bundle.manifest().gate, self.score, bound, checksum::of_file(&path)?)
    }
}

/// Returns a line for each setting that changes, with its key in the manifest.
fn changes(before: &GateSettings, after: &GateSettings) -> String {
    let (before, after) = (flat(before), flat(after));
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
