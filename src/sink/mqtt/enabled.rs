//! A device's connection to its broker.

use super::link::{BrokerConnection, Message, Sender};
use super::{MqttSettings, discovery};
use crate::error::{Error, Result, Stage};
use crate::sink::outbox::Outbox;
use crate::sink::{DeliveryCounts, Secret};
use rumqttc::{Client, LastWill, MqttOptions, QoS, TlsConfiguration, Transport};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// How long the program's end waits for what is still to be delivered.
const GRACE: Duration = Duration::from_secs(2);
/// A broker that is silent for longer than this is asked whether it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Requests between the sender and the connection.
const REQUESTS: usize = 16;
/// The largest packet in bytes; a verdict line has some thousand.
const PACKET: usize = 256 * 1024;

/// A connection that publishes verdict lines at least once, in order, and comes back when the broker does.
#[derive(Debug)]
pub struct Mqtt {
    outbox: Outbox<Arc<str>>,
    sender: Option<JoinHandle<()>>,
}

impl Mqtt {
    /// Begins to connect and to deliver.
    ///
    /// # Errors
    /// When an address, name or certificate cannot be used, or there is no thread for it.
    pub fn open(settings: &MqttSettings) -> Result<Self> {
        check_name(&settings.name)?;
        if let Some(prefix) = settings.discovery.as_deref().filter(|topic| topic.contains(['+', '#', '\0'])) {
            let expected = "a topic without + and # for Home Assistant";
            return Err(Error::new(Stage::Sink, expected, format_args!("{prefix:?}"), "choose another"));
        }
        let (client, connection) = Client::new(options(settings)?, REQUESTS);
        let (outbox, link) = (Outbox::new(settings.queue), Arc::new(BrokerConnection::default()));
        let sender = Sender {
            client,
            link: Arc::clone(&link),
            outbox: outbox.clone(),
            verdicts: verdict_topic(&settings.name),
            connect_messages: connect_messages(settings),
            farewell: availability(&settings.name, "offline"),
        };
        let events = outbox.clone();
        thread("mqtt", move || link.follow(connection, &events))?;
        let sender = thread("mqtt-out", move || sender.deliver())?;
        Ok(Self { outbox, sender: Some(sender) })
    }

    /// Leaves `line` to be published; never waits.
    pub fn send(&self, line: &Arc<str>) {
        self.outbox.push(Arc::clone(line));
    }

    /// Lines published, lost and waiting.
    pub fn counts(&self) -> DeliveryCounts {
        self.outbox.counts()
    }
}

impl Drop for Mqtt {
    fn drop(&mut self) {
        self.outbox.finish("mqtt", self.sender.as_ref(), [GRACE, Duration::from_millis(500)]);
    }
}

pub(super) fn verdict_topic(name: &str) -> String {
    format!("figureground/{name}/verdict")
}

pub(super) fn availability_topic(name: &str) -> String {
    format!("figureground/{name}/availability")
}

fn availability(name: &str, state: &str) -> Message {
    Message { topic: availability_topic(name), text: Arc::from(state), retain: true }
}

/// What is told after each connect.
fn connect_messages(settings: &MqttSettings) -> Vec<Message> {
    let prefix = settings.discovery.as_deref();
    let entities = prefix.map_or_else(Vec::new, |prefix| discovery::entities(prefix, &settings.name));
    std::iter::once(availability(&settings.name, "online")).chain(entities).collect()
}

fn options(settings: &MqttSettings) -> Result<MqttOptions> {
    let Address { host, port, is_secure } = Address::parse(&settings.url)?;
    let mut options = MqttOptions::new(format!("figureground-{}", settings.name), host, port);
    options.set_keep_alive(KEEP_ALIVE).set_clean_session(true).set_max_packet_size(PACKET, PACKET);
    let topic = availability_topic(&settings.name);
    options.set_last_will(LastWill::new(topic, "offline", QoS::AtLeastOnce, true));
    match (&settings.user, &settings.password) {
        (Some(user), password) => {
            let password = password.as_ref().map_or("", Secret::reveal);
            options.set_credentials(user, password);
        }
        (None, Some(_)) => {
            return Err(Error::new(Stage::Sink, "a user for the MQTT password", "none", "name the user as well"));
        }
        (None, None) => {}
    }
    match (is_secure, &settings.authorities) {
        (true, authorities) => {
            options.set_transport(Transport::tls_with_config(tls(authorities.as_deref())?));
        }
        (false, Some(_)) => {
            let next = "write mqtts:// or leave the certificates out";
            return Err(Error::new(Stage::Sink, "mqtts:// with certificates", &settings.url, next));
        }
        (false, None) => {}
    }
    Ok(options)
}

