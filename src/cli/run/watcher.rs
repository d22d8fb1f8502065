//! Runs the pipeline on all sources.

use super::args::RunArgs;
use super::metered_source::MeteredSource;
use super::run_outputs::RunOutputs;
use crate::cli::interrupt::{self, Interruptible};
use crate::cli::progress::{Progress, suspend};
use crate::cli::{Exit, report, service};
use figureground::Result;
use figureground::pipeline::{Pipeline, Window};
use figureground::source::{self, ArrivalTime, PreparedClip, ReconnectingSource, Source, SourceHealth, SourceOptions};
use std::ffi::{OsStr, OsString};
use std::time::Duration;

/// Time without a frame after which a source counts as away.
const AWAY_AFTER: Duration = Duration::from_secs(3);

/// Runs the pipeline on one source after the other and writes the results.
pub struct Watcher<'a> {
    pub pipeline: &'a mut Pipeline,
    pub outputs: &'a mut RunOutputs,
    pub progress: &'a Progress,
}

/// A source, and the arrival times of its frames if it records them.
pub struct OpenedSource {
    source: Box<dyn Source>,
    arrivals: Option<ArrivalTime>,
}

impl From<Box<dyn Source>> for OpenedSource {
    /// Wraps a source that does not record arrival times.
    fn from(source: Box<dyn Source>) -> Self {
        Self { source, arrivals: None }
    }
}

impl OpenedSource {
    /// Opens a source; a live one is waited for, and reopened whenever it is lost, until the program is interrupted or
    /// `should_stop`.
    pub fn open(
        spec: &OsStr,
        options: SourceOptions,
        wait: Duration,
        should_stop: impl Fn() -> bool + 'static,
    ) -> Result<Self> {
        let mut opener = source::opener(spec.to_owned(), options);
        let source = match opener() {
            Ok(source) if !source.is_live() => return Ok(source.into()),
            Ok(source) => Some(source),
            Err(error) if wait > Duration::ZERO && source::may_appear(spec) => {
                log::warn!("{error}; waiting for it");
                None
            }
            Err(error) => return Err(error),
        };
        let source = ReconnectingSource::new(source::without_secrets(spec), source, opener, move || {
            // The watchdog must not expire while a camera is unplugged.
            service::alive();
            interrupt::is_interrupted() || should_stop()
        });
        let source = source.wait(wait);
        let arrivals = Some(source.arrivals());
        Ok(OpenedSource { source: Box::new(source), arrivals })
    }

    /// Returns the source, which stops once the program is interrupted.
    pub fn interruptible(self) -> Interruptible {
        Interruptible(self.source)
    }
}

impl RunArgs {
    /// Runs all `sources`, of which the first may have been decoded. Reports a source that cannot be read and continues
    /// with the next.
    pub(super) fn watch_all(
        &self,
        watcher: &mut Watcher<'_>,
        sources: &[OsString],
        mut first: Option<Result<PreparedClip>>,
    ) -> Result<Exit> {
        let bar = watcher.progress.bar("clips", sources.len() as u64);
        let mut exit = Exit::Done;
        for spec in sources {
            let opened = match first.take() {
                Some(clip) => clip.map(|clip| OpenedSource::from(Box::new(clip) as Box<dyn Source>)),
                None => OpenedSource::open(spec, self.source_options(), self.opening.wait(), || false),
            };
            let watched = opened.and_then(|opened| self.check_last(spec, &*opened.source, sources).map(|()| opened));
            let watched = watched.and_then(|opened| {
                let window = self.window(opened.source.is_live())?;
                watcher.watch(opened, window)
            });
            if let Err(error) = watched {
                report(&error);
                exit = Exit::Failed;
            }
            bar.inc(1);
            if watcher.outputs.is_closed() || interrupt::is_interrupted() {
                break;
            }
        }
        bar.finish_and_clear();
        Ok(exit)
    }
}

impl Watcher<'_> {
    /// Runs the pipeline on one source.
    pub fn watch(&mut self, OpenedSource { source, arrivals }: OpenedSource, window: Window) -> Result<()> {
        let name = source.name().to_owned();
        let spinner = self.progress.spinner(name.clone());
        let mut source = MeteredSource::new(source, arrivals, &self.outputs.outputs);
        let (arrivals, handle) = (source.arrivals(), self.pipeline.handle());
        let outputs = &mut *self.outputs;
        let watched = self.pipeline.watch(&mut source, window, &mut |result| {
            // Before the line is written, which must not go into a file that was moved away.
            if interrupt::take_reload_request() {
                outputs.reload(&handle);
            }
            suspend(|| outputs.write(&name, result, arrivals.age()))
        });
        spinner.finish_and_clear();
        let SourceHealth { dropped, reconnects } = source.health();
        if source.is_live() {
            // A source that is away at the end was lost once more than it was restored.
            let away = arrivals.age().filter(|age| *age >= AWAY_AFTER);
            let away = away.map_or(String::new(), |age| format!(", away for {} s at the end", age.as_secs()));
            self.progress.status(&format!("{name}: {dropped} frames dropped, {reconnects} reconnects{away}"));
            log::info!("{name}: dropped {dropped}, reconnects {reconnects}");
        }
        watched.map(|_| ())
    }
}
