//! Progress bars on stderr, for people; nothing where nobody looks.

use super::interrupt;
use figureground::Result;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// Whether and where progress is shown.
#[derive(Debug)]
pub struct Progress {
    shown: bool,
    quiet: bool,
}

impl Progress {
    /// Progress on stderr, unless `quiet` or no terminal.
    pub fn new(quiet: bool) -> Self {
        Self { shown: !quiet && std::io::stderr().is_terminal(), quiet }
    }

    /// Tells a person that something is done.
    pub fn done(&self, what: &str) {
        if self.shown {
            eprintln!("{what}");
        }
    }

    /// Tells a person or a log what it has to know.
    pub fn say(&self, what: &str) {
        if !self.quiet {
            eprintln!("{what}");
        }
    }

    /// A bar over `total` steps.
    pub fn bar(&self, what: &str, total: u64) -> ProgressBar {
        let bar = self.place(ProgressBar::new(total));
        let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.with_message(what.to_owned())
    }

    /// A bar over `total` clips of which `done` are done already, with clips a second and the time left.
    pub fn clips(&self, total: u64, done: u64) -> ProgressBar {
        let bar = self.place(ProgressBar::new(total));
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {per_sec} {eta}") {
            bar.set_style(style);
        }
        bar.with_message("clips").with_position(done)
    }

    /// A sign of life while the end is not known.
    pub fn spinner(&self, what: String) -> ProgressBar {
        let bar = self.place(ProgressBar::new_spinner());
        if self.shown {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        bar.with_message(what)
    }

    fn place(&self, bar: ProgressBar) -> ProgressBar {
        if self.shown { bar } else { ProgressBar::hidden() }
    }

    /// Follows how many prompts are embedded, and ends it on ctrl-C.
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
