//! MQTT delivery of verdict lines.

use super::connection::BrokerConnection;
use super::message::{Message, verdict_topic};
use super::options::client_options;
use super::publisher::Publisher;
use super::{MqttSettings, discovery};
use crate::error::{Error, Result, Stage};
use crate::sink::DeliveryCounts;
use crate::sink::Presence;
use crate::sink::outbox::Outbox;
use rumqttc::Client;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Time for waiting lines to be delivered at the end of the program.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Additional time for the publisher thread to end.
const JOIN_TIMEOUT: Duration = Duration::from_millis(500);
/// Capacity of the request channel between the publisher and the connection.
const REQUESTS: usize = 16;

/// A connection that publishes verdict lines at least once, in order, and reconnects when it is lost.
#[derive(Debug)]
pub struct Mqtt {
    outbox: Outbox<Arc<str>>,
    publisher: Option<JoinHandle<()>>,
}

impl Mqtt {
    /// Starts to connect and to deliver. The device is online while its source, whose `presence` this is, delivers
    /// frames.
    ///
    /// # Errors
    /// Returns an error if an address, name or certificate cannot be used, or no thread can be started.
    pub fn open(settings: &MqttSettings, presence: Arc<Presence>) -> Result<Self> {
        let (client, events) = Client::new(client_options(settings)?, REQUESTS);
        let (outbox, connection) = (Outbox::new(settings.queue), Arc::new(BrokerConnection::default()));
        let publisher = Publisher {
            client,
            connection: Arc::clone(&connection),
            outbox: outbox.clone(),
            verdict_topic: verdict_topic(&settings.name),
            discovery: match &settings.discovery {
                Some(prefix) => discovery::entities(prefix, &settings.name, settings.expire_after)?,
                None => Vec::new(),
            },
            online: Message::availability(&settings.name, "online"),
            offline: Message::availability(&settings.name, "offline"),
            presence,
            stall: settings.stall,
        };
        let event_outbox = outbox.clone();
        thread("mqtt", move || connection.run(events, &event_outbox))?;
        let publisher = thread("mqtt-out", move || publisher.run())?;
        Ok(Self { outbox, publisher: Some(publisher) })
    }

    /// Queues `line` to be published; never blocks.
    pub fn send(&self, line: &Arc<str>) {
        self.outbox.push(Arc::clone(line));
    }

    /// Returns the numbers of lines published, lost and waiting.
    pub fn counts(&self) -> DeliveryCounts {
        self.outbox.counts()
    }
}

impl Drop for Mqtt {
    fn drop(&mut self) {
        self.outbox.finish("mqtt", self.publisher.as_ref(), CLOSE_TIMEOUT, JOIN_TIMEOUT);
    }
}

fn thread(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|e| Error::caused(Stage::Sink, "a thread for MQTT", e, "raise the limit of threads"))
}
