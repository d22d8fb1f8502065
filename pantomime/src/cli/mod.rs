//! The command line, and the order in which things are done.

mod font;
mod movie;
mod output;
mod plan;
mod png_file;
mod sheet;
mod table;
mod tree;

use clap::{Parser, ValueEnum};
use figureground::mask::Size;
use figureground::{Error, Result, Stage};
use indicatif::ProgressBar;
use output::Output;
use pantomime::Picture;
use plan::{Entry, Plan};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const EXAMPLES: &str = "Examples:
  pantomime --clips 72 --context out --seed 1 --out clips          mp4 files and a CSV like those of Mimetics
  pantomime --clips 36 --context in --format frames --out frames   pictures and masks in HAT's folders
  pantomime --clips 12 --context object --sheet sheet.png          a picture to look at";

/// Draws clips of people acting in and out of context.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
struct Arguments {
    /// How many clips; classes take turns
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    clips: u64,
    /// How the scene, or for `object` the object, goes with the class
    #[arg(long, value_enum, default_value = "out")]
    context: Setting,
    /// What everything random follows from
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// A new or empty folder to write to
    #[arg(long, value_name = "DIR", required_unless_present = "sheet", conflicts_with = "sheet")]
    out: Option<PathBuf>,
    /// Writes one picture with eight frames of each clip instead
    #[arg(long, value_name = "FILE.png")]
    sheet: Option<PathBuf>,
    /// Width and height of the clips
    #[arg(long, default_value = "128x128", value_parser = size)]
    size: Size,
    /// What to write
    #[arg(long, value_enum, default_value = "mp4")]
    format: Format,
    /// Probability of the scene or object that goes with the class
    #[arg(long, default_value_t = 0.9, value_parser = probability)]
    rho: f64,
    /// Which classes
    #[arg(long, value_enum, default_value = "all")]
    part: Choice,
    /// What the CSV calls these clips
    #[arg(long, default_value = "test")]
    split: String,
    /// No progress on stderr
    #[arg(long)]
    quiet: bool,
}

/// Which set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Setting {
    /// Mostly the scene that goes with the action
    In,
    /// Never the scene that goes with the action
    Out,
    /// Any scene
    Free,
    /// The object-biased set: any scene, mostly the object that goes with the class
    Object,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One video file a clip, by ffmpeg
    Mp4,
    /// Pictures, masks, true backgrounds and boxes
    Frames,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Choice {
    /// Classes to train on
    Base,
    /// Classes to test on only
    Novel,
    /// Both
    All,
}

fn size(text: &str) -> std::result::Result<Size, String> {
    let sides = text.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    let (width, height) = sides.ok_or("expected WIDTHxHEIGHT, such as 128x128")?;
    if !(32..=1024).contains(&width) || !(32..=1024).contains(&height) {
        return Err("expected sides of 32 to 1024 pixels".to_owned());
    }
    Size::new(width, height).map_err(|error| error.to_string())
}

fn probability(text: &str) -> std::result::Result<f64, String> {
    let value = text.parse().ok().filter(|value| (0.0..=1.0).contains(value));
    value.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

/// Reads the command line and does what it says.
pub(crate) fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pantomime: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let plan = Plan::new(arguments.context, arguments.part, arguments.rho, arguments.seed, arguments.clips);
    let bar = if arguments.quiet { ProgressBar::hidden() } else { ProgressBar::new(arguments.clips) };
    match (&arguments.sheet, &arguments.out) {
        (Some(file), _) => sheet::write(&plan, arguments.size, file, &bar)?,
        (_, Some(directory)) => write(arguments, &plan, directory, &bar)?,
        _ => unreachable!("clap asks for one of the two"),
    }
    bar.finish_and_clear();
    Ok(())
}

fn write(arguments: &Arguments, plan: &Plan, directory: &Path, bar: &ProgressBar) -> Result<()> {
    let output = Output::create(directory)?;
    let entries: Vec<Entry> = plan.entries().collect();
    let mut picture = Picture::new(arguments.size);
    for entry in &entries {
        match arguments.format {
            Format::Mp4 => movie::write(entry, arguments.size, &mut picture, output.root())?,
            Format::Frames => tree::write(entry, arguments.size, &mut picture, output.root())?,
        }
        bar.inc(1);
    }
    table::write(&entries, &arguments.split, output.root())?;
    output.into_place()
}

/// What to say when a file of the output cannot be written.
fn not_written(path: &Path, reason: &dyn std::fmt::Display) -> Error {
    let next = "check the folder's permissions and free space";
    Error::new(Stage::Sink, format_args!("to write {}", path.display()), reason, next)
}

/// Makes a folder with all above it.
fn folder(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(|error| not_written(path, &error))
}