fn tls(authorities: Option<&Path>) -> Result<TlsConfiguration> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    let mut roots = rustls::RootCertStore::empty();
    match authorities {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            let refused = |got: &dyn core::fmt::Display| {
                let next = "pass a PEM file with the certificates of its authorities";
                Error::new(Stage::Sink, "certificates for the MQTT broker", got, next).at(path.display())
            };
            for certificate in CertificateDer::pem_file_iter(path).map_err(|e| refused(&e))? {
                roots.add(certificate.map_err(|e| refused(&e))?).map_err(|e| refused(&e))?;
            }
            if roots.is_empty() {
                return Err(refused(&"none"));
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder =
        builder.map_err(|e| Error::new(Stage::Sink, "TLS for MQTT", e, "use mqtt:// in a trusted network"))?;
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    Ok(TlsConfiguration::Rustls(Arc::new(config)))
}

/// Where a broker is.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    host: String,
    port: u16,
    is_secure: bool,
}

impl Address {
    fn parse(url: &str) -> Result<Self> {
        let refused = |got: &str| {
            let next = "write mqtt://HOST or mqtt://HOST:PORT, and keep secrets in a file or the environment";
            Error::new(Stage::Sink, "the address of an MQTT broker, without a password", got, next)
        };
        let (is_secure, rest) = match url.split_once("://") {
            Some(("mqtt", rest)) => (false, rest),
            Some(("mqtts", rest)) => (true, rest),
            _ if url.contains('@') => return Err(refused("another address with a password")),
            _ => return Err(refused(url)),
        };
        if rest.contains('@') {
            return Err(refused("one with a password"));
        }
        let place = rest.strip_suffix('/').unwrap_or(rest);
        let default = if is_secure { 8883 } else { 1883 };
        let (host, port) = match place.rsplit_once(':') {
            // The last part of an IPv6 address is no port.
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| refused(url))?),
            _ => (place, default),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || host.contains(['/', '?', ' ']) {
            return Err(refused(url));
        }
        Ok(Self { host: host.to_owned(), port, is_secure })
    }
}

/// A name goes into topics, where `/`, `+` and `#` have a meaning.
fn check_name(name: &str) -> Result<()> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.len() <= 64 && name.chars().all(is_plain) {
        return Ok(());
    }
    let expected = "a name of up to 64 letters, digits, - and _ for MQTT";
    Err(Error::new(Stage::Sink, expected, format_args!("{name:?}"), "choose another name"))
}

fn thread(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|e| Error::new(Stage::Sink, "a thread for MQTT", e, "raise the limit of threads"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_parsed_and_others_refused_without_their_password() {
        let address = |host: &str, port, is_secure| Address { host: host.to_owned(), port, is_secure };
        assert_eq!(Address::parse("mqtt://broker").unwrap(), address("broker", 1883, false));
        assert_eq!(Address::parse("mqtts://broker.lan/").unwrap(), address("broker.lan", 8883, true));
        assert_eq!(Address::parse("mqtt://10.0.0.2:77").unwrap(), address("10.0.0.2", 77, false));
        assert_eq!(Address::parse("mqtt://[::1]:77").unwrap(), address("::1", 77, false));
        assert_eq!(Address::parse("mqtt://[fe80::1]").unwrap(), address("fe80::1", 1883, false));
        for url in ["broker", "http://broker", "mqtt://", "mqtt://host:port", "mqtt://host/topic", "mqtt://:1883"] {
            assert!(Address::parse(url).is_err(), "{url}");
        }
        let refused = Address::parse("mqtt://user:hunter2@host").unwrap_err().to_string();
        assert!(!refused.contains("hunter2"));
    }

    #[test]
    fn a_name_with_a_meaning_in_topics_is_refused() {
        assert!(check_name("kitchen-2_b").is_ok());
        for name in ["", "a/b", "+", "#", "a b", "ä", &"x".repeat(65)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
