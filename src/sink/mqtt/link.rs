//! One message at a time over a connection that comes and goes.
//!
//! The broker has a message once it has acknowledged it. Whatever was not acknowledged when a connection broke is published
//! again on the next, so that nothing is lost on the way; a message may come twice.

use crate::sink::outbox::{BackOff, Outbox};
use rumqttc::{Client, Connection, Event, Packet, QoS};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often a waiting sender looks whether its time is over.
const TICK: Duration = Duration::from_millis(100);
/// How long the connection is closed politely for.
const FAREWELL: Duration = Duration::from_millis(300);

/// What is published.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) text: Arc<str>,
    /// Whether the broker keeps it for those who come later.
    pub(super) retain: bool,
}

/// What was said of a connection that is lost, so that a log does not grow with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ConnectionProblem {
    /// Nothing: all is well.
    None,
    /// That it is lost.
    Told,
    /// That it is back.
    Over,
    /// That it is lost again and again.
    Known,
}

/// What is known of the connection.
#[derive(Debug, Default)]
pub(super) struct BrokerConnection {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    is_up: bool,
    /// How often it has come up.
    connects: u64,
    /// Messages that the broker has acknowledged on this connection.
    acknowledged: u64,
}

impl BrokerConnection {
    /// Follows the connection to the end of the program and opens it again whenever it is lost.
    pub(super) fn follow(&self, mut connection: Connection, outbox: &Outbox<Arc<str>>) {
        let mut back_off = BackOff::new();
        let mut trouble = ConnectionProblem::None;
        let mut since = None;
        for event in connection.iter() {
            match event {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    let connects = {
                        let mut state = self.lock();
                        *state = State { is_up: true, connects: state.connects + 1, acknowledged: 0 };
                        state.connects
                    };
                    since = Some(Instant::now());
                    if trouble == ConnectionProblem::Told {
                        trouble = ConnectionProblem::Over;
                        log::warn!("mqtt: connected, for the {connects}. time");
                    }
                    if connects > 1 {
                        // The broker may have forgotten the device, and nothing else need be there to be published.
                        outbox.wake();
                    }
                }
                Ok(Event::Incoming(Packet::PubAck(_))) => self.lock().acknowledged += 1,
                Ok(_) => continue,
                Err(error) => {
                    self.lock().is_up = false;
                    self.changed.notify_all();
                    if outbox.is_over() {
                        return;
                    }
                    let lasted = since.take().map(|since: Instant| since.elapsed());
                    if lasted.is_some_and(|lasted| lasted > BackOff::LONGEST) {
                        // A connection that is lost again and again at once is one trouble, not many.
                        back_off.reset();
                        trouble = ConnectionProblem::None;
                    }
                    match (trouble, lasted) {
                        (ConnectionProblem::None, _) => log::warn!("mqtt: tried again until it works: {error}"),
                        (ConnectionProblem::Over, Some(_)) => log::warn!(
                            "mqtt: lost again at once: another program may have the same --mqtt-name, or the broker may refuse its \
                             topics: {error}"
                        ),
                        _ => {}
                    }
                    trouble = if trouble == ConnectionProblem::Over {
                        ConnectionProblem::Known
                    } else {
                        trouble.max(ConnectionProblem::Told)
                    };
                    outbox.rest(back_off.next());
                }
            }
            self.changed.notify_all();
        }
    }

    /// Which connection is up, waited for; none once the queue's time is over.
    fn up(&self, outbox: &Outbox<Arc<str>>) -> Option<u64> {
        let mut state = self.lock();
        loop {
            if outbox.is_over() {
                return None;
            }
            if state.is_up {
                return Some(state.connects);
            }
            state = self.wait(state);
        }
    }

    fn acknowledged(&self) -> u64 {
        self.lock().acknowledged
    }

    /// Whether connection `number` acknowledges more than `before` messages; false when it is lost or time is over.
    fn acknowledges(&self, number: u64, before: u64, outbox: &Outbox<Arc<str>>) -> bool {
        let mut state = self.lock();
        loop {
            if !state.is_up || state.connects != number || outbox.is_over() {
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

/// The side that publishes.
pub(super) struct Sender {
    pub(super) client: Client,
    pub(super) link: Arc<BrokerConnection>,
    pub(super) outbox: Outbox<Arc<str>>,
    pub(super) verdicts: String,
    /// Published after each connect.
    pub(super) connect_messages: Vec<Message>,
    /// Published at the end.
    pub(super) farewell: Message,
}

impl Sender {
    /// Publishes to the end of the program.
    pub(super) fn deliver(self) {
        let (mut in_hand, mut has_said) = (None, false);
        while let Some(number) = self.link.up(&self.outbox) {
            if !self.connect_messages.iter().all(|message| self.publish(number, message)) {
                continue;
            }
            // A connection is noticed to be lost by the message that is not acknowledged.
            while let Some(text) = in_hand.take().or_else(|| self.outbox.take()) {
                let message = Message { topic: self.verdicts.clone(), text, retain: false };
                if !self.publish(number, &message) {
                    in_hand = Some(message.text);
                    break;
                }
                self.outbox.settle(true);
            }
            if in_hand.is_none() && self.outbox.is_closed() && self.outbox.counts().waiting == 0 {
                has_said = self.publish(number, &self.farewell);
                break;
            }
        }
        if in_hand.is_some() {
            self.outbox.settle(false);
        }
        if has_said {
            // It fails only where there is no connection. Without it the broker says the last will, which is the same.
            let _ = self.client.try_disconnect();
            std::thread::sleep(FAREWELL);
        }
    }

    /// Whether connection `number` took `message`.
    fn publish(&self, number: u64, message: &Message) -> bool {
        let before = self.link.acknowledged();
        let Message { topic, text, retain } = message;
        let asked = self.client.try_publish(topic, QoS::AtLeastOnce, *retain, text.as_bytes());
        if asked.is_err() {
            // The requests of a connection that was lost are still to be thrown away.
            self.outbox.rest(TICK);
            return false;
        }
        self.link.acknowledges(number, before, &self.outbox)
    }
}
