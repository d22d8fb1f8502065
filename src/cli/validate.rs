//! `figureground validate` and `merge`: accuracy, background bias and gate of a model on a labelled data set.

use super::clip_progress::ClipProgress;
use super::counterfactual_args::CounterfactualArgs;
use super::dataset_args::DatasetArgs;
use super::probe_args::ProbeArgs;
use super::progress::Progress;
use super::{Exit, ModelArgs};
use clap::Args;
use figureground::bundle::Bundle;
use figureground::evaluate::counterfactual::SetKind;
use figureground::evaluate::dataset::Shard;
use figureground::evaluate::metrics::Unscored;
use figureground::evaluate::{self, DatasetRun, Validation, ValidationSettings};
use figureground::{Error, Result, Setting, Stage};
use std::path::{Path, PathBuf};

pub const EXAMPLES: &str = "Examples:
  figureground validate mimetics --format mimetics --bundle my-bundle --out mimetics-report
  figureground validate clips --format folder --bundle my-bundle --out report --shard 1/4
  figureground validate clips --format folder --bundle my-bundle --out report --probe 8 --probe-all
  figureground merge report-1 report-2 report-3 report-4 --bundle my-bundle --out report

Results are saved as they are made; run the same command again to resume.";

#[derive(Debug, Args)]
pub struct Validate {
    #[command(flatten)]
    dataset: DatasetArgs,
    /// Part of the clips to score: every N-th one, from the K-th on.
    #[arg(long, value_name = "K/N", default_value = "1/1")]
    shard: Shard,
    /// Counterfactual sets to score too: all, or some of human-only, background-only, paste-back, swap-random,
    /// swap-close, swap-far, swap-same, scuba, scufo, conflfg.
    #[arg(long, value_name = "SET,...", value_delimiter = ',', value_parser = parse_selection)]
    counterfactual: Vec<SetSelection>,
    /// Play the pointing game: measure how often a vision transformer attends most to the person.
    #[arg(long)]
    pointing: bool,
    #[command(flatten)]
    models: ModelArgs,
    #[command(flatten)]
    probe: ProbeArgs,
    #[command(flatten)]
    counterfactual_args: CounterfactualArgs,
}

/// One kind of set, or all.
#[derive(Clone, Debug)]
struct SetSelection(Vec<SetKind>);

fn parse_selection(text: &str) -> core::result::Result<SetSelection, String> {
    if text == "all" {
        return Ok(SetSelection(SetKind::ALL.into()));
    }
    let names = || SetKind::ALL.map(SetKind::name).join(", ");
    let kind = SetKind::ALL.into_iter().find(|kind| kind.name() == text);
    kind.map(|kind| SetSelection(vec![kind])).ok_or_else(|| format!("expected all, or some of {}", names()))
}

#[derive(Debug, Args)]
pub struct Merge {
    /// Directories that `validate --shard` wrote: all shards of one run.
    #[arg(required = true, value_name = "DIR")]
    shards: Vec<PathBuf>,
    /// Bundle whose gate judges the records [default: the built-in bundle].
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// Directory to write the merged records and the report to.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl Validate {
    pub fn run(&self, progress: &Progress) -> Result<Exit> {
        let bundle = self.models.open()?;
        let dataset = self.counterfactual_args.add_inpainted(self.dataset.open()?)?;
        let options = self.models.choice();
        let settings = ValidationSettings {
            title: self.dataset.name(),
            command: command_line(),
            shard: self.shard,
            backend: options.backend,
            precision: options.precision,
            pointing: self.pointing,
            probe: self.probe.measuring(&bundle)?,
            counterfactual: self.counterfactual.iter().flat_map(|selection| selection.0.clone()).collect(),
            sets: self.counterfactual_args.settings(),
        };
        let (run, bars) = (self.dataset.settings(options.threads), ClipProgress::new(progress));
        let run = DatasetRun { bundle: &bundle, dataset: &dataset, settings: &run, progress: &bars };
        let (clips, title, out) = (dataset.clips.len(), &settings.title, self.dataset.out().display());
        let _long = progress.long(&format!("validating {clips} clips of {title}, results go to {out}"));
        summarize(progress, &evaluate::validate(run, &settings)?)
    }
}

