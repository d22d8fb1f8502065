//! Progress bars on stderr.

use indicatif::{ProgressBar, ProgressStyle};

/// Makes bars, or silent ones.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    quiet: bool,
}

impl Progress {
    pub fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    /// A bar named `what` with its rate, message and time left; its length is set by who fills it.
    pub fn bar(&self, what: &str) -> ProgressBar {
        if self.quiet {
            return ProgressBar::hidden();
        }
        let template = "{prefix:>12} [{bar:30}] {pos}/{len} {msg} {per_sec}, {eta} left";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(0).with_style(style.progress_chars("=> "));
        bar.set_prefix(what.to_owned());
        bar
    }

    /// One line for people.
    pub fn say(&self, line: &str) {
        if !self.quiet {
            eprintln!("{line}");
        }
    }
}
