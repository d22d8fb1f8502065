//! The command line: the only place that prints and exits.

mod bench;
mod built_in;
mod calibrate;
mod choices;
mod clip_progress;
mod config;
mod counterfactual;
mod counterfactual_args;
mod dataset_args;
mod devices;
mod flags;
mod import;
mod infer;
mod inspect;
mod interrupt;
mod labels;
mod progress;
mod run;
mod service;
mod text_line;
mod validate;

use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use figureground::bundle::Bundle;
use figureground::engine::{Backend, BackendOptions, Precision, all_cores};
use figureground::{Error, Result, Stage};
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

/// Recognises what a person is doing, and knows when it is only reading the room.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Errors only, and no progress bars.
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Verdicts for clips, pictures, pipes, streams and cameras.
    #[command(after_help = run::EXAMPLES, args_override_self = true)]
    Run(run::RunArgs),
    /// A CLIP checkpoint, a segmenter and a label file to a bundle.
    #[command(after_help = import::EXAMPLES)]
    Import(import::Import),
    /// Replaces a bundle's label bank.
    #[command(after_help = labels::EXAMPLES)]
    Labels(labels::Labels),
    /// What is in a bundle or an ONNX file.
    #[command(after_help = inspect::EXAMPLES)]
    Inspect(inspect::Inspect),
    /// Runs one ONNX file on .npy tensors.
    #[command(after_help = infer::EXAMPLES)]
    Infer(infer::Infer),
    /// How biased a model is on a labelled set, and what its gate buys.
    #[command(after_help = validate::EXAMPLES)]
    Validate(validate::Validate),
    /// One report of the shards of a set.
    #[command(after_help = validate::EXAMPLES)]
    Merge(validate::Merge),
    /// Makes sets that tell what a model goes by: people without their places, or without motion.
    #[command(after_help = counterfactual::EXAMPLES)]
    Counterfactual(counterfactual::Counterfactual),
    /// Fits a bundle's gate by the records of a labelled set.
    #[command(after_help = calibrate::EXAMPLES)]
    Calibrate(calibrate::Calibrate),
    /// How fast this device is, stage by stage.
    #[command(after_help = bench::EXAMPLES)]
    Bench(bench::Bench),
    /// Processors, GPUs and cameras that this build can use.
    #[command(after_help = devices::EXAMPLES)]
    Devices(devices::Devices),
}

impl Command {
    /// What ctrl-C does when the command does not end by itself.
    fn on_signal_timeout(&self) -> interrupt::SignalTimeout {
        match self {
            Command::Import(_) | Command::Labels(_) | Command::Calibrate(_) => interrupt::SignalTimeout::Wait,
            _ => interrupt::SignalTimeout::Leave,
        }
    }
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// Done.
    Done,
    /// Done, and a bound that the user set was broken.
    BoundBroken,
    /// Could not be done; the message is out.
    Failed,
    /// Ended by a signal.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::BoundBroken => 1,
            Exit::Failed => 2,
            Exit::Interrupted => interrupt::exit_code(),
        })
    }
}

/// Where the models are and where they run.
#[derive(Clone, Debug, Args)]
struct ModelArgs {
    /// The bundle's directory [default: the built-in bundle, which knows drawn people].
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// Where models run; never another than the one asked for.
    #[arg(long, value_enum, default_value_t = Backend::Auto)]
    backend: Backend,
    /// How a GPU stores numbers.
    #[arg(long, value_enum, default_value_t = Precision::F32)]
    precision: Precision,
    /// Threads on the CPU [default: all cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl ModelArgs {
    fn threads(&self) -> usize {
        self.threads.map_or_else(all_cores, usize::from)
    }

    fn choice(&self) -> BackendOptions {
        BackendOptions { backend: self.backend, precision: self.precision, threads: self.threads() }
    }

    /// Opens the bundle that was named, or the built-in one.
    fn open(&self) -> Result<Bundle> {
        self.bundle.as_deref().map_or_else(built_in::bundle, Bundle::open)
    }
}

