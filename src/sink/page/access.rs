//! Access control of the live page and metrics.
//!
//! - A request that changes something or opens the live channel must come from this page: its `Origin` must equal its
//!   `Host`.
//! - Without a token, only loopback host names are allowed, against DNS rebinding.
//! - With a token, every request must carry it: as `Authorization: Bearer …`, or in a cookie that scripts cannot read.
//!   Tokens are compared in constant time.

use crate::error::{Error, Result, Setting, Stage};
use crate::sink::Secret;
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN, UPGRADE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use subtle::ConstantTimeEq;

/// Minimum length of a token in bytes.
const MIN_TOKEN_LENGTH: usize = 16;
/// Name of the cookie with the token.
pub(super) const COOKIE_NAME: &str = "figureground";

/// Access control of one address.
#[derive(Clone, Debug)]
pub(super) struct AccessGuard {
    token: Option<Secret>,
}

/// The reason why a request is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccessError {
    /// No token, or a wrong one.
    InvalidToken,
    /// A host name other than loopback.
    ForeignHost,
    /// A request from another web site.
    ForeignOrigin,
}

impl AccessError {
    pub(super) fn status(self) -> StatusCode {
        match self {
            AccessError::InvalidToken => StatusCode::UNAUTHORIZED,
            AccessError::ForeignHost | AccessError::ForeignOrigin => StatusCode::FORBIDDEN,
        }
    }

    pub(super) fn reason(self) -> &'static str {
        match self {
            AccessError::InvalidToken => "a token is required: Authorization: Bearer …",
            AccessError::ForeignHost => "without a token, only localhost is allowed",
            AccessError::ForeignOrigin => "requests from other web sites are not allowed",
        }
    }
}

impl AccessGuard {
    /// Creates the access control of `address`.
    ///
    /// # Errors
    /// Returns an error if `address` is not loopback and there is no token, or if the token is too short.
    pub(super) fn new(address: SocketAddr, token: Option<Secret>) -> Result<Self> {
        let next = "create one with `head -c 24 /dev/urandom | base64`, or serve at 127.0.0.1";
        match &token {
            None if !address.ip().is_loopback() => {
                let expected = format!("an access token, because other machines can reach {address}");
                Err(Error::new(Stage::Sink, expected, "none", next).about(Setting::Token))
            }
            Some(token) if token.reveal().len() < MIN_TOKEN_LENGTH => {
                let expected = format!("an access token of at least {MIN_TOKEN_LENGTH} characters");
                Err(Error::new(Stage::Sink, expected, "a shorter one", next).about(Setting::Token))
            }
            _ => Ok(Self { token }),
        }
    }

    /// Returns whether requests need a token.
    pub(super) fn needs_token(&self) -> bool {
        self.token.is_some()
    }

    /// Returns whether `text` is the token, in a time that depends on neither its content nor its length.
    pub(super) fn is_token(&self, text: &str) -> bool {
        let digest = |text: &str| Sha256::digest(text.as_bytes());
        self.token.as_ref().is_some_and(|token| digest(token.reveal()).ct_eq(&digest(text)).into())
    }

    /// Checks whether `request` is allowed.
    pub(super) fn check<B>(&self, request: &Request<B>) -> core::result::Result<(), AccessError> {
        self.check_origin(request)?;
        if self.token.is_none() {
            return if is_loopback_name(host(request.headers())) { Ok(()) } else { Err(AccessError::ForeignHost) };
        }
        let tokens = bearer(request.headers()).into_iter().chain(cookies(request.headers()));
        if tokens.fold(false, |is_valid, token| is_valid | self.is_token(token)) {
            Ok(())
        } else {
            Err(AccessError::InvalidToken)
        }
    }

