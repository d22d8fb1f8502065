//! Progress bars and messages on stderr.

use super::interrupt;
use figureground::Result;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// Progress on stderr: bars only on a terminal, and nothing with `--quiet`.
#[derive(Debug)]
pub struct Progress {
    is_shown: bool,
    is_quiet: bool,
}

impl Progress {
    /// Creates progress on stderr.
    pub fn new(is_quiet: bool) -> Self {
        Self { is_shown: !is_quiet && std::io::stderr().is_terminal(), is_quiet }
    }

    /// Prints `text` if stderr is a terminal.
    pub fn status(&self, text: &str) {
        if self.is_shown {
            eprintln!("{text}");
        }
    }

    /// Prints `text`, even to a log.
    pub fn message(&self, text: &str) {
        if !self.is_quiet {
            eprintln!("{text}");
        }
    }

    /// Creates a bar over `total` steps.
    pub fn bar(&self, name: &str, total: u64) -> ProgressBar {
        self.styled(ProgressBar::new(total), "{msg} {wide_bar} {pos}/{len} {eta}").with_message(name.to_owned())
    }

    /// Creates a bar over `total` clips, `done` of which are complete, with clips per second and the remaining time.
    pub fn clips(&self, total: u64, done: u64) -> ProgressBar {
        let bar = self.styled(ProgressBar::new(total), "{msg} {wide_bar} {pos}/{len} {per_sec} {eta}");
        bar.with_message("clips").with_position(done)
    }

    /// Creates a spinner for work of unknown length.
    pub fn spinner(&self, name: String) -> ProgressBar {
        let bar = self.shown(ProgressBar::new_spinner());
        if self.is_shown {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        bar.with_message(name)
    }

    fn styled(&self, bar: ProgressBar, template: &str) -> ProgressBar {
        let bar = self.shown(bar);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar
    }

    fn shown(&self, bar: ProgressBar) -> ProgressBar {
        if self.is_shown { bar } else { ProgressBar::hidden() }
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
