//! Reconnection of live sources, after a cable was unplugged or a server was restarted.

use super::{Source, SourceHealth, live};
use crate::error::{Error, Result};
use crate::frame::{Frame, FrameBuffer};
use core::error::Error as _;
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Delay before the first reconnection attempt; each further delay is twice as long.
const FIRST_DELAY: Duration = Duration::from_millis(250);
/// Maximum delay, short enough for someone who waits after plugging a camera in.
const MAX_DELAY: Duration = Duration::from_secs(8);
/// Interval at which a delay checks whether to stop.
const TICK: Duration = Duration::from_millis(50);

/// The arrival time of the newest frame of a source, readable while that frame is borrowed.
#[derive(Clone, Debug, Default)]
pub struct ArrivalTime(Rc<Cell<Option<Instant>>>);

impl ArrivalTime {
    /// Records that the newest frame arrived at `arrived`, or now.
    pub fn record(&self, arrived: Option<Instant>) {
        self.0.set(Some(arrived.unwrap_or_else(Instant::now)));
    }

    /// Returns the time since the newest frame arrived.
    pub fn age(&self) -> Option<Duration> {
        self.0.get().map(|arrived| arrived.elapsed())
    }
}

/// A function that opens a source, first and after each loss.
pub type SourceOpener = Box<dyn FnMut() -> Result<Box<dyn Source>>>;

/// A live source that is waited for until its first frame, and reopened whenever it fails or ends. Frame indices
/// continue over all connections, and times never decrease, whatever the clock of the source does.
///
/// The frame size may change with a new connection.
pub struct ReconnectingSource {
    name: String,
    open: SourceOpener,
    source: Option<Box<dyn Source>>,
    frame: FrameBuffer,
    arrivals: ArrivalTime,
    clock: Clock,
    /// Delay before the next attempt.
    delay: Duration,
    /// Loss counts of earlier connections.
    earlier: SourceHealth,
    /// Time to wait for the first frame.
    wait: Duration,
    should_stop: Box<dyn Fn() -> bool>,
}

/// Frame indices and times over all connections.
#[derive(Clone, Copy, Debug)]
struct Clock {
    /// Time of the first connection.
    began: Instant,
    next_index: u64,
    last_us: u64,
    /// Time of the first frame of the current connection.
    base: Option<ClockBase>,
}

/// Time of the first frame of a connection.
#[derive(Clone, Copy, Debug)]
struct ClockBase {
    /// Time over all connections, in microseconds.
    time_us: u64,
    /// Time on this connection, in microseconds.
    connection_us: u64,
}

impl core::fmt::Debug for ReconnectingSource {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ReconnectingSource")
            .field("name", &self.name)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

impl ReconnectingSource {
    /// Creates the source `name` from `source`, which `open` has opened; without it, `open` is tried again. The source
    /// ends once `should_stop` returns true.
    pub fn new(
        name: String,
        source: Option<Box<dyn Source>>,
        open: SourceOpener,
        should_stop: impl Fn() -> bool + 'static,
    ) -> Self {
        Self {
            name,
            open,
            source,
            frame: FrameBuffer::default(),
            arrivals: ArrivalTime::default(),
            clock: Clock { began: Instant::now(), next_index: 0, last_us: 0, base: None },
            delay: FIRST_DELAY,
            earlier: SourceHealth::default(),
            wait: Duration::ZERO,
            should_stop: Box::new(should_stop),
        }
    }

    /// Sets the time to wait for a source that is absent at the start. By default the first failure is an error.
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Returns the arrival time of the newest frame, updated while frames are read.
    pub fn arrivals(&self) -> ArrivalTime {
        self.arrivals.clone()
    }

    /// Returns whether `error` ends the source: it has not begun, and waiting is over or could not help.
    fn is_final(&self, error: &Error) -> bool {
        self.clock.next_index == 0 && (self.clock.began.elapsed() >= self.wait || is_permanent(error))
    }

