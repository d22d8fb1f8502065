//! Live sources that come back: a cable that was pulled, a server that was restarted.

use super::{Source, SourceHealth, live};
use crate::error::Result;
use crate::frame::{Frame, FrameBuffer};
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How long is waited before the first attempt to open again; each further one waits twice as long.
const FIRST: Duration = Duration::from_millis(250);
/// The longest wait: short enough that somebody who has put the plug back does not wonder.
const LONGEST: Duration = Duration::from_secs(8);
/// A wait is cut into these, so that whoever wants it to end is heard.
const TICK: Duration = Duration::from_millis(50);

/// When the frame that a source has lent last arrived, for who cannot ask the source because the frame is still lent.
#[derive(Clone, Debug, Default)]
pub struct ArrivalTime(Rc<Cell<Option<Instant>>>);

impl ArrivalTime {
    /// The frame that is lent now arrived then, or just now.
    pub fn record(&self, arrived: Option<Instant>) {
        self.0.set(Some(arrived.unwrap_or_else(Instant::now)));
    }

    /// How long ago that was.
    pub fn age(&self) -> Option<Duration> {
        self.0.get().map(|arrived| arrived.elapsed())
    }
}

/// What opens a source, the first time and again.
pub type SourceOpener = Box<dyn FnMut() -> Result<Box<dyn Source>>>;

/// A live source that is opened again whenever it fails or ends. Its frames are numbered through, and their times never run
/// backwards, whatever the source's own clock does.
///
/// The size of frames may be another one after it came back.
pub struct ReconnectingSource {
    name: String,
    open: SourceOpener,
    source: Option<Box<dyn Source>>,
    frame: FrameBuffer,
    arrivals: ArrivalTime,
    clock: Clock,
    wait: Duration,
    /// What connections that are gone have counted.
    before: SourceHealth,
    /// Whether nobody wants any more frames.
    stop: fn() -> bool,
}

/// Indices and times over all connections.
#[derive(Clone, Copy, Debug)]
struct Clock {
    /// When the first connection was made.
    began: Instant,
    next_index: u64,
    last_us: u64,
    /// Where the current connection's first frame stands: here, and by its own clock.
    base_us: Option<[u64; 2]>,
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
    /// `source`, which `open` has opened and opens again once it has given a frame; it ends when `stop` says so.
    pub fn new(source: Box<dyn Source>, open: SourceOpener, stop: fn() -> bool) -> Self {
        Self {
            name: source.name().to_owned(),
            open,
            source: Some(source),
            frame: FrameBuffer::default(),
            arrivals: ArrivalTime::default(),
            clock: Clock { began: Instant::now(), next_index: 0, last_us: 0, base_us: None },
            wait: FIRST,
            before: SourceHealth::default(),
            stop,
        }
    }

    /// Follows when frames arrive.
    pub fn arrivals(&self) -> ArrivalTime {
        self.arrivals.clone()
    }

    /// Tries again and again to open the source; none when nobody wants it any more.
    fn reopen(&mut self) -> Option<Box<dyn Source>> {
        loop {
            let until = Instant::now() + self.wait;
            while Instant::now() < until {
                if (self.stop)() {
                    return None;
                }
                std::thread::sleep(TICK.min(until.saturating_duration_since(Instant::now())));
            }
            // Pictures have to come before the next wait is a short one again.
            self.wait = (self.wait * 2).min(LONGEST);
            match (self.open)() {
                Ok(source) => {
                    self.clock.base_us = None;
                    return Some(source);
                }
                Err(error) => log::info!("{}: {error}", self.name),
            }
        }
    }

    /// Takes the next frame over into the buffer; false when nobody wants any more. What never gave a frame is not lost but
    /// wrong.
    fn advance(&mut self) -> Result<bool> {
        loop {
            let mut source = match self.source.take().or_else(|| self.reopen()) {
                Some(source) => source,
                None => return Ok(false),
            };
            let reason = match source.next_frame() {
                Ok(Some(frame)) => {
                    // What can be opened is not back before it gives a picture.
                    if self.clock.base_us.is_none() && self.clock.next_index > 0 {
                        self.before.reconnects += 1;
                        log::warn!("{} is back, for the {}. time", self.name, self.before.reconnects);
                    }
                    let (index, time_us) = self.clock.place(frame.time_us());
                    self.frame.copy_from(&frame.renumbered(index, time_us));
                    self.arrivals.record(source.arrived());
                    (self.source, self.wait) = (Some(source), FIRST);
                    return Ok(true);
                }
                ended if self.clock.next_index == 0 => return ended.map(|_| false),
                // A stream that ends cleanly was ended by its server, which may come back.
                Ok(None) => "it ended".to_owned(),
                Err(error) => error.to_string(),
            };
            self.before.dropped += source.health().dropped;
            if (self.stop)() {
                return Ok(false);
            }
            match self.clock.base_us {
                Some(_) => log::warn!("{} is lost and is opened again: {reason}", self.name),
                None => log::info!("{}: {reason}", self.name),
            }
        }
    }
}

