//! Who may read and who may change something.
//!
//! - A request that changes something, or opens the live channel, comes from this page and no other site: its `Origin` is the
//!   `Host` it was sent to.
//! - Without a token only loopback names are answered, because a web site could give its own name this machine's address.
//! - With a token every request has to bring it: a program as `Authorization: Bearer …`, a browser in a cookie that no
//!   script can read. Tokens are compared in constant time.

use crate::error::{Error, Result, Stage};
use crate::sink::Secret;
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN, UPGRADE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use subtle::ConstantTimeEq;

/// The shortest token, in characters.
const SHORTEST: usize = 16;
/// The cookie that holds a browser's token.
pub(super) const COOKIE_NAME: &str = "figureground";

/// Knows the token of one address.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    token: Option<Secret>,
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No token or a wrong one.
    Unknown,
    /// A host name that is not this machine's.
    ForeignHost,
    /// Another site's page.
    ForeignOrigin,
}

impl Refusal {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Refusal::Unknown => StatusCode::UNAUTHORIZED,
            Refusal::ForeignHost | Refusal::ForeignOrigin => StatusCode::FORBIDDEN,
        }
    }

    pub(super) fn reason(self) -> &'static str {
        match self {
            Refusal::Unknown => "a token is needed: Authorization: Bearer …",
            Refusal::ForeignHost => "without a token this is only answered on localhost",
            Refusal::ForeignOrigin => "this came from another site's page",
        }
    }
}

impl Guard {
    /// The guard of `address`.
    ///
    /// # Errors
    /// When others can reach the address and there is no token, or one that can be guessed.
    pub(super) fn new(address: SocketAddr, token: Option<Secret>) -> Result<Self> {
        let next = "make one with `head -c 24 /dev/urandom | base64 > token` and pass --token-file token, or serve at 127.0.0.1";
        match &token {
            None if !address.ip().is_loopback() => {
                Err(Error::new(Stage::Sink, "a token, because others can reach the address", address, next))
            }
            Some(token) if token.reveal().len() < SHORTEST => {
                let expected = format!("a token of at least {SHORTEST} characters");
                Err(Error::new(Stage::Sink, expected, "a shorter one", next))
            }
            _ => Ok(Self { token }),
        }
    }

    /// Whether readers need a token.
    pub(super) fn is_closed(&self) -> bool {
        self.token.is_some()
    }

    /// Whether `text` is the token; the time this takes tells nothing of where it differs, or how long it is.
    pub(super) fn knows(&self, text: &str) -> bool {
        let digest = |text: &str| Sha256::digest(text.as_bytes());
        self.token.as_ref().is_some_and(|token| digest(token.reveal()).ct_eq(&digest(text)).into())
    }

    /// Lets `request` through or says why not.
    pub(super) fn check<B>(&self, request: &Request<B>) -> core::result::Result<(), Refusal> {
        self.check_origin(request)?;
        if self.token.is_none() {
            return if is_loopback_name(host(request.headers())) { Ok(()) } else { Err(Refusal::ForeignHost) };
        }
        let tokens = bearer(request.headers()).into_iter().chain(cookies(request.headers()));
        if tokens.fold(false, |known, token| known | self.knows(token)) { Ok(()) } else { Err(Refusal::Unknown) }
    }

    /// Refuses what another site's page sends.
    pub(super) fn check_origin<B>(&self, request: &Request<B>) -> core::result::Result<(), Refusal> {
        let is_reading =
            matches!(*request.method(), Method::GET | Method::HEAD) && !request.headers().contains_key(UPGRADE);
        // Browsers say where a request comes from; programs need not.
        let Some(origin) = request.headers().get(ORIGIN) else { return Ok(()) };
        let origin = origin.to_str().unwrap_or_default();
        let place = origin.split_once("://").map(|(_, place)| place);
        if is_reading || place == Some(host(request.headers())) { Ok(()) } else { Err(Refusal::ForeignOrigin) }
    }
}

fn host(headers: &HeaderMap) -> &str {
    headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default()
}

fn is_loopback_name(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|c| c.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ").map(str::trim)
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lists = headers.get_all(COOKIE).into_iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(';')).filter_map(|cookie| {
        cookie.trim().split_once('=').filter(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn guard(token: Option<&str>) -> Guard {
        Guard { token: token.map(|token| Secret::new(token).unwrap()) }
    }

    fn request(method: &str, headers: &[(&str, &str)]) -> Request<()> {
        let builder = Request::builder().method(method).uri("/");
        headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value)).body(()).unwrap()
    }

    #[test]
    fn an_address_that_others_reach_needs_a_token_that_cannot_be_guessed() {
        let [inside, outside] = ["127.0.0.1:80", "0.0.0.0:80"].map(|text| text.parse().unwrap());
        let token = |text| Some(Secret::new(text).unwrap());
        assert!(Guard::new(inside, None).is_ok() && Guard::new(outside, token(TOKEN)).is_ok());
        assert!(Guard::new("[::1]:80".parse().unwrap(), None).is_ok());
        assert!(Guard::new(outside, None).unwrap_err().to_string().contains("--token-file"));
        assert!(Guard::new(inside, token("short")).is_err());
    }

    #[test]
    fn without_a_token_only_names_of_this_machine_are_answered() {
        let check = |host| guard(None).check(&request("GET", &[("host", host)]));
        for host in ["localhost:8080", "LOCALHOST", "127.0.0.1:8080", "127.8.9.1", "[::1]:8080"] {
            assert_eq!(check(host), Ok(()), "{host}");
        }
        for host in ["evil.example:8080", "localhost.evil.example", "192.168.0.2:8080", "", "127.0.0.1.evil.example"] {
            assert_eq!(check(host), Err(Refusal::ForeignHost), "{host}");
        }
    }

    #[test]
    fn with_a_token_every_request_has_to_bring_it() {
        let check = |headers: &[(&str, &str)]| guard(Some(TOKEN)).check(&request("GET", headers));
        assert_eq!(check(&[("host", "cam.lan")]), Err(Refusal::Unknown));
        assert_eq!(check(&[("authorization", "Bearer 0123456789abcdef")]), Ok(()));
        assert_eq!(check(&[("cookie", "a=b; figureground=0123456789abcdef")]), Ok(()));
        for (name, value) in [
            ("authorization", "Bearer 0123456789abcdeF"),
            ("authorization", "0123456789abcdef"),
            ("authorization", "Bearer "),
            ("cookie", "figureground="),
            ("cookie", "other=0123456789abcdef"),
        ] {
            assert_eq!(check(&[(name, value)]), Err(Refusal::Unknown), "{value}");
        }
        assert!(!guard(None).knows("") && !guard(Some(TOKEN)).knows(""));
    }

    #[test]
    fn another_sites_page_changes_nothing_and_hears_nothing() {
        let at = ("host", "localhost:8080");
        let check = |method, headers: &[(&str, &str)]| guard(None).check(&request(method, headers));
        let foreign = Err(Refusal::ForeignOrigin);
        assert_eq!(check("POST", &[at, ("origin", "https://evil.example")]), foreign);
        assert_eq!(check("POST", &[at, ("origin", "null")]), foreign);
        assert_eq!(check("POST", &[at, ("origin", "http://localhost:9999")]), foreign);
        assert_eq!(check("GET", &[at, ("origin", "https://evil.example"), ("upgrade", "websocket")]), foreign);
        assert_eq!(check("POST", &[at, ("origin", "http://localhost:8080")]), Ok(()));
        assert_eq!(check("POST", &[at]), Ok(()));
    }
}
