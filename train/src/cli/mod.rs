//! The command line: the only module that prints and exits.

mod bundle;
mod demo;
mod finetune;
mod pretrain;
mod progress;
mod reproduce;
mod segmenter;
mod test_sets;

use burn::tensor::Device;
use clap::{Args, Parser, Subcommand, ValueEnum};
use figureground::Result;
use figureground::engine::all_cores;
use figureground_train::pair::PairSizes;
use figureground_train::parallel_encoder::ParallelEncoder;
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
    Segmenter(segmenter::Segmenter),
    /// Trains and evaluates the rows of the papers' tables.
    #[command(after_help = reproduce::EXAMPLES)]
    Reproduce(reproduce::Reproduce),
    /// Writes a bundle with a trained pair and a gate calibrated on held-out clips.
    #[command(after_help = bundle::EXAMPLES)]
    Bundle(bundle::MakeBundle),
    /// Searches for a demo clip: its background misleads a bundle, and the gate flags the prediction.
    #[command(after_help = demo::EXAMPLES)]
    Demo(demo::Demo),
}

/// A device for training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DeviceChoice {
    /// The CPU.
    Cpu,
    /// A GPU through wgpu (feature `wgpu`).
    Wgpu,
    /// An NVIDIA GPU (feature `cuda`).
    Cuda,
}

#[derive(Debug, Args)]
struct DeviceArgs {
    /// Device for training.
    #[arg(long, global = true, value_enum, default_value_t = DeviceChoice::Cpu)]
    device: DeviceChoice,
    /// Number of CPU threads [default: all cores].
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Largest number of pictures that one thread encodes at once.
    #[arg(long, alias = "shard", global = true, value_name = "N", default_value_t = 32)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    chunk: u32,
}

impl DeviceArgs {
    fn device(&self) -> Result<Device> {
        match self.device {
            DeviceChoice::Cpu => Ok(Device::flex()),
            DeviceChoice::Wgpu => wgpu(),
            DeviceChoice::Cuda => cuda(),
        }
    }

    /// Creates the encoder; on a GPU it has one thread.
    fn encoder(&self, device: &Device, sizes: &PairSizes) -> Result<ParallelEncoder> {
        let threads = match self.device {
            DeviceChoice::Cpu => self.threads.map_or_else(all_cores, usize::from),
            DeviceChoice::Wgpu | DeviceChoice::Cuda => 1,
        };
        ParallelEncoder::new(threads, self.chunk as usize, device, sizes)
    }
}

#[cfg(feature = "wgpu")]
fn wgpu() -> Result<Device> {
    Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice))
}

#[cfg(not(feature = "wgpu"))]
fn wgpu() -> Result<Device> {
    Err(missing("wgpu"))
}

#[cfg(feature = "cuda")]
fn cuda() -> Result<Device> {
    Ok(Device::cuda(0))
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> Result<Device> {
    Err(missing("cuda"))
}

#[cfg(not(all(feature = "wgpu", feature = "cuda")))]
fn missing(feature: &str) -> figureground::Error {
    use figureground::{Error, Stage};
    let got = format!("a build without the feature {feature}");
    Error::new(
        Stage::Command,
        format_args!("the feature {feature} for --device {feature}"),
        got,
        format_args!("build with --features {feature}"),
    )
}

pub fn run() -> ExitCode {
    let program = Program::parse();
    let progress = Progress::new(program.quiet);
    let result = match &program.command {
        Command::Pretrain(command) => command.run(&program.device, &progress),
        Command::Finetune(command) => command.run(&program.device, &progress),
        Command::Reproduce(command) => command.run(&program.device, &progress),
        Command::Segmenter(command) => command.run(&progress),
        Command::Bundle(command) => command.run(&program.device, &progress),
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
