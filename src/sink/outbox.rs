//! A bounded delivery queue that drops the oldest message when full and counts what was lost.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Counts of delivered, lost and waiting messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryCounts {
    /// Messages delivered, and acknowledged if the protocol has acknowledgements.
    pub sent: u64,
    /// Messages lost: the queue was full, the receiver refused them, or the program ended.
    pub lost: u64,
    /// Messages not delivered yet.
    pub waiting: u64,
}

/// The result of waiting for a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken<T> {
    /// The oldest message.
    Message(T),
    /// No message in time.
    Nothing,
    /// The queue is closed and empty, has expired, or was woken.
    End,
}

/// A bounded queue from recognition, which never blocks, to a delivery thread.
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
    /// Messages taken whose delivery is not recorded yet.
    in_flight: u64,
    sent: u64,
    lost: u64,
    /// Wakes the consumer without a message.
    woken: bool,
    /// End of the deliveries, once the queue is closed.
    deadline: Option<Instant>,
}

impl<T> Clone for Outbox<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Outbox<T> {
    /// Creates a queue of `capacity` messages, at least 1.
    pub(super) fn new(capacity: usize) -> Self {
        let state = State { waiting: VecDeque::new(), in_flight: 0, sent: 0, lost: 0, woken: false, deadline: None };
        Self(Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), capacity: capacity.max(1) }))
    }

    /// Queues `message`; drops the oldest one if the queue is full.
    pub(super) fn push(&self, message: T) {
        let mut state = self.lock();
        if state.waiting.len() >= self.0.capacity {
            state.waiting.pop_front();
            state.lost += 1;
        }
        state.waiting.push_back(message);
        self.0.changed.notify_all();
    }

    /// Waits for the oldest message; returns `None` once the queue is closed and empty, has expired, or was woken. The
    /// caller reports the delivery to [`Outbox::record`].
    #[cfg(any(feature = "webhook", test))]
    pub(super) fn take(&self) -> Option<T> {
        loop {
            match self.take_within(Duration::from_secs(3600)) {
                Taken::Message(message) => return Some(message),
                Taken::Nothing => {}
                Taken::End => return None,
            }
        }
    }

    /// Waits for the oldest message for at most `timeout`. The caller reports the delivery to [`Outbox::record`].
    pub(super) fn take_within(&self, timeout: Duration) -> Taken<T> {
        let until = Instant::now() + timeout;
        let mut state = self.lock();
        loop {
            if state.is_expired() || std::mem::take(&mut state.woken) {
                return Taken::End;
            }
            if let Some(message) = state.waiting.pop_front() {
                state.in_flight += 1;
                return Taken::Message(message);
            }
            if state.deadline.is_some() {
                return Taken::End;
            }
            let remaining = until.saturating_duration_since(Instant::now());
            if remaining.is_zero() {
                return Taken::Nothing;
            }
            state = self.0.changed.wait_timeout(state, remaining).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Records whether a taken message was delivered.
    pub(super) fn record(&self, delivered: bool) {
        let mut state = self.lock();
        state.in_flight = state.in_flight.saturating_sub(1);
        *(if delivered { &mut state.sent } else { &mut state.lost }) += 1;
    }

    /// Sleeps for `pause`, or until the queue expires.
    pub(super) fn sleep(&self, pause: Duration) {
        let wake_at = Instant::now() + pause;
        let mut state = self.lock();
        while !state.is_expired() {
            let end = state.deadline.map_or(wake_at, |deadline| deadline.min(wake_at));
            let remaining = end.saturating_duration_since(Instant::now());
            if remaining.is_zero() {
                return;
            }
            state = self.0.changed.wait_timeout(state, remaining).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Wakes the consumer without a message.
    #[cfg(feature = "mqtt")]
    pub(super) fn wake(&self) {
        self.lock().woken = true;
        self.0.changed.notify_all();
    }

    /// Returns whether the queue was closed.
    #[cfg(feature = "mqtt")]
    pub(super) fn is_closed(&self) -> bool {
        self.lock().deadline.is_some()
    }

    /// Returns whether the time for deliveries after closing is over.
    pub(super) fn is_expired(&self) -> bool {
        self.lock().is_expired()
    }

    /// Closes the queue; waiting messages may still be delivered within `timeout`.
    pub(super) fn close(&self, timeout: Duration) {
        self.lock().deadline = Some(Instant::now() + timeout);
        self.0.changed.notify_all();
    }

    /// Closes the queue, waits for the delivery thread for at most the sum of both timeouts, and logs how many lines
    /// `receiver` did not get. A receiver that keeps its connection open does not delay the end of the program.
    pub(super) fn finish(
        &self,
        receiver: &str,
        thread: Option<&JoinHandle<()>>,
        close_timeout: Duration,
        join_timeout: Duration,
    ) {
        self.close(close_timeout);
        let deadline = Instant::now() + close_timeout + join_timeout;
        while thread.is_some_and(|thread| !thread.is_finished()) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        let DeliveryCounts { lost, waiting, .. } = self.counts();
        if lost + waiting > 0 {
            log::warn!("{receiver}: {} lines were not delivered", lost + waiting);
        }
    }

    /// Returns the counts so far.
    pub(super) fn counts(&self) -> DeliveryCounts {
        let state = self.lock();
        DeliveryCounts { sent: state.sent, lost: state.lost, waiting: state.waiting.len() as u64 + state.in_flight }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn is_expired(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// Delays between attempts, each twice as long as the one before.
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
        let delay = self.next;
        self.next = (delay * 2).min(Self::LONGEST);
        delay
    }

    pub(super) fn reset(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_drops_the_oldest_and_counts_it() {
        let outbox = Outbox::new(3);
        (0..5).for_each(|n| outbox.push(n));
        assert_eq!(outbox.counts(), DeliveryCounts { sent: 0, lost: 2, waiting: 3 });
        assert_eq!([outbox.take(), outbox.take()], [Some(2), Some(3)]);
        outbox.record(true);
        outbox.record(false);
        assert_eq!(outbox.counts(), DeliveryCounts { sent: 1, lost: 3, waiting: 1 });
        outbox.close(Duration::from_secs(60));
        assert_eq!([outbox.take(), outbox.take()], [Some(4), None]);
        let open = Outbox::<u8>::new(1);
        assert_eq!(open.take_within(Duration::from_millis(5)), Taken::Nothing);
    }

    #[test]
    fn a_closed_queue_releases_the_consumer_and_expires() {
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
        outbox.sleep(Duration::from_secs(60));
        assert!(outbox.is_expired() && began.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn delays_double_up_to_the_longest() {
        let mut back_off = BackOff::new();
        let delays: Vec<u128> = (0..9).map(|_| back_off.next().as_millis()).collect();
        assert_eq!(delays, [250, 500, 1000, 2000, 4000, 8000, 16000, 16000, 16000]);
        back_off.reset();
        assert_eq!(back_off.next(), BackOff::FIRST);
    }
}