    /// Checks that `request` does not come from another web site.
    pub(super) fn check_origin<B>(&self, request: &Request<B>) -> core::result::Result<(), AccessError> {
        let is_reading =
            matches!(*request.method(), Method::GET | Method::HEAD) && !request.headers().contains_key(UPGRADE);
        // Browsers send an origin; programs need not.
        let Some(origin) = request.headers().get(ORIGIN) else { return Ok(()) };
        let origin = origin.to_str().unwrap_or_default();
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        if is_reading || authority == Some(host(request.headers())) { Ok(()) } else { Err(AccessError::ForeignOrigin) }
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

    fn guard(token: Option<&str>) -> AccessGuard {
        AccessGuard { token: token.map(|token| Secret::new(token).unwrap()) }
    }

    fn request(method: &str, headers: &[(&str, &str)]) -> Request<()> {
        let builder = Request::builder().method(method).uri("/");
        headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value)).body(()).unwrap()
    }

    #[test]
    fn an_address_that_is_not_loopback_needs_a_long_token() {
        let [loopback, public] = ["127.0.0.1:80", "0.0.0.0:80"].map(|text| text.parse().unwrap());
        let token = |text| Some(Secret::new(text).unwrap());
        assert!(AccessGuard::new(loopback, None).is_ok() && AccessGuard::new(public, token(TOKEN)).is_ok());
        assert!(AccessGuard::new("[::1]:80".parse().unwrap(), None).is_ok());
        assert!(AccessGuard::new(public, None).unwrap_err().settings() == [Setting::Token]);
        assert!(AccessGuard::new(loopback, token("short")).is_err());
    }

    #[test]
    fn without_a_token_only_loopback_names_are_allowed() {
        let check = |host| guard(None).check(&request("GET", &[("host", host)]));
        for host in ["localhost:8080", "LOCALHOST", "127.0.0.1:8080", "127.8.9.1", "[::1]:8080"] {
            assert_eq!(check(host), Ok(()), "{host}");
        }
        for host in ["evil.example:8080", "localhost.evil.example", "192.168.0.2:8080", "", "127.0.0.1.evil.example"] {
            assert_eq!(check(host), Err(AccessError::ForeignHost), "{host}");
        }
    }

    #[test]
    fn with_a_token_every_request_must_carry_it() {
        let check = |headers: &[(&str, &str)]| guard(Some(TOKEN)).check(&request("GET", headers));
        assert_eq!(check(&[("host", "cam.lan")]), Err(AccessError::InvalidToken));
        assert_eq!(check(&[("authorization", "Bearer 0123456789abcdef")]), Ok(()));
        assert_eq!(check(&[("cookie", "a=b; figureground=0123456789abcdef")]), Ok(()));
        for (name, value) in [
            ("authorization", "Bearer 0123456789abcdeF"),
            ("authorization", "0123456789abcdef"),
            ("authorization", "Bearer "),
            ("cookie", "figureground="),
            ("cookie", "other=0123456789abcdef"),
        ] {
            assert_eq!(check(&[(name, value)]), Err(AccessError::InvalidToken), "{value}");
        }
        assert!(!guard(None).is_token("") && !guard(Some(TOKEN)).is_token(""));
    }

    #[test]
    fn other_web_sites_can_neither_change_nor_listen() {
        let at = ("host", "localhost:8080");
        let check = |method, headers: &[(&str, &str)]| guard(None).check(&request(method, headers));
        let foreign = Err(AccessError::ForeignOrigin);
        assert_eq!(check("POST", &[at, ("origin", "https://evil.example")]), foreign);
        assert_eq!(check("POST", &[at, ("origin", "null")]), foreign);
        assert_eq!(check("POST", &[at, ("origin", "http://localhost:9999")]), foreign);
        assert_eq!(check("GET", &[at, ("origin", "https://evil.example"), ("upgrade", "websocket")]), foreign);
        assert_eq!(check("POST", &[at, ("origin", "http://localhost:8080")]), Ok(()));
        assert_eq!(check("POST", &[at]), Ok(()));
    }
}
