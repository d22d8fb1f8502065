//! The state of a connection that may be lost and restored.

use super::certificate;
use crate::sink::outbox::{BackOff, Outbox};
use rumqttc::{Connection, ConnectionError, Event, Packet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often a waiting publisher checks for the end of the program.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// The last problem that was logged, so that a broken connection does not fill the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ConnectionProblem {
    /// None: the connection is stable.
    None,
    /// The connection was lost.
    Lost,
    /// The connection was restored after a loss.
    Restored,
    /// The connection is lost again and again.
    Unstable,
}

/// The state of the connection, shared between the event loop and the publisher.
#[derive(Debug, Default)]
pub(super) struct BrokerConnection {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    is_up: bool,
    /// Connections made so far.
    connects: u64,
    /// Messages that the broker has acknowledged on this connection.
    acknowledged: u64,
    /// Whether everything is published: a connection that ends is not made again.
    is_finished: bool,
}

impl BrokerConnection {
    /// Runs the event loop until the end of the program and reconnects whenever the connection is lost.
    pub(super) fn run(&self, mut connection: Connection, outbox: &Outbox<Arc<str>>) {
        let mut losses = LossLog { back_off: BackOff::new(), problem: ConnectionProblem::None, connected: None };
        let mut was_refused = false;
        for event in connection.iter() {
            match event {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    let connects = self.connect();
                    losses.connected(connects);
                    if connects > 1 {
                        // The broker may have lost its retained messages: they are published even if no line waits.
                        outbox.wake();
                    }
                }
                Ok(Event::Incoming(Packet::PubAck(_))) => self.lock().acknowledged += 1,
                Ok(Event::Incoming(Packet::Disconnect)) => was_refused = true,
                Ok(_) => continue,
                Err(error) => {
                    let is_finished = {
                        let mut state = self.lock();
                        state.is_up = false;
                        state.is_finished
                    };
                    self.changed.notify_all();
                    if is_finished || outbox.is_expired() {
                        return;
                    }
                    let delay = losses.lost(&error);
                    // A broker that disconnects its clients does not want them back at once.
                    outbox.sleep(if std::mem::take(&mut was_refused) { BackOff::LONGEST } else { delay });
                }
            }
            self.changed.notify_all();
        }
    }

    /// Records a new connection and returns the number of connections made so far.
    fn connect(&self) -> u64 {
        let mut state = self.lock();
        *state = State { is_up: true, connects: state.connects + 1, acknowledged: 0, ..*state };
        state.connects
    }

    /// Records that everything is published: the connection ends, and no other one is made.
    pub(super) fn finish(&self) {
        self.lock().is_finished = true;
    }

    /// Waits for a connection and returns its number, or `None` once the outbox has expired.
    pub(super) fn wait_until_up(&self, outbox: &Outbox<Arc<str>>) -> Option<u64> {
        let mut state = self.lock();
        loop {
            if outbox.is_expired() {
                return None;
            }
            if state.is_up {
                return Some(state.connects);
            }
            state = self.wait(state);
        }
    }

    /// Returns the number of messages acknowledged on this connection.
    pub(super) fn acknowledged(&self) -> u64 {
        self.lock().acknowledged
    }

    /// Waits until connection `number` has acknowledged more than `before` messages; returns false if it is lost or the
    /// outbox expires first.
    pub(super) fn wait_for_acknowledgement(&self, number: u64, before: u64, outbox: &Outbox<Arc<str>>) -> bool {
        let mut state = self.lock();
        loop {
            if !state.is_up || state.connects != number || outbox.is_expired() {
                return false;
            }
            if state.acknowledged > before {
                return true;
            }
            state = self.wait(state);
        }
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, TICK).unwrap_or_else(PoisonError::into_inner).0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Logs lost connections, and computes the delay before the next attempt.
struct LossLog {
    back_off: BackOff,
    problem: ConnectionProblem,
    /// Start of the current connection.
    connected: Option<Instant>,
}

impl LossLog {
    fn connected(&mut self, connects: u64) {
        self.connected = Some(Instant::now());
        if self.problem == ConnectionProblem::Lost {
            self.problem = ConnectionProblem::Restored;
            log::info!(target: crate::NOTES, "mqtt: connected (connection {connects})");
        }
    }

    /// Logs the loss unless it was logged before, and returns the delay before the next attempt.
    fn lost(&mut self, error: &ConnectionError) -> Duration {
        let lasted = self.connected.take().map(|since| since.elapsed());
        if lasted.is_some_and(|lasted| lasted > BackOff::LONGEST) {
            // Only a connection that is lost soon after it was made counts as the same problem.
            self.back_off.reset();
            self.problem = ConnectionProblem::None;
        }
        let reason = certificate::refusal(error).unwrap_or_else(|| error.to_string());
        match (self.problem, lasted) {
            (ConnectionProblem::None, _) => log::warn!("mqtt: connection lost, retrying until it succeeds: {reason}"),
            (ConnectionProblem::Restored, Some(_)) => log::warn!(
                "mqtt: connection lost again at once: another program may use the same device name, or the broker may \
                 refuse the topics: {reason}"
            ),
            _ => {}
        }
        self.problem = match self.problem {
            ConnectionProblem::Restored => ConnectionProblem::Unstable,
            problem => problem.max(ConnectionProblem::Lost),
        };
        self.back_off.next()
    }
}
