//! Publishes one message at a time over a connection that may be lost and restored.
//!
//! A message is delivered once the broker has acknowledged it. A message that was not acknowledged before its
//! connection was lost is published again on the next, so that none is lost; the broker may receive it twice.

use super::connection::{BrokerConnection, TICK};
use super::message::Message;
use crate::sink::outbox::Outbox;
use rumqttc::{Client, QoS};
use std::sync::Arc;
use std::time::Duration;

/// Time for the disconnect to reach the broker.
const DISCONNECT_TIME: Duration = Duration::from_millis(300);

/// The thread that publishes verdict lines.
pub(super) struct Publisher {
    pub(super) client: Client,
    pub(super) connection: Arc<BrokerConnection>,
    pub(super) outbox: Outbox<Arc<str>>,
    pub(super) verdict_topic: String,
    /// Published after each connect.
    pub(super) connect_messages: Vec<Message>,
    /// Published last.
    pub(super) offline_message: Message,
}

impl Publisher {
    /// Publishes until the outbox is closed and empty, or expires.
    pub(super) fn run(self) {
        let (mut unacknowledged, mut is_offline) = (None, false);
        while let Some(number) = self.connection.wait_until_up(&self.outbox) {
            if !self.connect_messages.iter().all(|message| self.publish(number, message)) {
                continue;
            }
            // A missing acknowledgement is the first sign of a lost connection.
            while let Some(text) = unacknowledged.take().or_else(|| self.outbox.take()) {
                let message = Message { topic: self.verdict_topic.clone(), text, retain: false };
                if !self.publish(number, &message) {
                    unacknowledged = Some(message.text);
                    break;
                }
                self.outbox.record(true);
            }
            if unacknowledged.is_none() && self.outbox.is_closed() && self.outbox.counts().waiting == 0 {
                is_offline = self.publish(number, &self.offline_message);
                break;
            }
        }
        if unacknowledged.is_some() {
            self.outbox.record(false);
        }
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
