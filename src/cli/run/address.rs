//! Addresses of the live page and the metrics.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The port of an address without one.
const DEFAULT_PORT: u16 = 8080;

/// Parses an address, a port, or both. A port alone is one of 127.0.0.1, as is one of `localhost`.
pub fn address(text: &str) -> core::result::Result<SocketAddr, String> {
    let whole = text.parse().ok();
    whole.or_else(|| with_default_port(text)).or_else(|| of_localhost(text)).ok_or_else(|| {
        format!("expected a port, an address or both, such as {DEFAULT_PORT}, localhost or 0.0.0.0:{DEFAULT_PORT}")
    })
}

fn with_default_port(text: &str) -> Option<SocketAddr> {
    let in_brackets = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let address: IpAddr = in_brackets.unwrap_or(text).parse().ok()?;
    Some(SocketAddr::from((address, DEFAULT_PORT)))
}

/// Parses a port, `localhost`, or `localhost:PORT`.
fn of_localhost(text: &str) -> Option<SocketAddr> {
    if text == "localhost" {
        return Some(SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT)));
    }
    let port = text.strip_prefix("localhost:").unwrap_or(text);
    // A number may not have a sign.
    let port = port.starts_with(|c: char| c.is_ascii_digit()).then(|| port.parse().ok())??;
    Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_an_address_or_both_are_an_address() {
        let parsed = |text: &str| address(text).map(|address| address.to_string());
        for (text, expected) in [
            ("8088", "127.0.0.1:8088"),
            ("localhost", "127.0.0.1:8080"),
            ("localhost:8088", "127.0.0.1:8088"),
            ("0.0.0.0", "0.0.0.0:8080"),
            ("192.168.1.7:80", "192.168.1.7:80"),
            ("::1", "[::1]:8080"),
            ("[::1]", "[::1]:8080"),
            ("[::1]:80", "[::1]:80"),
        ] {
            assert_eq!(parsed(text).as_deref(), Ok(expected), "{text}");
        }
        for text in [
            "",
            "70000",
            "host",
            "host:80",
            "localhost:",
            "localhost:x",
            ":80",
            "+80",
            "clip.mp4",
            "localhost:localhost",
        ] {
            assert!(parsed(text).is_err_and(|error| error.contains("localhost")), "{text}");
        }
    }
}