impl Merge {
    pub fn run(&self, progress: &Progress) -> Result<Exit> {
        let bundle = self.bundle.as_deref().map_or_else(super::built_in::bundle, Bundle::open)?;
        let _long = progress.long(&format!("merging {} shards to {}", self.shards.len(), self.out.display()));
        summarize(progress, &evaluate::merge(&self.shards, &bundle, &self.out, &command_line())?)
    }
}

/// Returns the command line as a shell would take it.
fn command_line() -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,+@%".contains(c);
    let quoted = |argument: String| match argument.is_empty() || !argument.chars().all(plain) {
        true => format!("'{}'", argument.replace('\'', "'\\''")),
        false => argument,
    };
    let arguments = std::env::args_os().skip(1).map(|argument| quoted(argument.to_string_lossy().into_owned()));
    ["figureground".to_owned()].into_iter().chain(arguments).collect::<Vec<_>>().join(" ")
}

/// Shows the headline figures to a person.
///
/// # Errors
/// Returns an error if none of the clips was scored.
fn summarize(progress: &Progress, Validation { listed, measures, page }: &Validation) -> Result<Exit> {
    // A shard may be empty.
    if measures.clips == 0 && *listed > 0 {
        return Err(nothing_scored(*listed, &measures.unscored, page));
    }
    // A share of no clips is no number.
    let text = |share: f64| if share.is_nan() { "none".to_owned() } else { format!("{:.1} %", share * 100.0) };
    let percent = |name: &str| text(measures.metrics.get(name).map_or(f64::NAN, |e| e.value));
    let verdict = |name: &str| text(measures.verdicts.get(name).map_or(f64::NAN, |e| e.value));
    progress.result(&format!(
        "{} of {listed} clips: top1 {}, P-top1 {}, B-top1 {}; flagged {}, of right ones {}\n{}",
        measures.clips,
        percent("top1"),
        percent("p_top1"),
        percent("b_top1"),
        verdict("flagged"),
        verdict("right_flagged"),
        page.display(),
    ));
    if let Some(grid) = &measures.attribution {
        let precision = |name: &str| text(grid.scores.get(name).map_or(f64::NAN, |s| s.average_precision.value));
        progress.result(&format!(
            "{} people in {} places: the place explains {} of the labels, and {} of the {} flagged ones; average \
             precision of dominance {}, of max-softmax {}",
            grid.people,
            grid.places,
            text(grid.by_place.value),
            text(grid.flagged.by_place.value),
            grid.flagged.clips,
            precision("dominance"),
            precision("max-softmax"),
        ));
    }
    let unscored = listed.saturating_sub(measures.clips);
    if unscored > 0 {
        progress.result(&format!("{unscored} clips were not scored: report.json lists them with the reason"));
    }
    Ok(Exit::Done)
}

fn nothing_scored(listed: usize, unscored: &Unscored, page: &Path) -> Error {
    let reasons = [
        (unscored.missing.len(), "without a file"),
        (unscored.mislabelled.len(), "whose label is no class of the bundle"),
        (unscored.too_short.len(), "that are too short"),
        (unscored.unreadable.len(), "that cannot be read"),
    ];
    let reasons = reasons.iter().filter(|(clips, _)| *clips > 0).map(|(clips, why)| format!("{clips} {why}"));
    let reasons = reasons.collect::<Vec<_>>().join(", ");
    let first = unscored.unreadable.iter().next().map_or_else(String::new, |(clip, why)| format!("; {clip}: {why}"));
    let got = format!("none of {listed}: {reasons}{first}");
    let next = format!("see {}, and check the data set, its format and the bundle's labels", page.display());
    Error::new(Stage::DataSet, "clips that can be scored", got, next)
        .about(Setting::Data)
        .about(Setting::Format)
        .about(Setting::Bundle)
}
