//! Progress bars and messages on stderr.

use super::interrupt;
use figureground::Result;
use figureground::printable::printable;
use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressStyle};
use std::cell::Cell;
use std::io::{IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time between the lines of a long command on a stderr that is no terminal.
const INTERVAL: Duration = Duration::from_secs(30);
/// Environment variable with another interval in seconds, for tests.
const INTERVAL_VARIABLE: &str = "FIGUREGROUND_PROGRESS_SECONDS";

/// All bars of the program. Each is on a line of its own, and all are hidden while something is printed.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

thread_local! {
    /// Whether this thread has hidden the bars.
    static HAS_HIDDEN_BARS: Cell<bool> = const { Cell::new(false) };
}

/// Hides the bars while `write` prints.
pub fn suspend<T>(write: impl FnOnce() -> T) -> T {
    // A line that is logged inside `write` would wait for `write` to end.
    if HAS_HIDDEN_BARS.replace(true) {
        return write();
    }
    let written = BARS.suspend(write);
    HAS_HIDDEN_BARS.set(false);
    written
}

/// Prints `line` to stderr, without characters that a terminal obeys. One that cannot be printed, as on a full disk, is
/// lost: it must not end the run.
pub fn print_line(line: &str) {
    let _ = std::io::stderr().write_all(format!("{}\n", printable(line, &['\n', '\t'])).as_bytes());
}

/// Writes log lines to stderr without overwriting bars.
#[derive(Debug)]
pub struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        suspend(|| std::io::stderr().write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

/// Where progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Display {
    /// Nowhere, with `--quiet`.
    Hidden,
    /// Bars on a terminal.
    Terminal,
    /// Lines in a log.
    Log,
}

/// Progress on stderr: bars on a terminal, lines in a log, and nothing with `--quiet`.
#[derive(Debug)]
pub struct Progress {
    display: Display,
    /// Bars that the lines of a log describe.
    bars: Arc<Mutex<Vec<ProgressBar>>>,
}

/// A long command. It prints a line at its start and one every [`INTERVAL`], until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct LongCommand {
    /// The thread that prints ends with its channel.
    _thread: Option<Sender<()>>,
}

impl Progress {
    /// Creates progress on stderr.
    pub fn new(is_quiet: bool) -> Self {
        let display = match (is_quiet, std::io::stderr().is_terminal()) {
            (true, _) => Display::Hidden,
            (false, true) => Display::Terminal,
            (false, false) => Display::Log,
        };
        Self { display, bars: Arc::default() }
    }

    /// Prints `text` if stderr is a terminal.
    pub fn status(&self, text: &str) {
        if self.display == Display::Terminal {
            suspend(|| print_line(text));
        }
    }

    /// Prints `text`, even to a log.
    pub fn message(&self, text: &str) {
        if self.display != Display::Hidden {
            suspend(|| print_line(text));
        }
    }

    /// Prints the result of a long command, with the level of a log line in a log.
    pub fn result(&self, text: &str) {
        match self.display {
            Display::Hidden => {}
            Display::Terminal => self.status(text),
            Display::Log => text.lines().for_each(log_line),
        }
    }

    /// Begins a long command; `text` says what it does.
    pub fn long(&self, text: &str) -> LongCommand {
        if self.display != Display::Log {
            return LongCommand { _thread: None };
        }
        log_line(text);
        let (sender, ended) = mpsc::channel();
        let (bars, text, start, interval) = (Arc::clone(&self.bars), text.to_owned(), Instant::now(), interval());
        std::thread::spawn(move || {
            while ended.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                log_line(&format!("{text}: {}", state(&bars, start)));
            }
        });
        LongCommand { _thread: Some(sender) }
    }

    /// Creates a bar over `total` steps.
    pub fn bar(&self, name: &str, total: u64) -> ProgressBar {
        self.shown(ProgressBar::new(total), "{msg} {wide_bar} {pos}/{len} {eta}")
            .with_message(printable(name, &[]).into_owned())
    }

    /// Creates a bar over `total` clips, `done` of which are complete, with clips per second and the remaining time.
    pub fn clips(&self, total: u64, done: u64) -> ProgressBar {
        let bar = self.shown(ProgressBar::new(total), "{msg} {wide_bar} {pos}/{len} {per_sec} {eta}");
        bar.with_message("clips").with_position(done)
    }

    /// Creates a spinner for work of unknown length.
    pub fn spinner(&self, name: String) -> ProgressBar {
        let bar = self.shown(ProgressBar::new_spinner(), "{spinner} {msg}");
        if self.display == Display::Terminal {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        bar.with_message(printable(&name, &[]).into_owned())
    }

    fn shown(&self, bar: ProgressBar, template: &str) -> ProgressBar {
        if self.display != Display::Terminal {
            bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
            let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
            bars.retain(|bar| !bar.is_finished());
            bars.push(bar.clone());
            return bar;
        }
        let bar = BARS.add(bar);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar
    }

    /// Returns a callback that shows how many prompts are embedded, and fails once the program is interrupted.
    pub fn prompts(&self) -> impl FnMut(usize, usize) -> Result<()> + use<> {
        let bar = self.bar("embedding labels", 0);
        move |done, total| {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
            if done == total {
                bar.finish_and_clear();
            }
            interrupt::check()
        }
    }
}

fn interval() -> Duration {
    let seconds = std::env::var(INTERVAL_VARIABLE).ok().and_then(|text| text.parse().ok());
    seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).map_or(INTERVAL, |interval| {
        // A thread that never sleeps would fill the log.
        interval.max(Duration::from_millis(10))
    })
}

/// Describes the bar that was created last and is not finished, and the time since `start`.
fn state(bars: &Mutex<Vec<ProgressBar>>, start: Instant) -> String {
    let elapsed = HumanDuration(start.elapsed());
    let bars = bars.lock().unwrap_or_else(PoisonError::into_inner);
    let current = bars.iter().rev().find(|bar| !bar.is_finished());
    match current.and_then(|bar| Some((bar, bar.length().filter(|total| *total > 0)?))) {
        None => format!("running for {elapsed}"),
        Some((bar, total)) => {
            let done = format!("{} {} of {total} after {elapsed}", bar.message(), bar.position());
            match bar.eta() {
                Duration::ZERO => done,
                left => format!("{done}, about {} left", HumanDuration(left)),
            }
        }
    }
}

fn log_line(text: &str) {
    print_line(&format!("[INFO ] {text}"));
}
