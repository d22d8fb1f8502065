//! Progress bars on stderr.

use indicatif::{ProgressBar, ProgressStyle};

/// Creates progress bars, hidden ones if quiet.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    quiet: bool,
}

impl Progress {
    pub fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    /// Creates a bar named `name` with rate, message and time left; the caller sets its length.
    pub fn bar(&self, name: &str) -> ProgressBar {
        if self.quiet {
            return ProgressBar::hidden();
        }
        let template = "{prefix:>12} [{bar:30}] {pos}/{len} {msg} {per_sec}, {eta} left";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(0).with_style(style.progress_chars("=> "));
        bar.set_prefix(name.to_owned());
        bar
    }

    /// Prints a message.
    pub fn print(&self, line: &str) {
        if !self.quiet {
            eprintln!("{line}");
        }
    }
}
