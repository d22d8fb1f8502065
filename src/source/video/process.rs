//! The ffmpeg child process: arguments, pipes and exit.

use super::address::Address;
use super::log::{LogReader, Report, Stamp};
use crate::error::{Error, Result, Stage};
use crate::source::selection::Selection;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

/// Capacity of the channel of stamps; the queues of ffmpeg hold fewer frames.
const WAITING_STAMPS: usize = 1024;

/// The purpose of one run of ffmpeg.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pass<'a> {
    /// Decode and report frames without converting them.
    Count,
    /// Convert every frame.
    All,
    /// Convert only the frames with these indices.
    Selected(&'a [u64]),
}

/// A running ffmpeg, killed and reaped when dropped.
pub(super) struct Process {
    child: Child,
    log: Option<JoinHandle<Report>>,
    lines: Arc<AtomicU64>,
    lines_seen: u64,
    address: Address,
}

/// The output of a [`Process`]: pictures, and a stamp for each of them.
pub(super) struct Output {
    pub pictures: Option<ChildStdout>,
    pub stamps: Receiver<Stamp>,
}

impl Process {
    /// Starts `program` on the video at `address`.
    ///
    /// # Errors
    /// Returns an error if it is not installed or cannot be started.
    pub fn spawn(program: &OsStr, address: &Address, pass: Pass<'_>) -> Result<(Self, Output)> {
        let mut child = command(program, address, pass).spawn().map_err(|error| not_started(program, error))?;
        let (sender, stamps) = sync_channel(WAITING_STAMPS);
        let selection =
            if let Pass::Selected(indices) = pass { Selection::Only(indices.to_vec()) } else { Selection::All };
        let (pictures, stderr, lines) = (child.stdout.take(), child.stderr.take(), Arc::default());
        let mut process = Self { child, log: None, lines: Arc::clone(&lines), lines_seen: 0, address: address.clone() };
        let reader = LogReader::new(address.name.clone(), address.is_live, selection, sender, lines);
        process.log = Some(thread("ffmpeg-log", move || stderr.map(|pipe| reader.read(pipe)).unwrap_or_default())?);
        Ok((process, Output { pictures, stamps }))
    }

    /// Returns whether ffmpeg has logged anything since the last call.
    pub fn is_active(&mut self) -> bool {
        let before = self.lines_seen;
        self.lines_seen = self.lines.load(Ordering::Relaxed);
        self.lines_seen != before
    }

    /// Waits for the exit of ffmpeg, whose pipes are closed. A status other than 0 is a failure.
    pub fn finish(mut self) -> Report {
        let status = self.child.wait();
        let mut report = self.log.take().and_then(|log| log.join().ok()).unwrap_or_default();
        // ffmpeg logs the address, which may hold a password.
        report.failure = report.failure.map(|failure| self.address.redact(&failure));
        report.failure = report.failure.or_else(|| match status {
            Ok(status) => (!status.success()).then(|| format!("ffmpeg ended with {status}")),
            Err(error) => Some(error.to_string()),
        });
        report
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

fn command(program: &OsStr, address: &Address, pass: Pass<'_>) -> Command {
    let mut command = Command::new(program);
    // Colour codes would break the parser.
    command.env("AV_LOG_FORCE_NOCOLOR", "1").env_remove("AV_LOG_FORCE_COLOR");
    command.args(["-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+info"]);
    if !address.is_live {
        // A truncated packet would decode to a partial picture.
        command.args(["-fflags", "+discardcorrupt"]);
    } else {
        // The default analysis takes five seconds before the first picture of each connection.
        command.args(["-analyzeduration", "1000000"]);
    }
    if matches!(pass, Pass::Count) {
        // A quarter faster; the pictures of this pass are not used.
        command.args(["-skip_loop_filter", "all"]);
    }
    command.arg("-i").arg(&address.url);
    // V excludes cover art; passthrough neither duplicates nor drops frames for a constant rate.
    command.args(["-map", "0:V:0", "-fps_mode", "passthrough", "-vf", &filters(pass)]);
    command.args(match pass {
        Pass::Count => &["-f", "null", "-"][..],
        Pass::All | Pass::Selected(_) => &["-f", "image2pipe", "-c:v", "ppm", "-"],
    });
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // In its own process group, ffmpeg does not receive ctrl-C, on which it would report an error.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    #[cfg(target_os = "linux")]
    kill_with_parent(&mut command);
    command
}

/// Makes the system kill ffmpeg when the thread that starts it ends, so that a killed program leaves no ffmpeg that
/// waits for a silent stream. Sources stay on their threads.
#[cfg(target_os = "linux")]
fn kill_with_parent(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    let set_death_signal = || {
        // SAFETY: it takes a number and touches no memory.
        match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: between fork and exec it makes one system call and allocates nothing.
    unsafe { command.pre_exec(set_death_signal) };
}

/// Returns the filters of a pass; `showinfo` comes before `select`, so that it reports every frame of the clip.
fn filters(pass: Pass<'_>) -> String {
    let Pass::Selected(indices) = pass else {
        return "showinfo=checksum=0".to_owned();
    };
    let terms: Vec<String> = indices.iter().map(|index| format!("eq(n,{index})")).collect();
    format!("showinfo=checksum=0,select='{}'", terms.join("+"))
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
