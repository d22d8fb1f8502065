//! A source that counts frames and stops on signals.

use crate::cli::interrupt::Interruptible;
use crate::cli::service;
use figureground::Result;
use figureground::frame::Frame;
use figureground::sink::page::Metrics;
use figureground::sink::{Outputs, Presence};
use figureground::source::{ArrivalTime, Source, SourceHealth};
use std::sync::Arc;

/// A source that stops once the program is interrupted, counts its frames and records when they arrive.
pub(super) struct MeteredSource {
    source: Interruptible,
    arrivals: ArrivalTime,
    /// Whether arrivals are recorded here, because the source does not.
    records_arrivals: bool,
    metrics: Option<Arc<Metrics>>,
    presence: Arc<Presence>,
}

impl MeteredSource {
    /// Wraps `source`, which records `arrivals` itself if they are given, for the metrics of `outputs`.
    pub(super) fn new(source: Box<dyn Source>, arrivals: Option<ArrivalTime>, outputs: &Outputs) -> Self {
        let (records_arrivals, arrivals) = (arrivals.is_none(), arrivals.unwrap_or_default());
        let (metrics, presence) = (outputs.metrics(), outputs.presence());
        Self { source: Interruptible(source), arrivals, records_arrivals, metrics, presence }
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
        self.presence.wait();
        let frame = self.source.next_frame();
        if !matches!(frame, Ok(Some(_))) {
            self.presence.end();
            return frame;
        }
        self.presence.arrive();
        if self.records_arrivals {
            self.arrivals.record(None);
        }
        self.metrics.as_deref().inspect(|metrics| metrics.frame(health));
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
