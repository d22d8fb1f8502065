//! The ffmpeg child process: pipes, threads and exit.

use super::address::Address;
use super::command::{DecodePlan, Pass, command};
use super::features;
use super::input::Input;
use super::log::{Expectation, LogReader, Report, Stamp};
use crate::error::{Error, Result, Stage};
use crate::source::SourceOptions;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::process::{Child, ChildStdout};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

/// Capacity of the channel of stamps; the queues of ffmpeg hold fewer frames.
const WAITING_STAMPS: usize = 1024;

/// A running ffmpeg, killed and reaped when dropped.
pub(super) struct Process {
    child: Child,
    log: Option<JoinHandle<Report>>,
    address: Address,
}

/// The output of a [`Process`]: pictures, a stamp for each of them, and before them the description of the input.
pub(super) struct Output {
    pub pictures: Option<ChildStdout>,
    pub stamps: Receiver<Stamp>,
    pub described: Receiver<Input>,
}

impl Process {
    /// Starts `program` on the video at `address`.
    ///
    /// # Errors
    /// Returns an error if it is not installed or cannot be started.
    pub fn spawn(
        program: &OsStr,
        address: &Address,
        pass: Pass<'_>,
        plan: &DecodePlan,
        options: &SourceOptions,
    ) -> Result<(Self, Output)> {
        let mut command = command(program, address, pass, plan, options);
        let mut child = command.spawn().map_err(|error| not_started(program, error))?;
        let (sender, stamps) = sync_channel(WAITING_STAMPS);
        let (describing, described) = sync_channel(1);
        let expectation = Expectation {
            name: address.name.clone(),
            url: address.url.to_string_lossy().into_owned(),
            is_live: address.is_live,
            writes_pictures: !matches!(pass, Pass::Count),
            scales_to_first: features::scales_to_first(),
            selects_by_number: matches!(pass, Pass::Selected(_)),
            stream: plan.stream,
            is_range_settled: plan.is_range_settled || matches!(pass, Pass::Count),
        };
        let (pictures, stderr) = (child.stdout.take(), child.stderr.take());
        let mut process = Self { child, log: None, address: address.clone() };
        let reader = LogReader::new(expectation, sender, describing);
        process.log = Some(thread("ffmpeg-log", move || stderr.map(|pipe| reader.read(pipe)).unwrap_or_default())?);
        Ok((process, Output { pictures, stamps, described }))
    }

    /// Waits for the exit of ffmpeg, whose pipes are closed. A status other than 0 is a loss.
    pub fn finish(mut self) -> Report {
        let status = self.child.wait();
        let mut report = self.log.take().and_then(|log| log.join().ok()).unwrap_or_default();
        // ffmpeg logs the address, which may hold a password.
        report.loss = report.loss.map(|loss| self.address.redact(&loss));
        report.remark = report.remark.map(|remark| self.address.redact(&remark));
        let ended = match status {
            Ok(status) => (!status.success()).then(|| format!("ffmpeg ended with {status}")),
            Err(error) => Some(error.to_string()),
        };
        report.loss = report.loss.or_else(|| ended.map(|ended| report.remark.take().unwrap_or(ended)));
        report
    }

    /// Ends ffmpeg before its time and returns its report.
    pub fn end(mut self) -> Report {
        // It fails only if the process has ended.
        let _ = self.child.kill();
        self.finish()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if the process has ended and been reaped.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(log) = self.log.take() {
            let _ = log.join();
        }
    }
}

/// Starts a named thread.
///
/// # Errors
/// Returns an error if the system cannot start one.
pub(super) fn thread<T: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(body).map_err(|error| {
        Error::caused(Stage::Source, "a thread to read from ffmpeg", error, "raise the limit of processes")
    })
}

fn not_started(program: &OsStr, error: std::io::Error) -> Error {
    let program = program.to_string_lossy();
    if error.kind() == ErrorKind::NotFound {
        let next = "install it: apt-get install ffmpeg";
        let got = format!("no program {program}");
        return Error::new(Stage::Source, "ffmpeg, to decode video", got, next).with_source(error);
    }
    Error::caused(Stage::Source, format!("{program} to start"), error, "check its permissions")
}
