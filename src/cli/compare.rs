//! `figureground compare`: two validation runs on the same clips.

use super::progress::Progress;
use super::{Exit, print};
use clap::Args;
use figureground::evaluate::compare::{
    ChangedClip, ClipSelection, Comparison, Difference, JudgedRun, McNemar, RunIdentity, page,
};
use figureground::{Error, Result, Stage, file};
use std::fmt::Write;
use std::path::{Path, PathBuf};

pub const EXAMPLES: &str = "Examples:
  figureground validate clips --format folder --bundle before --out before-report
  figureground validate clips --format folder --bundle after --out after-report
  figureground compare before-report after-report --html comparison.html

Intervals are those of a paired bootstrap over source videos. p is that of the exact McNemar test.";

/// Changed clips that the text lists; JSON and page list all.
const LISTED: usize = 20;

#[derive(Debug, Args)]
pub struct Compare {
    /// First run: a directory that `validate` wrote, or its records.jsonl.
    #[arg(value_name = "A")]
    first: PathBuf,
    /// Second run.
    #[arg(value_name = "B")]
    second: PathBuf,
    /// Compare only the clips that both runs scored [default: refuse runs on other clips].
    #[arg(long)]
    common: bool,
    /// Write the comparison as JSON to FILE, or to stdout instead of the text if it is -.
    #[arg(long, value_name = "FILE|-")]
    json: Option<PathBuf>,
    /// Write the comparison as a page.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Compare {
    pub fn run(&self, progress: &Progress) -> Result<Exit> {
        let [a, b] = [&self.first, &self.second].map(|path| JudgedRun::read(path));
        let (a, b) = (a?, b?);
        let _long = progress.long(&format!("comparing {} with {}", self.first.display(), self.second.display()));
        let selection = if self.common { ClipSelection::Common } else { ClipSelection::Same };
        let comparison = Comparison::of(&a, &b, selection)?;
        if let Some(path) = &self.html {
            file::write_aside(path, page(&comparison).as_bytes())?;
        }
        let json = || {
            serde_json::to_string_pretty(&comparison)
                .map(|json| json + "\n")
                .map_err(|error| Error::caused(Stage::Sink, "a comparison as JSON", error, "report this"))
        };
        match &self.json {
            Some(path) if path == Path::new("-") => print(&json()?)?,
            Some(path) => {
                file::write_aside(path, json()?.as_bytes())?;
                print(&text(&comparison))?;
            }
            None => print(&text(&comparison))?,
        }
        Ok(Exit::Done)
    }
}

/// Returns the comparison for people.
fn text(comparison: &Comparison) -> String {
    let Comparison { clips, videos, left_out, differences, changed, .. } = comparison;
    let [a, b] = comparison.runs.each_ref().map(run);
    let mut text = format!("A  {a}\nB  {b}\n{clips} clips of {videos} source videos");
    if *left_out > 0 {
        text += &format!(", without {left_out} that are not in both runs");
    }
    let width = differences.iter().map(|difference| difference.measure.len()).max().unwrap_or(0);
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "\n\n{:width$}  {:>6}  {:>6}  {:>6}  {:>16}  only A : only B, p",
        "", "A", "B", "B - A", "95 % interval"
    );
    differences.iter().for_each(|difference| text += &row(difference, width));
    let _ = writeln!(text, "\n{} clips changed their label or verdict", changed.len());
    changed.iter().take(LISTED).for_each(|clip| text += &change(clip));
    if changed.len() > LISTED {
        let _ = writeln!(text, "  and {} more, which --json and --html list", changed.len() - LISTED);
    }
    text
}

fn run(RunIdentity { path, bundle, .. }: &RunIdentity) -> String {
    let name = bundle.name.as_deref().unwrap_or("unnamed");
    format!("{path}: bundle {name}, sha256 {}", bundle.checksum)
}

fn row(difference: &Difference, width: usize) -> String {
    let Difference { measure, unit, a, b, low, high, mcnemar, .. } = difference;
    let interval = format!("{} to {}", unit.change(*low), unit.change(*high));
    let test =
        mcnemar.map_or_else(String::new, |McNemar { only_a, only_b, p }| format!("  {only_a} : {only_b}, {p:.3}"));
    let [a, b, change] = [unit.number(*a), unit.number(*b), unit.change(difference.difference)];
    format!("{measure:width$}  {a:>6}  {b:>6}  {change:>6}  {interval:>16}{test}\n")
}

fn change(ChangedClip { clip, labels, verdicts, .. }: &ChangedClip) -> String {
    let arrow = |[a, b]: &[String; 2]| if a == b { a.clone() } else { format!("{a} -> {b}") };
    format!("  {clip}  {}  {}\n", arrow(labels), arrow(verdicts))
}
