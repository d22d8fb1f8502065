//! The command line interface, the only module that prints and exits.

mod backends;
mod bench;
mod built_in;
mod calibrate;
mod choices;
mod clip_progress;
mod compare;
mod completions;
mod config;
mod counterfactual;
mod counterfactual_args;
mod dataset_args;
mod demo;
mod devices;
mod flags;
mod import;
mod infer;
mod inspect;
mod interrupt;
mod labels;
mod migrate;
mod npy;
mod probe_args;
mod progress;
mod run;
mod service;
mod source_args;
mod text_line;
mod validate;

use backends::{BACKENDS, PRECISIONS};
use choices::parser;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use figureground::bundle::Bundle;
use figureground::engine::{Backend, BackendOptions, Precision, all_cores};
use figureground::printable::printable;
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
    /// Print errors only, and no progress bars.
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Classify the built-in clip, as a first look.
    #[command(after_help = demo::EXAMPLES)]
    Demo(demo::Demo),
    /// Classify clips, pictures, pipes, streams and cameras.
    #[command(after_help = run::EXAMPLES, args_override_self = true)]
    Run(Box<run::RunArgs>),
    /// Create a bundle from a CLIP checkpoint, a segmenter and a label file.
    #[command(after_help = import::EXAMPLES)]
    Import(import::Import),
    /// Replace the labels of a bundle.
    #[command(after_help = labels::EXAMPLES)]
    Labels(labels::Labels),
    /// Show the contents of a bundle or an ONNX file.
    #[command(after_help = inspect::EXAMPLES)]
    Inspect(inspect::Inspect),
    /// Run an ONNX file on .npy tensors.
    #[command(after_help = infer::EXAMPLES)]
    Infer(infer::Infer),
    /// Measure the accuracy, background bias and gate of a model on a labelled data set.
    #[command(after_help = validate::EXAMPLES)]
    Validate(validate::Validate),
    /// Merge the results of several shards into one report.
    #[command(after_help = validate::EXAMPLES)]
    Merge(validate::Merge),
    /// Compare two validation runs on the same clips: paired differences and changed verdicts.
    #[command(after_help = compare::EXAMPLES)]
    Compare(compare::Compare),
    /// Create counterfactual clips, in which the person, the background or the motion is replaced.
    #[command(after_help = counterfactual::EXAMPLES)]
    Counterfactual(counterfactual::Counterfactual),
    /// Fit the gate of a bundle to the records of a labelled data set, or to footage without labels.
    #[command(after_help = calibrate::EXAMPLES)]
    Calibrate(calibrate::Calibrate),
    /// Rewrite a bundle, configuration, verdict lines or records of version 1.
    #[command(after_help = migrate::EXAMPLES)]
    Migrate(migrate::Migrate),
    /// Measure the time of each stage on this device.
    #[command(after_help = bench::EXAMPLES)]
    Bench(bench::Bench),
    /// List the processors, GPUs and cameras that this build can use.
    #[command(after_help = devices::EXAMPLES)]
    Devices(devices::Devices),
    /// Print a completion script for a shell.
    #[command(after_help = completions::EXAMPLES)]
    Completions(completions::Completions),
}

impl Command {
    /// Returns the action when the command does not end in time after ctrl-C.
    fn on_signal_timeout(&self) -> interrupt::SignalTimeout {
        match self {
            Command::Import(_) | Command::Labels(_) | Command::Calibrate(_) | Command::Migrate(_) => {
                interrupt::SignalTimeout::Wait
            }
            _ => interrupt::SignalTimeout::Exit,
        }
    }
}

/// The result of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// Success.
    Done,
    /// Success, but a limit that the user set was exceeded.
    BoundBroken,
    /// Failure; the error was printed.
    Failed,
    /// Ended by a signal.
    Interrupted,
}

