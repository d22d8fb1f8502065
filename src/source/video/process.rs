//! The ffmpeg child: its arguments, its pipes, its end.

use super::address::Address;
use super::log::{Listener, Report, Stamp};
use crate::error::{Error, Result, Stage};
use crate::source::selection::Selection;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

/// Stamps that may wait for their pictures; ffmpeg's own queues hold fewer frames.
const WAITING_STAMPS: usize = 1024;

/// What one run of ffmpeg is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pass<'a> {
    /// Decode and show, convert nothing.
    Count,
    /// Every frame as a picture.
    All,
    /// Only the frames with these indices as pictures.
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

/// What comes out of a [`Process`]: pictures, and a stamp for each of them.
pub(super) struct Output {
    pub pictures: Option<ChildStdout>,
    pub stamps: Receiver<Stamp>,
}

impl Process {
    /// Starts `program` on `input`.
    ///
    /// # Errors
    /// When it is not installed or cannot be started.
    pub fn spawn(program: &OsStr, address: &Address, pass: Pass<'_>) -> Result<(Self, Output)> {
        let mut child = command(program, address, pass).spawn().map_err(|error| not_started(program, &error))?;
        let (sender, stamps) = sync_channel(WAITING_STAMPS);
        let wanted =
            if let Pass::Selected(indices) = pass { Selection::Only(indices.to_vec()) } else { Selection::All };
        let (pictures, stderr, lines) = (child.stdout.take(), child.stderr.take(), Arc::default());
        let mut process = Self { child, log: None, lines: Arc::clone(&lines), lines_seen: 0, address: address.clone() };
        let listener = Listener::new(address.name.clone(), address.is_live, wanted, sender, lines);
        process.log = Some(thread("ffmpeg-log", move || stderr.map(|pipe| listener.listen(pipe)).unwrap_or_default())?);
        Ok((process, Output { pictures, stamps }))
    }

    /// Whether ffmpeg has said anything since the last call.
    pub fn shows_life(&mut self) -> bool {
        let before = self.lines_seen;
        self.lines_seen = self.lines.load(Ordering::Relaxed);
        self.lines_seen != before
    }

    /// Waits for the end that is coming, its pipes being closed. A status that is not 0 is trouble.
    pub fn finish(mut self) -> Report {
        let status = self.child.wait();
        let mut report = self.log.take().and_then(|log| log.join().ok()).unwrap_or_default();
        // ffmpeg repeats the address, which may hold a password.
        report.trouble = report.trouble.map(|trouble| self.address.redacted(&trouble));
        match status {
            Ok(status) if status.success() => {}
            Ok(status) => {
                report.trouble.get_or_insert_with(|| format!("ffmpeg ended with {status}"));
            }
            Err(error) => {
                report.trouble.get_or_insert_with(|| error.to_string());
            }
        }
        report
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it has ended and been reaped, which is what they are for.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(log) = self.log.take() {
            let _ = log.join();
        }
    }
}

/// A named thread.
///
/// # Errors
/// When the system gives none.
pub(super) fn thread<T: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(body).map_err(|error| {
        Error::new(Stage::Source, "a thread to read from ffmpeg", error, "raise the limit of processes")
    })
}

fn command(program: &OsStr, address: &Address, pass: Pass<'_>) -> Command {
    let mut command = Command::new(program);
    // Colours would hide the levels.
    command.env("AV_LOG_FORCE_NOCOLOR", "1").env_remove("AV_LOG_FORCE_COLOR");
    command.args(["-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+info"]);
    if !address.is_live {
        // Half a packet decodes to half a picture, which is no whole frame.
        command.args(["-fflags", "+discardcorrupt"]);
    } else {
        // ffmpeg would listen for five seconds before the first picture, each time that a stream comes back.
        command.args(["-analyzeduration", "1000000"]);
    }
    if matches!(pass, Pass::Count) {
        // As many frames, a quarter sooner: nobody sees these.
        command.args(["-skip_loop_filter", "all"]);
    }
    command.arg("-i").arg(&address.url);
    // V: no cover art. Passthrough: no frame doubled or dropped to a constant rate.
    command.args(["-map", "0:V:0", "-fps_mode", "passthrough", "-vf", &filters(pass)]);
    command.args(match pass {
        Pass::Count => &["-f", "null", "-"][..],
        Pass::All | Pass::Selected(_) => &["-f", "image2pipe", "-c:v", "ppm", "-"],
    });
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Ctrl-C is ours to answer: its own process group keeps ffmpeg from ending first with a made-up error.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    #[cfg(target_os = "linux")]
    end_with_us(&mut command);
    command
}

/// Has the system kill ffmpeg when the thread that starts it ends, which is when this program does: sources stay on their threads.
/// Whatever ends us, no ffmpeg is left behind that waits for a silent stream.
#[cfg(target_os = "linux")]
fn end_with_us(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    let ask = || {
        // SAFETY: it takes a number and touches no memory.
        match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: between fork and exec it makes one system call and allocates nothing.
    unsafe { command.pre_exec(ask) };
}

/// `showinfo` stands before `select`, so that times and indices are those of the whole clip.
fn filters(pass: Pass<'_>) -> String {
    let Pass::Selected(indices) = pass else {
        return "showinfo=checksum=0".to_owned();
    };
    let terms: Vec<String> = indices.iter().map(|index| format!("eq(n,{index})")).collect();
    format!("showinfo=checksum=0,select='{}'", terms.join("+"))
}

fn not_started(program: &OsStr, error: &std::io::Error) -> Error {
    let program = program.to_string_lossy();
    if error.kind() == ErrorKind::NotFound {
        let next = "install it: apt-get install ffmpeg";
        return Error::new(Stage::Source, "ffmpeg, which decodes video", format_args!("no {program}"), next);
    }
    Error::new(Stage::Source, format_args!("{program} to start"), error, "check its permissions")
}