/// Parses the command line, runs it and reports what went wrong, once.
pub fn main() -> ExitCode {
    let (cli, matches) = match parse() {
        Ok(parsed) => parsed,
        Err(error) => {
            report(&error);
            return Exit::Failed.into();
        }
    };
    leave_display_servers_alone();
    start_log(cli.quiet);
    interrupt::listen(cli.command.on_signal_timeout());
    let progress = progress::Progress::new(cli.quiet);
    let ended = match &cli.command {
        Command::Run(run) => run.run(&matches, &progress),
        Command::Import(import) => import.run(&progress),
        Command::Labels(labels) => labels.run(&progress),
        Command::Inspect(inspect) => inspect.run(),
        Command::Infer(infer) => infer.run(),
        Command::Validate(validate) => validate.run(&progress),
        Command::Merge(merge) => merge.run(&progress),
        Command::Counterfactual(counterfactual) => counterfactual.run(&progress),
        Command::Calibrate(calibrate) => calibrate.run(&progress),
        Command::Bench(bench) => bench.run(&progress),
        Command::Devices(devices) => devices.run(),
    };
    let exit = match ended {
        _ if interrupt::raised() => Exit::Interrupted,
        Ok(exit) => exit,
        Err(error) => {
            report(&error);
            Exit::Failed
        }
    };
    exit.into()
}

/// The command line, with the configuration that it names, and the matches of its command. What is wrong with the command line itself is told and ends the
/// program, as is usual.
///
/// # Errors
/// When the configuration cannot be used.
fn parse() -> Result<(Cli, ArgMatches)> {
    parse_from(std::env::args_os().collect()).map_err(|wrong| match wrong {
        Wrong::Typed(error) => error.exit(),
        Wrong::Configured(error) => error,
    })
}

/// The same command line again, with what its configuration says by now.
///
/// # Errors
/// When the configuration cannot be used.
fn parse_again() -> Result<(Cli, ArgMatches)> {
    parse_from(std::env::args_os().collect()).map_err(|wrong| match wrong {
        Wrong::Typed(error) => Error::new(Stage::Command, "the command line that was typed", error, "restart"),
        Wrong::Configured(error) => error,
    })
}

/// What is wrong with a command line, or with the configuration that it names.
enum Wrong {
    Typed(clap::Error),
    Configured(Error),
}

fn parse_from(typed: Vec<OsString>) -> core::result::Result<(Cli, ArgMatches), Wrong> {
    let cli = |arguments: &[OsString]| {
        let mut matches = Cli::command().try_get_matches_from(arguments)?;
        let cli = Cli::from_arg_matches(&matches)?;
        Ok((cli, matches.remove_subcommand().map(|(_, matches)| matches).unwrap_or_default()))
    };
    let (parsed, matches) = cli(&typed).map_err(Wrong::Typed)?;
    let Command::Run(run) = &parsed.command else { return Ok((parsed, matches)) };
    let Some(path) = run.config() else { return Ok((parsed, matches)) };
    let settings = config::read(path, &run::command()).map_err(Wrong::Configured)?;
    // In front of what was typed, which counts more.
    let place = typed.iter().skip(1).position(|argument| argument == "run").map_or(typed.len(), |place| place + 2);
    let mut arguments = typed.clone();
    arguments.splice(place..place, settings.flags);
    if !run.has_sources() && !settings.sources.is_empty() {
        arguments.push("--".into());
        arguments.extend(settings.sources);
    }
    cli(&arguments).map_err(|error| {
        let got = error.to_string();
        let got = got.lines().next().unwrap_or_default().trim_start_matches("error: ");
        let next = "correct it; `figureground run --help` tells what each flag takes";
        Wrong::Configured(Error::new(Stage::Command, "settings that `run` takes", got, next).at(path.display()))
    })
}

/// A layer of Mesa's Vulkan asks a display server which GPU is preferred, and complains on stderr where there is none; this
/// program shows nothing on a display and chooses by kind.
fn leave_display_servers_alone() {
    // SAFETY: the program's first deed; no other thread runs that could read the environment.
    unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
}

/// Warnings on stderr, or what `RUST_LOG` says; only errors when `quiet`.
fn start_log(quiet: bool) {
    // What wgpu has to complain of comes back as errors of ours; a machine without a driver is nothing to complain of.
    let filter = "warn,wgpu_hal=off,wgpu_core=off";
    let mut log = env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(filter));
    if quiet {
        log.filter_level(log::LevelFilter::Error);
    }
    log.format_timestamp(None).format_target(false).init();
}

/// Prints an error on stderr.
fn report(error: &Error) {
    if !interrupt::raised() {
        eprintln!("figureground: {}", flags::message(error));
    }
}

/// Whether a person reads stdout.
fn person_reads() -> bool {
    std::io::stdout().is_terminal()
}

/// Prints to stdout; nobody reading any more is no error.
fn print(text: &str) -> Result<()> {
    use std::io::{ErrorKind, Write};
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::new(Stage::Sink, "to write to stdout", error, "check where stdout goes"))
        }
        _ => Ok(()),
    }
}
