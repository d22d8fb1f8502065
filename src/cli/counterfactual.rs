//! `figureground counterfactual`: writes counterfactual sets.

use super::Exit;
use super::choices::{Choice, parser};
use super::clip_progress::ClipProgress;
use super::counterfactual_args::CounterfactualArgs;
use super::dataset_args::DatasetArgs;
use super::progress::Progress;
use clap::Args;
use clap::builder::TypedValueParser;
use figureground::Result;
use figureground::bundle::Bundle;
use figureground::engine::all_cores;
use figureground::evaluate::DatasetRun;
use figureground::evaluate::counterfactual::{ClipFormat, SetKind, WriteSettings, write_sets};
use std::path::PathBuf;

pub const EXAMPLES: &str = "Examples:
  figureground counterfactual clips --format folder --bundle my-bundle --set scuba --out scuba
  figureground counterfactual clips --format folder --bundle my-bundle --set swap-far --as mp4 --out far
  figureground validate scuba --format folder --bundle my-bundle --out scuba-report

A kind that is drawn several times, or for several --backgrounds, gets a folder per set.
Clips are saved as they are made; run the same command again to resume.";

#[derive(Debug, Args)]
pub struct Counterfactual {
    #[command(flatten)]
    dataset: DatasetArgs,
    /// Kind of the set: its replacement of background, person or motion.
    #[arg(long, value_parser = kind())]
    set: SetKind,
    /// File format of the clips.
    #[arg(long = "as", value_name = "FORMAT", value_parser = clip_format(), default_value = ClipFormat::Frames.name())]
    clip_format: ClipFormat,
    /// Bundle whose segmenter finds the people [default: the built-in bundle, which knows drawn people].
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    #[command(flatten)]
    counterfactual_args: CounterfactualArgs,
}

impl Counterfactual {
    pub fn run(&self, progress: &Progress) -> Result<Exit> {
        let bundle = self.bundle.as_deref().map_or_else(super::built_in::bundle, Bundle::open)?;
        let dataset = self.counterfactual_args.add_inpainted(self.dataset.open()?)?;
        let sets = self.counterfactual_args.settings();
        let settings = WriteSettings { kind: self.set, format: self.clip_format, sets };
        let (run, bars) = (self.dataset.settings(all_cores()), ClipProgress::new(progress));
        let run = DatasetRun { bundle: &bundle, dataset: &dataset, settings: &run, progress: &bars };
        let (kind, clips, out) = (self.set.name(), dataset.clips.len(), self.dataset.out().display());
        let _long = progress.long(&format!("writing {kind} of {clips} clips to {out}"));
        let counts = write_sets(run, &settings)?;
        progress.result(&format!(
            "{} clips in {}, {} left out, {} not read",
            counts.written,
            self.dataset.out().display(),
            counts.left_out,
            counts.unreadable
        ));
        Ok(if counts.unreadable > 0 { Exit::Failed } else { Exit::Done })
    }
}

fn kind() -> impl TypedValueParser<Value = SetKind> {
    let help = |kind| match kind {
        SetKind::HumanOnly => "HAT's Human-Only: the person on the set's mean colour",
        SetKind::BackgroundOnly => "HAT's Background-Only: the inpainted background without the person",
        SetKind::PasteBack => "The person pasted back onto its own inpainted background: the control of pasting",
        SetKind::SwapRandom => "HAT's Action-Swap: the person on a background of any other class",
        SetKind::SwapClose => "Action-Swap with a class of the most similar scenes",
        SetKind::SwapFar => "Action-Swap with a class of the least similar scenes",
        SetKind::SwapSame => "Action-Swap with the same class: the upper bound",
        SetKind::Scuba => "SCUBA: the person on one still background",
        SetKind::Scufo => "SCUFO: one frame of the SCUBA clip, repeated: a person without motion",
        SetKind::ConflFg => "ConflFG: the SCUBA clip with a still person of another class in it",
    };
    parser(SetKind::ALL.map(|value| Choice { value, name: value.name(), help: help(value) }))
}

fn clip_format() -> impl TypedValueParser<Value = ClipFormat> {
    let help = |format| match format {
        ClipFormat::Frames => "A folder of PNGs per clip, as in HAT",
        ClipFormat::Mp4 => "An MP4 per clip, encoded by ffmpeg",
    };
    parser(ClipFormat::ALL.map(|value| Choice { value, name: value.name(), help: help(value) }))
}
