//! The footage that a gate is fitted to without labels: the windows of sources, as `run` sees them.

use crate::cli::progress::Progress;
use crate::cli::run::{OpenedSource, default_window};
use crate::cli::{flags, interrupt};
use figureground::evaluate::calibration::{Footage, FootageWindow};
use figureground::pipeline::Pipeline;
use figureground::source::{self, Source, SourceOptions, is_live, without_secrets};
use figureground::{Error, Result, Stage};
use std::ffi::{OsStr, OsString};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Collects windows from sources.
pub(super) struct FootageReader<'a> {
    pub pipeline: &'a mut Pipeline,
    pub progress: &'a Progress,
    /// Time after which a source without an end is left.
    pub duration: Option<Duration>,
    /// Number of sources that could not be read, or not to their end.
    pub damaged: usize,
}

impl FootageReader<'_> {
    /// Reads all `sources`. Warns of one that cannot be read and continues with the next. The first ctrl-C while a
    /// source without an end is read ends that source only.
    ///
    /// # Errors
    /// Returns an error if a model fails, or the program is interrupted otherwise.
    pub(super) fn read(&mut self, sources: &[OsString], name: &str) -> Result<Footage> {
        let sources = source::expand(sources)?;
        let bar = self.progress.bar(name, sources.len() as u64);
        let mut footage = Footage::default();
        for spec in &sources {
            let mut windows = Vec::new();
            let watched = self.watch(spec, &mut windows);
            let has_ended = is_live(spec) && interrupt::take_ctrl_c();
            interrupt::check()?;
            match watched {
                Err(error) if !has_ended && !error.is_input() => return Err(error),
                Err(error) if !has_ended => {
                    log::warn!("{}", flags::message(&error));
                    self.damaged += 1;
                }
                _ => {}
            }
            footage.add(&without_secrets(spec), windows);
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(footage)
    }

    fn watch(&mut self, spec: &OsStr, windows: &mut Vec<FootageWindow>) -> Result<()> {
        let deadline = self.duration.filter(|_| is_live(spec)).map(|duration| Instant::now() + duration);
        let is_over = move || deadline.is_some_and(|deadline| Instant::now() >= deadline);
        let mut source = OpenedSource::open(spec, SourceOptions::default(), Duration::ZERO, is_over)?.interruptible();
        if source.is_live() {
            let until = match self.duration {
                Some(duration) => format!("for {} s, or until ctrl-C", duration.as_secs_f64()),
                None => "until ctrl-C".to_owned(),
            };
            self.progress.message(&format!("reading {} {until}", without_secrets(spec)));
        }
        let spinner = self.progress.spinner(without_secrets(spec));
        let window = default_window(source.is_live())?;
        let watched = self.pipeline.watch(&mut source, window, &mut |result| {
            windows.push(FootageWindow::new(result));
            spinner.set_message(format!("{}: {} windows", without_secrets(spec), windows.len()));
            Ok(if is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        });
        spinner.finish_and_clear();
        watched.map(drop)
    }
}

/// Checks that all `sources` are reached: without a duration, one without an end is the last, and none if another
/// reading follows.
///
/// # Errors
/// Returns an error if a source is empty, or is not reached.
pub(super) fn check_sources(sources: &[OsString], is_last: bool, duration: Option<f64>) -> Result<()> {
    if sources.iter().any(|source| source.is_empty()) {
        let next = "set the variable that it comes from";
        return Err(Error::new(Stage::Command, "a source", "an empty argument", next));
    }
    let reached = if is_last { sources.len().saturating_sub(1) } else { sources.len() };
    match sources.iter().take(reached).find(|source| is_live(source)) {
        Some(live) if duration.is_none() => {
            let expected = format!("no source after {}, which has no end", without_secrets(live));
            Err(Error::new(Stage::Command, expected, "another one", "pass --duration SECONDS as well"))
        }
        _ => Ok(()),
    }
}