impl Clock {
    /// Index and time of a frame that the current connection gives at `own_us`.
    fn place(&mut self, own_us: u64) -> (u64, u64) {
        let is_first = self.next_index == 0;
        let [here, own] = *self.base_us.get_or_insert_with(|| {
            let elapsed = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
            [if is_first { own_us } else { elapsed.max(self.last_us) }, own_us]
        });
        // A clock that was set back stands still here until it has caught up.
        self.last_us = (here + own_us.saturating_sub(own)).max(self.last_us);
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
        let now = self.source.as_ref().map_or(SourceHealth::default(), |source| source.health());
        SourceHealth { dropped: self.before.dropped + now.dropped, reconnects: self.before.reconnects }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Stage};
    use std::collections::VecDeque;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// A connection that gives frames at these times and of this size, and then what is said.
    struct Connection {
        times: VecDeque<u64>,
        side: u32,
        fails: bool,
        pixels: Vec<u8>,
    }

    impl Source for Connection {
        fn name(&self) -> &str {
            "camera:0"
        }

        fn is_live(&self) -> bool {
            true
        }

        fn next_frame(&mut self) -> Result<Option<Frame<'_>>> {
            match self.times.pop_front() {
                Some(time) => Frame::new(&self.pixels, self.side, self.side, 900, time).map(Some),
                None if self.fails => Err(unplugged()),
                None => Ok(None),
            }
        }

        fn count(&mut self) -> Result<u64> {
            Err(live("camera:0"))
        }

        fn select(&mut self, _: &[u64]) -> Result<()> {
            Err(live("camera:0"))
        }

        fn health(&self) -> SourceHealth {
            SourceHealth { dropped: 3, reconnects: 0 }
        }
    }

    fn unplugged() -> Error {
        Error::new(Stage::Source, "a camera", "none", "plug it in")
    }

    fn connection(times: &[u64], side: u32, fails: bool) -> Box<dyn Source> {
        let pixels = vec![0; 3 * (side * side) as usize];
        Box::new(Connection { times: times.iter().copied().collect(), side, fails, pixels })
    }

    #[test]
    fn what_was_lost_comes_back_with_frames_numbered_through_and_time_that_never_runs_back() {
        let mut later = VecDeque::from([
            Err(unplugged()),
            Ok(connection(&[7, 40_007, 5, 80_007], 32, false)),
            Ok(connection(&[0], 16, true)),
        ]);
        let open: SourceOpener = Box::new(move || later.pop_front().unwrap_or_else(|| Err(unplugged())));
        static STOP: AtomicBool = AtomicBool::new(false);
        let mut source =
            ReconnectingSource::new(connection(&[100, 33_433], 16, true), open, || STOP.load(Ordering::SeqCst));
        let mut seen = Vec::new();
        for _ in 0..7 {
            let frame = source.next_frame().unwrap().unwrap();
            seen.push((frame.index(), frame.time_us(), frame.width()));
        }
        assert_eq!(seen[..2], [(0, 100, 16), (1, 33_433, 16)]);
        assert_eq!(seen.iter().map(|frame| frame.0).collect::<Vec<_>>(), (0..7).collect::<Vec<_>>());
        assert_eq!(seen.iter().map(|frame| frame.2).collect::<Vec<_>>(), [16, 16, 32, 32, 32, 32, 16]);
        // The gap lasted as long as it did, and the new connection's clock goes on from there.
        assert!(seen[2].1 >= 250_000 && seen[3].1 == seen[2].1 + 40_000, "{seen:?}");
        assert!(seen.is_sorted_by(|a, b| a.1 <= b.1) && seen[5].1 == seen[2].1 + 80_000, "{seen:?}");
        assert_eq!(source.health(), SourceHealth { dropped: 9, reconnects: 2 });
        assert!(source.is_live() && source.count().is_err());
        // What never gave a frame is wrong.
        let open: SourceOpener = Box::new(|| Err(unplugged()));
        let mut never = ReconnectingSource::new(connection(&[], 16, true), open, || false);
        assert!(never.next_frame().unwrap_err().to_string().contains("plug it in"));
        // Nobody waits for one that is gone for good.
        STOP.store(true, Ordering::SeqCst);
        assert!(source.next_frame().unwrap().is_none());
        assert_eq!(source.health().reconnects, 2);
    }
}
