//! Runs the pipeline on all sources.

use super::args::RunArgs;
use super::metered_source::MeteredSource;
use super::run_outputs::RunOutputs;
use crate::cli::progress::{Progress, suspend};
use crate::cli::{Exit, built_in, interrupt, report, service};
use figureground::Result;
use figureground::pipeline::Pipeline;
use figureground::source::{self, ArrivalTime, ReconnectingSource, Source, SourceHealth};
use std::ffi::{OsStr, OsString};

/// Runs the pipeline on one source after the other and writes the results.
pub(super) struct Watcher<'a> {
    pub(super) args: &'a RunArgs,
    pub(super) pipeline: &'a mut Pipeline,
    pub(super) outputs: &'a mut RunOutputs,
    pub(super) progress: &'a Progress,
}

/// A source, and the arrival times of its frames if it records them.
struct OpenedSource {
    source: Box<dyn Source>,
    arrivals: Option<ArrivalTime>,
}

impl Watcher<'_> {
    /// Runs all `sources`, or the demo clip without any. Reports a source that cannot be read and continues with the
    /// next.
    pub(super) fn watch_all(&mut self, sources: &[OsString]) -> Result<Exit> {
        if sources.is_empty() {
            let demo = OpenedSource { source: built_in::clip()?, arrivals: None };
            return self.watch(demo).map(|()| Exit::Done);
        }
        let bar = self.progress.bar("clips", sources.len() as u64);
        let mut exit = Exit::Done;
        for spec in sources {
            let watched = self.open(spec).and_then(|source| self.watch(source));
            if let Err(error) = watched {
                report(&error);
                exit = Exit::Failed;
            }
            bar.inc(1);
            if self.outputs.is_closed() || interrupt::is_interrupted() {
                break;
            }
        }
        bar.finish_and_clear();
        Ok(exit)
    }

    /// Opens a source; a live one is reopened whenever it is lost.
    fn open(&self, spec: &OsStr) -> Result<OpenedSource> {
        let mut opener = source::opener(spec.to_owned(), self.args.source_options());
        let source = opener()?;
        if !source.is_live() {
            return Ok(OpenedSource { source, arrivals: None });
        }
        let source = ReconnectingSource::new(source, opener, || {
            // The watchdog must not expire while a camera is unplugged.
            service::alive();
            interrupt::is_interrupted()
        });
        let arrivals = Some(source.arrivals());
        Ok(OpenedSource { source: Box::new(source), arrivals })
    }

    fn watch(&mut self, OpenedSource { source, arrivals }: OpenedSource) -> Result<()> {
        let window = self.args.window(source.is_live())?;
        let name = source.name().to_owned();
        let spinner = self.progress.spinner(name.clone());
        let mut source = MeteredSource::new(source, arrivals, self.outputs.outputs.metrics());
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
            self.progress.status(&format!("{name}: {dropped} frames dropped, {reconnects} reconnects"));
            log::info!("{name}: dropped {dropped}, reconnects {reconnects}");
        }
        watched.map(|_| ())
    }
}
