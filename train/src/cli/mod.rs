//! The command line: the only place that prints and exits.

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
use figureground_train::pair::Sizes;
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
    machine: Machine,
    /// No progress bars.
    #[arg(long, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Trains a CLIP pair from nothing on captions, base class actions only.
    #[command(after_help = pretrain::EXAMPLES)]
    Pretrain(pretrain::Pretrain),
    /// Fine-tunes a pair on classes, with masked backgrounds or ALBAR where asked for.
    #[command(after_help = finetune::EXAMPLES)]
    Finetune(finetune::Finetune),
    /// Trains the person segmenter and tries it on held-out seeds.
    #[command(after_help = segmenter::EXAMPLES)]
    Segmenter(segmenter::Segmenter),
    /// Trains and examines the rows of the papers' tables.
    #[command(after_help = reproduce::EXAMPLES)]
    Reproduce(reproduce::Reproduce),
    /// A bundle of a trained pair, its gate calibrated on clips that nothing was trained on.
    #[command(after_help = bundle::EXAMPLES)]
    Bundle(bundle::MakeBundle),
    /// A clip out of context that a bundle's background view names wrongly, and its gate flags.
    #[command(after_help = demo::EXAMPLES)]
    Demo(demo::Demo),
}

/// What trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Where {
    /// The CPU.
    Cpu,
    /// A GPU through wgpu (feature `wgpu`).
    Wgpu,
    /// An NVIDIA GPU (feature `cuda`).
    Cuda,
}

#[derive(Debug, Args)]
struct Machine {
    /// What trains.
    #[arg(long, global = true, value_enum, default_value_t = Where::Cpu)]
    device: Where,
    /// Threads on the CPU [default: all cores].
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// The most pictures that one thread encodes at once.
    #[arg(long, global = true, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    shard: u32,
}

impl Machine {
    fn device(&self) -> Result<Device> {
        match self.device {
            Where::Cpu => Ok(Device::flex()),
            Where::Wgpu => wgpu(),
            Where::Cuda => cuda(),
        }
    }

    /// On a GPU one thread feeds all encoder.
    fn encoder(&self, device: &Device, sizes: &Sizes) -> Result<ParallelEncoder> {
        let threads = match self.device {
            Where::Cpu => self.threads.map_or_else(all_cores, usize::from),
            Where::Wgpu | Where::Cuda => 1,
        };
        ParallelEncoder::new(threads, self.shard as usize, device, sizes)
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
    Error::new(Stage::Command, format_args!("--device {feature}"), got, format_args!("build with --features {feature}"))
}

pub fn run() -> ExitCode {
    let program = Program::parse();
    let progress = Progress::new(program.quiet);
    let done = match &program.command {
        Command::Pretrain(command) => command.run(&program.machine, &progress),
        Command::Finetune(command) => command.run(&program.machine, &progress),
        Command::Reproduce(command) => command.run(&program.machine, &progress),
        Command::Segmenter(command) => command.run(&progress),
        Command::Bundle(command) => command.run(&program.machine, &progress),
        Command::Demo(command) => command.run(&progress),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