impl Exit {
    /// Returns the exit code.
    fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::BoundBroken => 1,
            Exit::Failed => 2,
            Exit::Interrupted => interrupt::exit_code(),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

/// Help of a command, before its examples.
const HELP: &str = "{about-with-newline}\n{usage-heading} {usage}\n\n{all-args}\n\n";

/// Returns the command line. The examples of each command are not wrapped, so that they can be copied.
fn command() -> clap::Command {
    Cli::command().mut_subcommands(|command| match command.get_after_help() {
        // Clap wraps everything but a template.
        Some(examples) => {
            let template = format!("{HELP}{examples}");
            command.help_template(template)
        }
        None => command,
    })
}

/// The flags for the models and their backend.
#[derive(Clone, Debug, Args)]
struct ModelArgs {
    /// Directory of the bundle [default: the built-in bundle, which recognises drawn people only].
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// Backend that runs the models.
    #[arg(long, value_parser = parser(BACKENDS), default_value = "auto")]
    backend: Backend,
    /// Number format on a GPU.
    #[arg(long, value_parser = parser(PRECISIONS), default_value = "f32")]
    precision: Precision,
    /// Number of CPU threads [default: all cores].
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

    /// Opens the bundle, or the built-in one by default.
    fn open(&self) -> Result<Bundle> {
        self.bundle.as_deref().map_or_else(built_in::bundle, Bundle::open)
    }
}

/// Parses the command line, runs the command and prints its error.
pub fn main() -> ExitCode {
    let (cli, matches) = match parse() {
        Ok(parsed) => parsed,
        Err(error) => {
            report(&error);
            return Exit::Failed.into();
        }
    };
    disable_display_server_query();
    start_log(cli.quiet);
    interrupt::listen(cli.command.on_signal_timeout());
    let progress = progress::Progress::new(cli.quiet);
    let result = match &cli.command {
        Command::Demo(demo) => demo.run(&progress),
        Command::Run(run) => run.run(&matches, &progress),
        Command::Import(import) => import.run(&progress),
        Command::Labels(labels) => labels.run(&progress),
        Command::Inspect(inspect) => inspect.run(),
        Command::Infer(infer) => infer.run(),
        Command::Validate(validate) => validate.run(&progress),
        Command::Merge(merge) => merge.run(&progress),
        Command::Compare(compare) => compare.run(&progress),
        Command::Counterfactual(counterfactual) => counterfactual.run(&progress),
        Command::Calibrate(calibrate) => calibrate.run(&progress),
        Command::Migrate(migrate) => migrate.run(&progress),
        Command::Bench(bench) => bench.run(&progress),
        Command::Devices(devices) => devices.run(),
        Command::Completions(completions) => completions.run(),
    };
    let exit = match result {
        _ if interrupt::is_interrupted() => Exit::Interrupted,
        Ok(exit) => exit,
        Err(error) => {
            report(&error);
            Exit::Failed
        }
    };
    exit.into()
}

/// Parses the command line and its configuration file; also returns the matches of the command. Exits with a message if
/// the command line is invalid, as is usual.
///
/// # Errors
/// Returns an error if the configuration file cannot be used.
fn parse() -> Result<(Cli, ArgMatches)> {
    parse_from(std::env::args_os().collect()).map_err(|error| match error {
        ParseError::CommandLine(error) => error.exit(),
        ParseError::Configuration(error) => error,
    })
}

/// Parses the same command line with the current content of its configuration file.
///
/// # Errors
/// Returns an error if the configuration file cannot be used.
fn parse_again() -> Result<(Cli, ArgMatches)> {
    parse_from(std::env::args_os().collect()).map_err(|error| match error {
        ParseError::CommandLine(error) => Error::caused(Stage::Command, "a valid command line", error, "restart"),
        ParseError::Configuration(error) => error,
    })
}

/// An error in the command line or in its configuration file.
enum ParseError {
    CommandLine(clap::Error),
    Configuration(Error),
}

fn parse_from(command_line: Vec<OsString>) -> core::result::Result<(Cli, ArgMatches), ParseError> {
    let cli = |arguments: &[OsString]| {
        let mut matches = command().try_get_matches_from(arguments)?;
        let cli = Cli::from_arg_matches(&matches)?;
        Ok((cli, matches.remove_subcommand().map(|(_, matches)| matches).unwrap_or_default()))
    };
    let (parsed, matches) = cli(&command_line).map_err(ParseError::CommandLine)?;
    let Command::Run(run) = &parsed.command else { return Ok((parsed, matches)) };
    let Some(path) = run.config() else { return Ok((parsed, matches)) };
    let file = config::read(path, &run::command()).map_err(ParseError::Configuration)?;
    // Before the flags of the command line, which take precedence.
    let position = command_line.iter().skip(1).position(|argument| argument == "run");
    let position = position.map_or(command_line.len(), |position| position + 2);
    let mut arguments = command_line.clone();
    arguments.splice(position..position, file.flags);
    if !run.has_sources() && !file.sources.is_empty() {
        arguments.push("--".into());
        arguments.extend(file.sources);
    }
    cli(&arguments).map_err(|error| {
        let got = error.to_string();
        let got = got.lines().next().unwrap_or_default().trim_start_matches("error: ");
        let next = "correct it; see `figureground run --help`";
        ParseError::Configuration(
            Error::new(Stage::Command, "valid values for the flags of `run`", got, next).at(path.display()),
        )
    })
}

/// Disables a Vulkan layer of Mesa that asks a display server for the preferred GPU and prints an error without one.
fn disable_display_server_query() {
    // SAFETY: no other thread that could read the environment runs yet.
    unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
}

/// Logs warnings and notes to stderr, or the levels of `RUST_LOG`; only errors with `quiet`.
fn start_log(quiet: bool) {
    // Errors of wgpu are reported as errors of this crate; a missing driver is not an error.
    let filter = "warn,figureground::notes=info,wgpu_hal=off,wgpu_core=off";
    let mut log = env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(filter));
    if quiet {
        log.filter_level(log::LevelFilter::Error);
    }
    if std::io::stderr().is_terminal() && std::env::var_os("RUST_LOG_STYLE").or(std::env::var_os("NO_COLOR")).is_none()
    {
        log.write_style(env_logger::WriteStyle::Always);
    }
    let target = env_logger::Target::Pipe(Box::new(progress::LogWriter));
    log.target(target).format(format_record).init();
}

