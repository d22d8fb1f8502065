//! The command line.

mod clip_list;
mod files;
mod hat_folders;
mod mp4;
mod output_folder;
mod people;
mod people_folder;
mod png_file;
mod sheet;
mod tables;
mod text;

use clap::{ArgGroup, Parser, ValueEnum};
use clip_list::{AlternatingClips, ClassChoice, ClipList, ContextChoice, NamedClip};
use figureground::Result;
use figureground::mask::Size;
use indicatif::ProgressBar;
use output_folder::OutputFolder;
use pantomime::Picture;
use people::PeopleRange;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const EXAMPLES: &str = "Examples:
  pantomime --clips 72 --context out --seed 1 --out clips          mp4 files and a CSV like those of Mimetics
  pantomime --clips 36 --context in --format frames --out frames   pictures and masks in HAT's folders
  pantomime --clips 12 --context object --sheet sheet.png          one picture with frames of all clips
  pantomime --clips 36 --people 2:5 --format frames --out crowds   clips of several people and who is where
  pantomime --grid 108 --seed 1 --out grid                         the same 108 people in 18 places each";

/// Draws clips of people acting in and out of context.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, group = ArgGroup::new("amount").required(true))]
struct Arguments {
    /// Number of clips; the classes alternate
    #[arg(long, group = "amount", value_parser = clap::value_parser!(u64).range(1..))]
    clips: Option<u64>,
    /// Draw a crossed grid instead: this number of people, each in the home of every class used for training
    #[arg(
        long,
        value_name = "PEOPLE",
        group = "amount",
        conflicts_with_all = ["clips", "context", "part", "rho", "people"],
        value_parser = clap::value_parser!(u64).range(1..=10_000)
    )]
    grid: Option<u64>,
    /// Relation of the scene, or for `object` of the object, to the class
    #[arg(long, value_enum, default_value = "out")]
    context: ContextChoice,
    /// Seed for everything drawn at random
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// New or empty folder to write to
    #[arg(long, value_name = "DIR", required_unless_present = "sheet", conflicts_with = "sheet")]
    out: Option<PathBuf>,
    /// Write one picture with eight frames of each clip instead
    #[arg(long, value_name = "FILE.png")]
    sheet: Option<PathBuf>,
    /// Width and height of the clips
    #[arg(long, default_value = "128x128", value_parser = size)]
    size: Size,
    /// Output format
    #[arg(long, value_enum, default_value = "mp4")]
    format: OutputFormat,
    /// Probability of the home scene or the bound object of the class
    #[arg(long, default_value_t = 0.9, value_parser = probability)]
    rho: f64,
    /// Classes to draw
    #[arg(long, value_enum, default_value = "all")]
    part: ClassChoice,
    /// Number of people per clip, 1 to 5, or a range such as 2:5; the first one's class is the clip's
    #[arg(long, value_name = "N|MIN:MAX", default_value = "1")]
    people: PeopleRange,
    /// Name of the split in the CSV file
    #[arg(long, default_value = "test")]
    split: String,
    /// Hide the progress bar
    #[arg(long)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    /// One video file per clip, encoded by ffmpeg
    Mp4,
    /// Pictures, masks, backgrounds and boxes
    Frames,
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

/// Runs the program and returns its exit code.
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
    let list = list(arguments);
    let bar = if arguments.quiet { ProgressBar::hidden() } else { ProgressBar::new(list.len() as u64) };
    match (&arguments.sheet, &arguments.out) {
        (Some(file), _) => sheet::write(&list, arguments.size, file, &bar)?,
        (_, Some(directory)) => write(arguments, &list, directory, &bar)?,
        _ => unreachable!("clap requires one of the two"),
    }
    bar.finish_and_clear();
    Ok(())
}

fn list(arguments: &Arguments) -> ClipList {
    let &Arguments { context, part, rho, people, seed, .. } = arguments;
    match (arguments.grid, arguments.clips) {
        (Some(people), _) => ClipList::grid(people as usize, seed),
        (_, Some(clips)) => ClipList::Alternating(AlternatingClips::new((context, part), rho, people, seed, clips)),
        _ => unreachable!("clap requires one of the two"),
    }
}

fn write(arguments: &Arguments, list: &ClipList, directory: &Path, bar: &ProgressBar) -> Result<()> {
    let output = OutputFolder::create(directory)?;
    let clips: Vec<NamedClip> = list.clips().collect();
    let mut picture = Picture::new(arguments.size);
    for named in &clips {
        match arguments.format {
            OutputFormat::Mp4 => mp4::write(named, arguments.size, &mut picture, output.root())?,
            OutputFormat::Frames => hat_folders::write(named, arguments.size, &mut picture, output.root())?,
        }
        bar.inc(1);
    }
    tables::write(&clips, &arguments.split, output.root())?;
    output.into_place()
}
