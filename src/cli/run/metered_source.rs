//! What is known of a source while its frames flow into the pipeline.

use super::outputs::MetricsRecorder;
use crate::cli::interrupt::Interruptible;
use crate::cli::service;
use figureground::Result;
use figureground::frame::Frame;
use figureground::source::{ArrivalTime, Source, SourceHealth};

/// A source that breaks off when the program is to end, and counts and dates its frames.
pub struct MeteredSource {
    source: Interruptible,
    /// The source's own, or one that says a frame arrives when it is lent.
    arrivals: ArrivalTime,
    dates: bool,
    meter: MetricsRecorder,
}

impl MeteredSource {
    /// `source`, whose frames arrive as `arrivals` says where it knows.
    pub fn new(source: Box<dyn Source>, arrivals: Option<ArrivalTime>, meter: MetricsRecorder) -> Self {
        let dates = arrivals.is_none();
        Self { source: Interruptible(source), arrivals: arrivals.unwrap_or_default(), dates, meter }
    }

    /// When frames arrive.
    pub fn arrivals(&self) -> ArrivalTime {
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
        let frame = self.source.next_frame()?;
        if frame.is_some() {
            if self.dates {
                self.arrivals.note(None);
            }
            self.meter.frame(health);
        }
        Ok(frame)
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
}