/// Writes a log line, as `[WARN ] text`. Names in it may hold anything: no character of them is obeyed by a terminal,
/// and what follows a line break is indented, so that it is no line of its own.
fn format_record(to: &mut env_logger::fmt::Formatter, record: &log::Record<'_>) -> std::io::Result<()> {
    use std::io::Write;
    let (style, text) = (to.default_level_style(record.level()), record.args().to_string());
    let text = printable(&text, &['\n', '\t']).replace('\n', "\n    ");
    writeln!(to, "[{style}{:<5}{style:#}] {text}", record.level())
}

/// Prints an error on stderr.
fn report(error: &Error) {
    if !interrupt::is_interrupted() {
        // What follows a line break in a name is no line of its own.
        let message = flags::message(error).replace('\n', "\n    ");
        progress::suspend(|| progress::print_line(&format!("figureground: {message}")));
    }
}

/// Returns whether stdout is a terminal.
fn person_reads() -> bool {
    std::io::stdout().is_terminal()
}

/// Prints to stdout; a closed pipe is not an error.
fn print(text: &str) -> Result<()> {
    use std::io::{ErrorKind, Write};
    // Names in it may hold anything; a file gets them as they are.
    let text = if person_reads() { printable(text, &['\n', '\t']) } else { text.into() };
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::caused(Stage::Sink, "a writable stdout", error, "check where stdout goes"))
        }
        _ => Ok(()),
    }
}
