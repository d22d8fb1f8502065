//! Publishes one message at a time over a connection that may be lost and restored.
//!
//! A message is delivered once the broker has acknowledged it. A message that was not acknowledged before its
//! connection was lost is published again on the next, so that none is lost; the broker may receive it twice.

use super::connection::{BrokerConnection, TICK};
use super::message::Message;
use crate::sink::Presence;
use crate::sink::outbox::{Outbox, Taken};
use rumqttc::{Client, QoS};
use std::sync::Arc;
use std::time::Duration;

/// Time for the disconnect to reach the broker.
const DISCONNECT_TIME: Duration = Duration::from_millis(300);

/// How often the state of the source is looked at.
const AVAILABILITY_TICK: Duration = Duration::from_millis(250);

/// The thread that publishes verdict lines.
pub(super) struct Publisher {
    pub(super) client: Client,
    pub(super) connection: Arc<BrokerConnection>,
    pub(super) outbox: Outbox<Arc<str>>,
    pub(super) verdict_topic: String,
    /// Published after each connect.
    pub(super) discovery: Vec<Message>,
    /// Published with the first verdict of a source that delivers frames.
    pub(super) online: Message,
    /// Published after each connect, while the source delivers no frames, and last.
    pub(super) offline: Message,
    pub(super) presence: Arc<Presence>,
    /// Time without a frame after which the device is offline.
    pub(super) stall: Duration,
}

impl Publisher {
    /// Publishes until the outbox is closed and empty, or expires.
    pub(super) fn run(self) {
        let (mut unacknowledged, mut is_offline, mut is_online) = (None, false, false);
        while let Some(number) = self.connection.wait_until_up(&self.outbox) {
            let state = if is_online { &self.online } else { &self.offline };
            if !self.discovery.iter().chain([state]).all(|message| self.publish(number, message)) {
                continue;
            }
            // A missing acknowledgement is the first sign of a lost connection.
            loop {
                let is_available = self.presence.is_available(self.stall);
                if is_online && !is_available {
                    is_online = false;
                    if !self.publish(number, &self.offline) {
                        break;
                    }
                }
                let text = match unacknowledged
                    .take()
                    .map_or_else(|| self.outbox.take_within(AVAILABILITY_TICK), Taken::Message)
                {
                    Taken::Message(text) => text,
                    Taken::Nothing => continue,
                    Taken::End => break,
                };
                let message = Message { topic: self.verdict_topic.clone(), text, retain: false };
                if !self.publish(number, &message) {
                    unacknowledged = Some(message.text);
                    break;
                }
                self.outbox.record(true);
                // After the verdict: the one before is of the time before the source was away.
                if !is_online && is_available {
                    is_online = true;
                    if !self.publish(number, &self.online) {
                        break;
                    }
                }
            }
            if unacknowledged.is_none() && self.outbox.is_closed() && self.outbox.counts().waiting == 0 {
                is_offline = self.publish(number, &self.offline);
                break;
            }
        }
        if unacknowledged.is_some() {
            self.outbox.record(false);
        }
        // From now on, the end of the connection is no loss.
        self.connection.finish();
        if is_offline {
            // It fails only without a connection; the broker then publishes the last will, which is the same message.
            let _ = self.client.try_disconnect();
            std::thread::sleep(DISCONNECT_TIME);
        }
    }

    /// Publishes `message` on connection `number` and returns whether the broker acknowledged it.
    fn publish(&self, number: u64, message: &Message) -> bool {
        let before = self.connection.acknowledged();
        let Message { topic, text, retain } = message;
        if self.client.try_publish(topic, QoS::AtLeastOnce, *retain, text.as_bytes()).is_err() {
            // The client has not discarded the requests of a lost connection yet.
            self.outbox.sleep(TICK);
            return false;
        }
        self.connection.wait_for_acknowledgement(number, before, &self.outbox)
    }
}
