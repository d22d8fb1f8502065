//! Reconnection of live sources.

use figureground::frame::Frame;
use figureground::source::{ReconnectingSource, Source, SourceHealth, SourceOpener};
use figureground::{Error, Result, Stage};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

/// A connection that returns frames at these times and of this size, and then fails or ends.
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
        Err(unplugged())
    }

    fn select(&mut self, _: &[u64]) -> Result<()> {
        Err(unplugged())
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
fn a_lost_source_is_restored_with_continuing_indices_and_times() {
    let mut later = VecDeque::from([
        Err(unplugged()),
        Ok(connection(&[7, 40_007, 5, 80_007], 32, false)),
        Ok(connection(&[0], 16, true)),
    ]);
    let open: SourceOpener = Box::new(move || later.pop_front().unwrap_or_else(|| Err(unplugged())));
    static STOP: AtomicBool = AtomicBool::new(false);
    let mut source =
        ReconnectingSource::new("camera".to_owned(), Some(connection(&[100, 33_433], 16, true)), open, || {
            STOP.load(Ordering::SeqCst)
        });
    let mut frames = Vec::new();
    for _ in 0..7 {
        let frame = source.next_frame().unwrap().unwrap();
        frames.push((frame.index(), frame.time_us(), frame.width()));
    }
    assert_eq!(frames[..2], [(0, 100, 16), (1, 33_433, 16)]);
    assert_eq!(frames.iter().map(|frame| frame.0).collect::<Vec<_>>(), (0..7).collect::<Vec<_>>());
    assert_eq!(frames.iter().map(|frame| frame.2).collect::<Vec<_>>(), [16, 16, 32, 32, 32, 32, 16]);
    // The new connection continues after the real length of the gap.
    assert!(frames[2].1 >= 250_000 && frames[3].1 == frames[2].1 + 40_000, "{frames:?}");
    assert!(frames.is_sorted_by(|a, b| a.1 <= b.1) && frames[5].1 == frames[2].1 + 80_000, "{frames:?}");
    assert_eq!(source.health(), SourceHealth { dropped: 9, reconnects: 2 });
    assert!(source.is_live() && source.count().is_err());
    // Without a time to wait, a source that never returned a frame is not reopened.
    let open: SourceOpener = Box::new(|| Err(unplugged()));
    let mut never = ReconnectingSource::new("camera".to_owned(), Some(connection(&[], 16, true)), open, || false);
    assert!(never.next_frame().unwrap_err().to_string().contains("plug it in"));
    // A stop ends the retries.
    STOP.store(true, Ordering::SeqCst);
    assert!(source.next_frame().unwrap().is_none());
    assert_eq!(source.health().reconnects, 2);
}

#[test]
fn an_absent_source_is_waited_for() {
    let mut later =
        VecDeque::from([Err(unplugged()), Ok(connection(&[], 16, true)), Ok(connection(&[0, 40_000], 16, true))]);
    let open: SourceOpener = Box::new(move || later.pop_front().unwrap_or_else(|| Err(unplugged())));
    let wait = std::time::Duration::from_secs(60);
    let mut source = ReconnectingSource::new("camera".to_owned(), None, open, || false).wait(wait);
    let frame = source.next_frame().unwrap().unwrap();
    assert_eq!((frame.index(), frame.width()), (0, 16));
    assert_eq!(source.health().reconnects, 0);
    // Waiting ends, and its last failure is the error.
    let open: SourceOpener = Box::new(|| Err(unplugged()));
    let wait = std::time::Duration::from_millis(300);
    let mut never = ReconnectingSource::new("camera".to_owned(), None, open, || false).wait(wait);
    assert!(never.next_frame().unwrap_err().to_string().contains("plug it in"));
}
