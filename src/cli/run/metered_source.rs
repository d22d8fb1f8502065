//! A source that counts frames and stops on signals.

use crate::cli::interrupt::Interruptible;
use crate::cli::service;
use figureground::Result;
use figureground::frame::Frame;
use figureground::sink::page::Metrics;
use figureground::source::{ArrivalTime, Source, SourceHealth};
use std::sync::Arc;

/// A source that stops once the program is interrupted, counts its frames and records when they arrive.
pub(super) struct MeteredSource {
    source: Interruptible,
    arrivals: ArrivalTime,
    /// Whether arrivals are recorded here, because the source does not.
    records_arrivals: bool,
    metrics: Option<Arc<Metrics>>,
}

impl MeteredSource {
    /// Wraps `source`, which records `arrivals` itself if they are given.
    pub(super) fn new(source: Box<dyn Source>, arrivals: Option<ArrivalTime>, metrics: Option<Arc<Metrics>>) -> Self {
        let records_arrivals = arrivals.is_none();
        Self { source: Interruptible(source), arrivals: arrivals.unwrap_or_default(), records_arrivals, metrics }
    }

    /// Returns the arrival time of the newest frame, updated while frames are read.
    pub(super) fn arrivals(&self) -> ArrivalTime {
        self.arrivals.clone()
    }
}

impl Source for MeteredSource {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn is_live(&self) -> bool {
        self.source.is_live()
    }

    fn next_frame(&mut self) -> Result<Option<Frame<'_>>> {
        service::alive();
        let health = self.source.health();
        let metrics = self.metrics.as_deref();
        metrics.inspect(|metrics| metrics.wait_for_frame());
        let frame = self.source.next_frame();
        if !matches!(frame, Ok(Some(_))) {
            metrics.inspect(|metrics| metrics.source_ended());
            return frame;
        }
        if self.records_arrivals {
            self.arrivals.record(None);
        }
        metrics.inspect(|metrics| metrics.frame(health));
        frame
    }

    fn health(&self) -> SourceHealth {
        self.source.health()
    }

    fn count(&mut self) -> Result<u64> {
        self.source.count()
    }

    fn select(&mut self, indices: &[u64]) -> Result<()> {
        self.source.select(indices)
    }

    fn decoded_in(&self) -> Option<std::time::Duration> {
        self.source.decoded_in()
    }

    fn sample(&mut self, choose: &mut dyn FnMut(u64) -> Vec<u64>) -> Result<u64> {
        self.source.sample(choose)
    }
}