    /// Retries to open the source; returns `None` if it should stop.
    fn reopen(&mut self) -> Result<Option<Box<dyn Source>>> {
        loop {
            let until = Instant::now() + self.delay;
            while Instant::now() < until {
                if (self.should_stop)() {
                    return Ok(None);
                }
                std::thread::sleep(TICK.min(until.saturating_duration_since(Instant::now())));
            }
            // Only a frame resets the delay.
            self.delay = (self.delay * 2).min(MAX_DELAY);
            match (self.open)() {
                Ok(source) => {
                    self.clock.base = None;
                    return Ok(Some(source));
                }
                Err(error) if self.is_final(&error) => return Err(error),
                Err(error) => log::info!("{}: {error}", self.name),
            }
        }
    }

    /// Copies the next frame into the buffer; returns false if the source should stop.
    fn advance(&mut self) -> Result<bool> {
        loop {
            let source = match self.source.take() {
                Some(source) => Some(source),
                None => self.reopen()?,
            };
            let Some(mut source) = source else { return Ok(false) };
            let reason = match source.next_frame() {
                Ok(Some(frame)) => {
                    // A source counts as restored only with its first frame.
                    if self.clock.base.is_none() && self.clock.next_index > 0 {
                        self.earlier.reconnects += 1;
                        let reconnects = self.earlier.reconnects;
                        log::info!(target: crate::NOTES, "{} is restored (reconnect {reconnects})", self.name);
                    }
                    let (index, time_us) = self.clock.next(frame.time_us());
                    self.frame.copy_from(&frame.renumbered(index, time_us));
                    self.arrivals.record(source.arrived());
                    (self.source, self.delay) = (Some(source), FIRST_DELAY);
                    return Ok(true);
                }
                Err(error) if self.is_final(&error) => return Err(error),
                Ok(None) if self.clock.next_index == 0 && self.clock.began.elapsed() >= self.wait => return Ok(false),
                // A server may end a stream cleanly and restart it.
                Ok(None) => "it ended".to_owned(),
                Err(error) => error.to_string(),
            };
            self.earlier.dropped += source.health().dropped;
            if (self.should_stop)() {
                return Ok(false);
            }
            match self.clock.base {
                Some(_) => log::warn!("{} is lost, retrying until it is restored: {reason}", self.name),
                None if self.delay == FIRST_DELAY => log::warn!("{} is waited for: {reason}", self.name),
                None => log::info!("{}: {reason}", self.name),
            }
        }
    }
}

/// Returns whether no waiting can help: a program is missing.
fn is_permanent(error: &Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>());
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::NotFound)
}

impl Clock {
    /// Returns index and time of the next frame, which has the time `connection_us` on the current connection.
    fn next(&mut self, connection_us: u64) -> (u64, u64) {
        let is_first = self.next_index == 0;
        let base = *self.base.get_or_insert_with(|| {
            let elapsed = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
            ClockBase { time_us: if is_first { connection_us } else { elapsed.max(self.last_us) }, connection_us }
        });
        // If the clock of the source is set back, the time stays until it has caught up.
        self.last_us = (base.time_us + connection_us.saturating_sub(base.connection_us)).max(self.last_us);
        self.next_index += 1;
        (self.next_index - 1, self.last_us)
    }
}

impl Source for ReconnectingSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_live(&self) -> bool {
        true
    }

    fn next_frame(&mut self) -> Result<Option<Frame<'_>>> {
        Ok(if self.advance()? { self.frame.frame() } else { None })
    }

    fn count(&mut self) -> Result<u64> {
        Err(live(&self.name))
    }

    fn select(&mut self, _indices: &[u64]) -> Result<()> {
        Err(live(&self.name))
    }

    fn arrived(&self) -> Option<Instant> {
        self.arrivals.0.get()
    }

    fn health(&self) -> SourceHealth {
        let current = self.source.as_ref().map_or(SourceHealth::default(), |source| source.health());
        SourceHealth { dropped: self.earlier.dropped + current.dropped, reconnects: self.earlier.reconnects }
    }
}
