//! What waits to be delivered: bounded, the oldest gives way, and what was lost is counted.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How much went out and how much did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryCounts {
    /// Delivered, and the receiver has said so where its protocol lets it.
    pub sent: u64,
    /// Given up: the queue was full, the receiver refused it, or the program ended.
    pub lost: u64,
    /// Not delivered yet.
    pub waiting: u64,
}

/// A bounded queue between recognition, which never waits, and a thread that delivers.
#[derive(Debug)]
pub(super) struct Outbox<T>(Arc<Shared<T>>);

#[derive(Debug)]
struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    capacity: usize,
}

#[derive(Debug)]
struct State<T> {
    waiting: VecDeque<T>,
    /// Taken and not settled yet.
    in_hand: u64,
    sent: u64,
    lost: u64,
    /// Whether who waits for a message is to look around first.
    woken: bool,
    /// From when on nothing is delivered any more.
    until: Option<Instant>,
}

impl<T> Clone for Outbox<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Outbox<T> {
    /// A queue for `capacity` messages, at least 1.
    pub(super) fn new(capacity: usize) -> Self {
        let state = State { waiting: VecDeque::new(), in_hand: 0, sent: 0, lost: 0, woken: false, until: None };
        Self(Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), capacity: capacity.max(1) }))
    }

    /// Leaves `message` to be delivered; where all places are taken the oldest is lost.
    pub(super) fn push(&self, message: T) {
        let mut state = self.lock();
        if state.waiting.len() >= self.0.capacity {
            state.waiting.pop_front();
            state.lost += 1;
        }
        state.waiting.push_back(message);
        self.0.changed.notify_all();
    }

    /// The oldest message, waited for; none once the queue is closed and empty, its time is over, or somebody woke who waits.
    /// What was taken is to be settled by [`Outbox::settle`].
    pub(super) fn take(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if state.is_over() || std::mem::take(&mut state.woken) {
                return None;
            }
            if let Some(message) = state.waiting.pop_front() {
                state.in_hand += 1;
                return Some(message);
            }
            if state.until.is_some() {
                return None;
            }
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Says what became of a message that was taken.
    pub(super) fn settle(&self, delivered: bool) {
        let mut state = self.lock();
        state.in_hand = state.in_hand.saturating_sub(1);
        *(if delivered { &mut state.sent } else { &mut state.lost }) += 1;
    }

    /// Waits for `pause`, or until no more is to be delivered.
    pub(super) fn rest(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut state = self.lock();
        while !state.is_over() {
            let now = Instant::now();
            let end = state.until.map_or(until, |end| end.min(until));
            let Some(left) = end.checked_duration_since(now).filter(|left| !left.is_zero()) else { return };
            state = self.0.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Lets go who waits for a message.
    #[cfg(feature = "mqtt")]
    pub(super) fn wake(&self) {
        self.lock().woken = true;
        self.0.changed.notify_all();
    }

    /// Whether nothing more is taken.
    #[cfg(feature = "mqtt")]
    pub(super) fn is_closed(&self) -> bool {
        self.lock().until.is_some()
    }

    /// Whether no more is to be delivered, because the time after closing is over.
    pub(super) fn is_over(&self) -> bool {
        self.lock().is_over()
    }

    /// Takes nothing more; what waits may still be delivered within `grace`.
    pub(super) fn close(&self, grace: Duration) {
        self.lock().until = Some(Instant::now() + grace);
        self.0.changed.notify_all();
    }

    /// Closes, waits for the thread that delivers, no longer than `grace` and `after`, and says what `receiver` did not get. A receiver
    /// that holds on to its connection does not hold up the program.
    pub(super) fn finish(&self, receiver: &str, thread: Option<&JoinHandle<()>>, [grace, after]: [Duration; 2]) {
        self.close(grace);
        let until = Instant::now() + grace + after;
        while thread.is_some_and(|thread| !thread.is_finished()) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        let DeliveryCounts { lost, waiting, .. } = self.counts();
        if lost + waiting > 0 {
            log::warn!("{receiver}: {} lines were not delivered", lost + waiting);
        }
    }

    pub(super) fn counts(&self) -> DeliveryCounts {
        let state = self.lock();
        DeliveryCounts { sent: state.sent, lost: state.lost, waiting: state.waiting.len() as u64 + state.in_hand }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }
}

/// Waits between attempts, each twice as long as the one before.
#[derive(Clone, Copy, Debug)]
pub(super) struct BackOff {
    next: Duration,
}

impl BackOff {
    const FIRST: Duration = Duration::from_millis(250);
    pub(super) const LONGEST: Duration = Duration::from_secs(16);

    pub(super) fn new() -> Self {
        Self { next: Self::FIRST }
    }

    pub(super) fn next(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(Self::LONGEST);
        wait
    }

    pub(super) fn reset(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_gives_way_and_is_counted() {
        let outbox = Outbox::new(3);
        (0..5).for_each(|n| outbox.push(n));
        assert_eq!(outbox.counts(), DeliveryCounts { sent: 0, lost: 2, waiting: 3 });
        assert_eq!([outbox.take(), outbox.take()], [Some(2), Some(3)]);
        outbox.settle(true);
        outbox.settle(false);
        assert_eq!(outbox.counts(), DeliveryCounts { sent: 1, lost: 3, waiting: 1 });
        outbox.close(Duration::from_secs(60));
        assert_eq!([outbox.take(), outbox.take()], [Some(4), None]);
    }

    #[test]
    fn a_closed_queue_releases_who_waits_and_delivers_no_longer_than_its_grace() {
        let outbox = Outbox::<u8>::new(1);
        let waiting = std::thread::spawn({
            let outbox = outbox.clone();
            move || outbox.take()
        });
        outbox.close(Duration::ZERO);
        assert_eq!(waiting.join().unwrap(), None);
        outbox.push(1);
        assert_eq!(outbox.take(), None);
        let began = Instant::now();
        outbox.rest(Duration::from_secs(60));
        assert!(outbox.is_over() && began.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut back_off = BackOff::new();
        let waits: Vec<u128> = (0..9).map(|_| back_off.next().as_millis()).collect();
        assert_eq!(waits, [250, 500, 1000, 2000, 4000, 8000, 16000, 16000, 16000]);
        back_off.reset();
        assert_eq!(back_off.next(), BackOff::FIRST);
    }
}
