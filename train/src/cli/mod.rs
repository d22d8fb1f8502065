//! The command line: the only module that prints and exits.

mod bundle;
mod demo;
mod device_args;
mod finetune;
mod grid;
mod places;
mod pretrain;
mod progress;
mod reproduce;
mod segmenter;
mod test_sets;

use clap::{Parser, Subcommand};
use device_args::DeviceArgs;
use progress::Progress;
use std::process::ExitCode;

/// Trains figureground's encoders and segmenter on people acting in and out of context.
#[derive(Debug, Parser)]
#[command(name = "figureground-train", version)]
struct Program {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    device: DeviceArgs,
    /// Hide progress bars and messages.
    #[arg(long, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Trains a CLIP pair from random weights on captions of base classes.
    #[command(after_help = pretrain::EXAMPLES)]
    Pretrain(pretrain::Pretrain),
    /// Fine-tunes a pair on classes, optionally with masked backgrounds or ALBAR.
    #[command(after_help = finetune::EXAMPLES)]
    Finetune(finetune::Finetune),
    /// Trains the person segmenter and measures it on held-out clips.
    #[command(after_help = segmenter::EXAMPLES)]
    Segmenter(segmenter::TrainSegmenter),
    /// Trains and evaluates the rows of the papers' tables.
    #[command(after_help = reproduce::EXAMPLES)]
    Reproduce(reproduce::Reproduce),
    /// Measures on a crossed grid whether the predictions of pairs follow the person or the place.
    #[command(after_help = grid::EXAMPLES)]
    Grid(grid::Grid),
    /// Writes a bundle with a trained pair and an uncalibrated gate.
    #[command(after_help = bundle::EXAMPLES)]
    Bundle(bundle::MakeBundle),
    /// Draws the places of a bundle's probes: scenes without people, none of them home of a base class.
    #[command(after_help = places::EXAMPLES)]
    Places(places::Places),
    /// Searches for a demo clip: its background misleads the plain encoder and not the masked one.
    #[command(after_help = demo::EXAMPLES)]
    Demo(demo::Demo),
}

pub fn run() -> ExitCode {
    let program = Program::parse();
    let progress = Progress::new(program.quiet);
    let result = match &program.command {
        Command::Pretrain(command) => command.run(&program.device, &progress),
        Command::Finetune(command) => command.run(&program.device, &progress),
        Command::Reproduce(command) => command.run(&program.device, &progress),
        Command::Grid(command) => command.run(&program.device, &progress),
        Command::Segmenter(command) => command.run(&progress),
        Command::Bundle(command) => command.run(&progress),
        Command::Places(command) => command.run(&progress),
        Command::Demo(command) => command.run(&progress),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
