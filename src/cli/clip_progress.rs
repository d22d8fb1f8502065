//! Shows the progress of a run over many clips, and cancels it on ctrl-C.

use super::progress::Progress;
use super::{interrupt, report};
use figureground::{Error, evaluate};
use indicatif::ProgressBar;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A bar on stderr for each task of a run.
#[derive(Debug)]
pub struct ClipProgress<'a> {
    progress: &'a Progress,
    bar: Mutex<ProgressBar>,
}

impl<'a> ClipProgress<'a> {
    pub fn new(progress: &'a Progress) -> Self {
        Self { progress, bar: Mutex::new(ProgressBar::hidden()) }
    }

    fn bar(&self) -> MutexGuard<'_, ProgressBar> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl evaluate::Progress for ClipProgress<'_> {
    fn begin(&self, task: &str, total: usize, done: usize) {
        *self.bar() = self.progress.clips(total as u64, done as u64).with_message(task.to_owned());
    }

    fn step(&self) {
        self.bar().inc(1);
    }

    fn finish(&self) {
        self.bar().finish_and_clear();
    }

    fn clip_failed(&self, error: &Error) {
        report(error);
    }

    fn is_cancelled(&self) -> bool {
        interrupt::is_interrupted()
    }
}
