//! Progress on stderr: bars on a terminal, lines in a log.

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Time between the lines of a task on a stderr that is no terminal.
const INTERVAL: Duration = Duration::from_secs(30);

/// All bars of the program, which are hidden while a message is printed.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Creates progress bars, hidden ones if quiet.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    quiet: bool,
}

impl Progress {
    pub fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    /// Creates a bar named `name` with rate, message and time left; the caller sets its length. In a log, it is a line
    /// at the start and one every [`INTERVAL`].
    pub fn bar(&self, name: &str) -> ProgressBar {
        if self.quiet {
            return ProgressBar::hidden();
        }
        let template = "{prefix:>12} [{bar:30}] {pos}/{len} {msg} {per_sec}, {eta} left";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = BARS.add(ProgressBar::new(0)).with_style(style.progress_chars("=> "));
        bar.set_prefix(name.to_owned());
        if !std::io::stderr().is_terminal() {
            log(name.to_owned(), &bar);
        }
        bar
    }

    /// Prints a message.
    pub fn print(&self, line: &str) {
        if !self.quiet {
            BARS.suspend(|| eprintln!("{line}"));
        }
    }
}

/// Writes lines about `bar` until it is finished or dropped.
fn log(name: String, bar: &ProgressBar) {
    eprintln!("{name}");
    let (bar, start) = (bar.downgrade(), Instant::now());
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(INTERVAL);
            let Some(bar) = bar.upgrade().filter(|bar| !bar.is_finished()) else { return };
            let (done, total, elapsed) = (bar.position(), bar.length().unwrap_or(0), HumanDuration(start.elapsed()));
            eprintln!("{name}: {done} of {total} after {elapsed} {}", bar.message());
        }
    });
}
