//! Address, credentials and TLS of the broker.

use super::message::availability_topic;
use super::{MqttSettings, certificate};
use crate::error::{Error, Result, Stage};
use crate::sink::Secret;
use rumqttc::{LastWill, MqttOptions, QoS, TlsConfiguration, Transport};
use std::sync::Arc;
use std::time::Duration;

/// Silence after which the broker is pinged.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The largest packet in bytes; a verdict line has a few thousand.
const MAX_PACKET_BYTES: usize = 256 * 1024;

/// Returns the options of the MQTT client, with the last will that the device is offline.
///
/// # Errors
/// Returns an error if the name, address, credentials or certificates of `settings` cannot be used.
pub(super) fn client_options(settings: &MqttSettings) -> Result<MqttOptions> {
    check_name(&settings.name)?;
    let Address { host, port, is_secure } = Address::parse(&settings.url)?;
    let mut options = MqttOptions::new(format!("figureground-{}", settings.name), host, port);
    options.set_keep_alive(KEEP_ALIVE).set_clean_session(true);
    options.set_max_packet_size(MAX_PACKET_BYTES, MAX_PACKET_BYTES);
    let topic = availability_topic(&settings.name);
    options.set_last_will(LastWill::new(topic, "offline", QoS::AtLeastOnce, true));
    if let Some(user) = &settings.user {
        options.set_credentials(user, settings.password.as_ref().map_or("", Secret::reveal));
    } else if settings.password.is_some() {
        return Err(Error::new(Stage::Sink, "a user for the MQTT password", "none", "set the user as well"));
    }
    if is_secure {
        let config = certificate::client_config(settings.authorities.as_deref())?;
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(Arc::new(config))));
    } else if settings.authorities.is_some() {
        let next = "use mqtts:// or remove the certificates";
        return Err(Error::new(Stage::Sink, "mqtts:// with certificates", &settings.url, next));
    }
    Ok(options)
}

/// The address of a broker.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    host: String,
    port: u16,
    is_secure: bool,
}

impl Address {
    fn parse(url: &str) -> Result<Self> {
        let refused = |got: &str| {
            let next = "use mqtt://HOST or mqtt://HOST:PORT, with secrets in a file or the environment";
            Error::new(Stage::Sink, "the URL of an MQTT broker, without a password", got, next)
        };
        let (is_secure, rest) = match url.split_once("://") {
            Some(("mqtt", rest)) => (false, rest),
            Some(("mqtts", rest)) => (true, rest),
            _ if url.contains('@') => return Err(refused("another URL with a password")),
            _ => return Err(refused(url)),
        };
        if rest.contains('@') {
            return Err(refused("a URL with a password"));
        }
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let default_port = if is_secure { 8883 } else { 1883 };
        let (host, port) = match authority.rsplit_once(':') {
            // The last part of an IPv6 address is not a port.
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| refused(url))?),
            _ => (authority, default_port),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || host.contains(['/', '?', ' ']) {
            return Err(refused(url));
        }
        Ok(Self { host: host.to_owned(), port, is_secure })
    }
}

/// Checks that `name` can be part of a topic, in which `/`, `+` and `#` are special.
fn check_name(name: &str) -> Result<()> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.len() <= 64 && name.chars().all(is_plain) {
        return Ok(());
    }
    let expected = "a name of up to 64 letters, digits, - and _ for MQTT";
    Err(Error::new(Stage::Sink, expected, format_args!("{name:?}"), "choose another name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_parsed_and_errors_hide_passwords() {
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
    fn a_name_that_is_special_in_topics_is_refused() {
        assert!(check_name("kitchen-2_b").is_ok());
        for name in ["", "a/b", "+", "#", "a b", "ä", &"x".repeat(65)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
