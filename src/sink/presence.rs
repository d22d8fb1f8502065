//! Whether a source delivers frames, is away, or has ended.

use serde::Serialize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Time that the program waits for a frame before the source counts as away.
const AWAY_AFTER: Duration = Duration::from_secs(3);
/// Time after the end of a source before it counts as ended: the next source may begin at once.
const ENDED_AFTER: Duration = Duration::from_secs(1);

/// Whether a source delivers frames.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum SourceState {
    /// No frame has arrived yet.
    Waiting,
    /// Frames arrive.
    Live,
    /// The program waits for a frame.
    Away {
        /// Seconds since the newest frame arrived.
        age_s: f64,
    },
    /// The source has ended.
    Ended {
        /// Seconds since it ended.
        age_s: f64,
    },
}

/// Records when frames are awaited, when they arrive and when a source ends. A program that is busy with a frame does
/// not wait for the next one, so a slow device never makes its camera look away.
#[derive(Debug, Default)]
pub struct Presence(Mutex<Events>);

#[derive(Clone, Copy, Debug, Default)]
struct Events {
    /// Time when the newest frame arrived.
    arrived: Option<Instant>,
    /// Time since which a frame is awaited.
    waiting_since: Option<Instant>,
    /// Time when the source ended.
    ended: Option<Instant>,
}

impl Presence {
    /// Records that a frame is awaited from now on.
    pub fn wait(&self) {
        let mut events = self.lock();
        (events.waiting_since, events.ended) = (Some(Instant::now()), None);
    }

    /// Records that a frame arrived.
    pub fn arrive(&self) {
        *self.lock() = Events { arrived: Some(Instant::now()), ..Events::default() };
    }

    /// Records that the source ended.
    pub fn end(&self) {
        let mut events = self.lock();
        (events.waiting_since, events.ended) = (None, Some(Instant::now()));
    }

    /// Returns whether the source has delivered frames, and was neither awaited nor over for `stall` since.
    pub fn is_available(&self, stall: Duration) -> bool {
        self.lock().is_available(Instant::now(), stall)
    }

    /// Returns the state of the source.
    pub fn state(&self) -> SourceState {
        self.lock().at(Instant::now())
    }

    fn lock(&self) -> MutexGuard<'_, Events> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Events {
    fn is_available(&self, now: Instant, stall: Duration) -> bool {
        let is_recent = |event: Option<Instant>| event.is_none_or(|event| now.saturating_duration_since(event) < stall);
        self.arrived.is_some() && is_recent(self.waiting_since) && is_recent(self.ended)
    }

    /// Returns the state of the source at `now`.
    fn at(&self, now: Instant) -> SourceState {
        let since = |event: Option<Instant>| event.map(|event| now.saturating_duration_since(event));
        if let Some(age) = since(self.ended).filter(|age| *age >= ENDED_AFTER) {
            return SourceState::Ended { age_s: age.as_secs_f64() };
        }
        match (since(self.arrived), since(self.waiting_since)) {
            (None, _) => SourceState::Waiting,
            (Some(age), Some(waited)) if waited >= AWAY_AFTER => SourceState::Away { age_s: age.as_secs_f64() },
            _ => SourceState::Live,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_source_is_away_while_a_frame_is_awaited_but_not_while_the_program_is_busy() {
        let began = Instant::now();
        let busy = Events { arrived: Some(began), ..Events::default() };
        assert_eq!(busy.at(began + seconds(60)), SourceState::Live);
        // The frame took two seconds to be scored; then the program waits.
        let waiting = Events { waiting_since: Some(began + seconds(2)), ..busy };
        assert_eq!(waiting.at(began + seconds(4)), SourceState::Live);
        assert_eq!(waiting.at(began + seconds(12)), SourceState::Away { age_s: 12.0 });
    }

    #[test]
    fn a_source_is_available_until_it_was_awaited_or_over_for_the_stall_time() {
        let began = Instant::now();
        let is_available = |events: Events, after| events.is_available(began + seconds(after), seconds(5));
        assert!(!is_available(Events { waiting_since: Some(began), ..Events::default() }, 1));
        let busy = Events { arrived: Some(began), ..Events::default() };
        assert!(is_available(busy, 60));
        let waiting = Events { waiting_since: Some(began + seconds(2)), ..busy };
        assert!(is_available(waiting, 6) && !is_available(waiting, 7));
        let ended = Events { ended: Some(began), ..busy };
        assert!(is_available(ended, 4) && !is_available(ended, 5));
    }

    #[test]
    fn before_the_first_frame_a_source_is_neither_live_nor_away() {
        let began = Instant::now();
        let waiting = Events { waiting_since: Some(began), ..Events::default() };
        assert_eq!(waiting.at(began + seconds(60)), SourceState::Waiting);
    }

    #[test]
    fn the_next_source_begins_without_an_end_of_the_one_before() {
        let began = Instant::now();
        let ended = Events { arrived: Some(began), waiting_since: None, ended: Some(began + seconds(1)) };
        assert_eq!(ended.at(began + seconds(1)), SourceState::Live);
        assert_eq!(ended.at(began + seconds(9)), SourceState::Ended { age_s: 8.0 });
        let presence = Presence(Mutex::new(ended));
        presence.wait();
        assert_eq!(presence.state(), SourceState::Live);
        presence.arrive();
        presence.end();
        let state = presence.lock().at(Instant::now() + seconds(2));
        assert!(matches!(state, SourceState::Ended { age_s } if age_s >= 2.0), "{state:?}");
    }
}
