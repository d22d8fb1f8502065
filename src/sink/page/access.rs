//! Access control of the live page and metrics.
//!
//! - A request that changes something or opens the live channel must come from this page: its `Origin` must equal its
//!   `Host`, or be one of the origins that the settings allow.
//! - Without a token, only loopback host names and those of allowed origins are allowed, against DNS rebinding.
//! - With a token, every request must carry it as `Authorization: Bearer …`, or the session's cookie, which scripts
//!   cannot read. Both are compared in constant time, and wrong tokens are slowed.

use super::token_tries::TokenTries;
use crate::error::{Error, Result, Setting, Stage};
use crate::sink::Secret;
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN, UPGRADE};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use core::fmt::Write;
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// Minimum length of a token in bytes.
const MIN_TOKEN_LENGTH: usize = 16;
/// Random bytes of a session.
const SESSION_BYTES: usize = 32;

/// Access control of one address.
#[derive(Clone, Debug)]
pub(super) struct AccessGuard {
    token: Option<Secret>,
    session: Arc<Session>,
    tries: Arc<TokenTries>,
    /// Further origins of this page, behind a proxy: `https://cam.example`.
    origins: Arc<[String]>,
}

/// The session of all browsers that have shown the token.
struct Session {
    /// Name of the cookie, which has the port because browsers send cookies to all ports of a host.
    name: String,
    value: String,
}

impl core::fmt::Debug for Session {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Session").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Session {
    /// Creates a random session for the page at `port`.
    ///
    /// # Errors
    /// Returns an error if the system gives no random bytes.
    fn new(port: u16) -> Result<Self> {
        let mut bytes = [0; SESSION_BYTES];
        getrandom::fill(&mut bytes).map_err(|e| {
            Error::new(Stage::Sink, "random bytes for a session", e, "check /dev/urandom of this system")
        })?;
        let value = bytes.iter().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
        Ok(Self { name: format!("figureground-{port}"), value })
    }
}

/// The reason why a request is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccessError {
    /// No token, or a wrong one.
    InvalidToken,
    /// A host name other than loopback, or none.
    ForeignHost,
    /// A request from another web site.
    ForeignOrigin,
}

/// What a request shows for its access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Enough.
    Granted,
    /// Not enough.
    Denied(AccessError),
    /// A token, which is to be compared.
    Token(String),
}

impl Access {
    /// Decides whether the request is allowed. A wrong token takes its time.
    ///
    /// # Errors
    /// Returns the reason if it is not allowed.
    pub(super) async fn decide(self, guard: &AccessGuard) -> core::result::Result<(), AccessError> {
        match self {
            Access::Granted => Ok(()),
            Access::Denied(error) => Err(error),
            Access::Token(token) if guard.try_token(&token).await => Ok(()),
            Access::Token(_) => Err(AccessError::InvalidToken),
        }
    }
}

impl AccessError {
    pub(super) fn status(self) -> StatusCode {
        match self {
            AccessError::InvalidToken => StatusCode::UNAUTHORIZED,
            AccessError::ForeignHost | AccessError::ForeignOrigin => StatusCode::FORBIDDEN,
        }
    }

    /// Returns the reason for the client that sent `headers`, and what to do.
    pub(super) fn reason(self, headers: &HeaderMap) -> String {
        let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or("https://HOST");
        let let_pass = format!(
            "behind a proxy, let it pass on the header Host, or set `allow-origin` of the program to {}",
            origin.escape_debug()
        );
        match (self, host(headers)) {
            (AccessError::InvalidToken, _) => "a token is required: Authorization: Bearer …".to_owned(),
            (AccessError::ForeignHost, "") => {
                format!("without a token, only localhost is allowed, and this request has no header Host: {let_pass}")
            }
            (AccessError::ForeignHost, host) => format!(
                "without a token, only localhost is allowed, not the host {}: set a token; {let_pass}",
                host.escape_debug()
            ),
            (AccessError::ForeignOrigin, host) => format!(
                "requests from other web sites are not allowed, and the origin {} is not the host {}: {let_pass}",
                origin.escape_debug(),
                if host.is_empty() { "(none)".to_owned() } else { host.escape_debug().to_string() }
            ),
        }
    }
}

impl AccessGuard {
    /// Creates the access control of `address`, whose page is also reached at `origins`.
    ///
    /// # Errors
    /// Returns an error if `address` is not loopback and there is no token, if the token is too short, if an origin is
    /// not one, or if the system gives no random bytes.
    pub(super) fn new(address: SocketAddr, token: Option<Secret>, origins: &[String]) -> Result<Self> {
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
            _ => Ok(Self {
                token,
                session: Arc::new(Session::new(address.port())?),
                tries: Arc::new(TokenTries::new()),
                origins: origins.iter().map(|origin| checked_origin(origin)).collect::<Result<_>>()?,
            }),
        }
    }

    /// Returns whether requests need a token.
    pub(super) fn needs_token(&self) -> bool {
        self.token.is_some()
    }

    /// Returns whether `text` is the token. A wrong one takes its time.
    pub(super) async fn try_token(&self, text: &str) -> bool {
        self.tries.check(|| self.token.as_ref().is_some_and(|token| is_equal(token.reveal(), text))).await
    }

    /// Returns the cookie of the session. Without a path it is of the folder in which the browser sees the page.
    pub(super) fn cookie(&self) -> HeaderValue {
        let Session { name, value } = &*self.session;
        let cookie = format!("{name}={value}; HttpOnly; SameSite=Strict; Max-Age=31536000");
        // Name and value are letters and digits.
        let mut cookie = HeaderValue::from_str(&cookie).unwrap_or(HeaderValue::from_static(""));
        cookie.set_sensitive(true);
        cookie
    }

    /// Returns what `request` shows for its access.
    pub(super) fn check<B>(&self, request: &Request<B>) -> Access {
        if let Err(error) = self.check_origin(request) {
            return Access::Denied(error);
        }
        let headers = request.headers();
        if self.token.is_none() {
            let is_allowed = is_loopback_name(host(headers)) || self.is_allowed_host(host(headers));
            return if is_allowed { Access::Granted } else { Access::Denied(AccessError::ForeignHost) };
        }
        let sessions = cookies(headers, &self.session.name);
        if sessions.fold(false, |is_valid, value| is_valid | is_equal(&self.session.value, value)) {
            return Access::Granted;
        }
        match bearer(headers) {
            Some(token) => Access::Token(token.to_owned()),
            None => Access::Denied(AccessError::InvalidToken),
        }
    }

    /// Checks that `request` does not come from another web site.
    ///
    /// # Errors
    /// Returns an error if it does.
    pub(super) fn check_origin<B>(&self, request: &Request<B>) -> core::result::Result<(), AccessError> {
        let is_reading =
            matches!(*request.method(), Method::GET | Method::HEAD) && !request.headers().contains_key(UPGRADE);
        // Browsers send an origin; programs need not.
        let Some(origin) = request.headers().get(ORIGIN) else { return Ok(()) };
        let origin = origin.to_str().unwrap_or_default();
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        let is_own = authority == Some(host(request.headers()))
            || self.origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin));
        if is_reading || is_own { Ok(()) } else { Err(AccessError::ForeignOrigin) }
    }

    fn is_allowed_host(&self, host: &str) -> bool {
        let mut hosts = self.origins.iter().filter_map(|origin| Some(origin.split_once("://")?.1));
        // A proxy may leave out the port.
        hosts.any(|allowed| [allowed, without_port(allowed)].iter().any(|allowed| allowed.eq_ignore_ascii_case(host)))
    }
}

/// Returns whether two texts are equal, in a time that depends on neither their content nor their length.
fn is_equal(secret: &str, text: &str) -> bool {
    let digest = |text: &str| Sha256::digest(text.as_bytes());
    digest(secret).ct_eq(&digest(text)).into()
}

/// Checks that `origin` is one as browsers send it, a scheme and a host with an optional port, and returns it without
/// a `/` at its end.
fn checked_origin(origin: &str) -> Result<String> {
    let origin = origin.strip_suffix('/').unwrap_or(origin);
    let uri = origin.parse::<Uri>().ok();
    let is_origin = uri.is_some_and(|uri| {
        let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
        is_web
            && uri.authority().is_some_and(|authority| {
                origin.split_once("://").is_some_and(|(_, rest)| authority.as_str() == rest && !rest.contains('@'))
            })
    });
    if is_origin {
        return Ok(origin.to_owned());
    }
    let next = "write the scheme and host that the browser shows, and the port if it shows one";
    let expected = "an origin such as https://cam.example";
    Err(Error::new(Stage::Sink, expected, format_args!("{origin:?}"), next).about(Setting::Origin))
}

fn host(headers: &HeaderMap) -> &str {
    headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default()
}

fn is_loopback_name(host: &str) -> bool {
    let name = without_port(host);
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|c| c.is_ascii_digit()) => name,
        _ => host,
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ").map(str::trim)
}

fn cookies<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    let lists = headers.get_all(COOKIE).into_iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(';')).filter_map(move |cookie| {
        cookie.trim().split_once('=').filter(|(found, _)| *found == name).map(|(_, value)| value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn guard(token: Option<&str>) -> AccessGuard {
        let origins = ["https://cam.example/".to_owned()];
        let token = token.map(|token| Secret::new(token).unwrap());
        AccessGuard::new("127.0.0.1:8080".parse().unwrap(), token, &origins).unwrap()
    }

    fn request(method: &str, headers: &[(&str, &str)]) -> Request<()> {
        let builder = Request::builder().method(method).uri("/");
        headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value)).body(()).unwrap()
    }

    #[test]
    fn an_address_that_is_not_loopback_needs_a_long_token() {
        let [loopback, public] = ["127.0.0.1:80", "0.0.0.0:80"].map(|text| text.parse().unwrap());
        let token = |text| Some(Secret::new(text).unwrap());
        assert!(AccessGuard::new(loopback, None, &[]).is_ok() && AccessGuard::new(public, token(TOKEN), &[]).is_ok());
        assert!(AccessGuard::new("[::1]:80".parse().unwrap(), None, &[]).is_ok());
        assert!(AccessGuard::new(public, None, &[]).unwrap_err().settings() == [Setting::Token]);
        assert!(AccessGuard::new(loopback, token("short"), &[]).is_err());
    }

    #[test]
    fn without_a_token_only_loopback_names_are_allowed() {
        let check = |host| guard(None).check(&request("GET", &[("host", host)]));
        for host in ["localhost:8080", "LOCALHOST", "127.0.0.1:8080", "127.8.9.1", "[::1]:8080", "cam.example"] {
            assert_eq!(check(host), Access::Granted, "{host}");
        }
        for host in ["evil.example:8080", "localhost.evil.example", "192.168.0.2:8080", "", "127.0.0.1.evil.example"] {
            assert_eq!(check(host), Access::Denied(AccessError::ForeignHost), "{host}");
        }
    }

    #[test]
    fn with_a_token_every_request_must_carry_it_or_the_cookie_of_the_session() {
        let guard = guard(Some(TOKEN));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let check = |headers: &[(&str, &str)]| {
            let access = guard.check(&request("GET", headers));
            runtime.block_on(access.decide(&guard))
        };
        assert_eq!(check(&[("host", "cam.lan")]), Err(AccessError::InvalidToken));
        assert_eq!(check(&[("authorization", "Bearer 0123456789abcdef")]), Ok(()));
        let cookie = guard.cookie();
        let cookie = cookie.to_str().unwrap();
        let (pair, rest) = cookie.split_once(';').unwrap();
        assert!(rest.contains("HttpOnly; SameSite=Strict") && !rest.contains("Path"), "{rest}");
        assert!(pair.starts_with("figureground-8080=") && !pair.contains(TOKEN), "{pair}");
        assert_eq!(check(&[("cookie", &format!("a=b; {pair}"))]), Ok(()));
        for (name, value) in [
            ("authorization", "Bearer 0123456789abcdeF"),
            ("authorization", "0123456789abcdef"),
            ("authorization", "Bearer "),
            ("cookie", "figureground-8080="),
            ("cookie", "figureground-8080=0123456789abcdef"),
            ("cookie", "figureground=0123456789abcdef"),
            ("cookie", &pair.replace("8080", "8081")),
        ] {
            assert_eq!(check(&[(name, value)]), Err(AccessError::InvalidToken), "{value}");
        }
        // Another program has another session.
        let other = AccessGuard::new("127.0.0.1:8080".parse().unwrap(), guard.token.clone(), &[]).unwrap();
        assert_eq!(other.check(&request("GET", &[("cookie", pair)])), Access::Denied(AccessError::InvalidToken));
        assert!(!runtime.block_on(other.try_token("")));
    }

    #[test]
    fn origins_are_those_that_browsers_send() {
        for origin in ["https://cam.example", "http://cam.example:8443", "https://[::1]:8080/"] {
            assert!(checked_origin(origin).is_ok(), "{origin}");
        }
        for origin in ["cam.example", "*", "null", "https://", "https://cam.example/page", "https://a@b", "ftp://a"] {
            assert_eq!(checked_origin(origin).unwrap_err().settings(), [Setting::Origin], "{origin}");
        }
    }

    #[test]
    fn other_web_sites_can_neither_change_nor_listen() {
        let at = ("host", "localhost:8080");
        let check = |method, headers: &[(&str, &str)]| guard(None).check(&request(method, headers));
        let foreign = Access::Denied(AccessError::ForeignOrigin);
        assert_eq!(check("POST", &[at, ("origin", "https://evil.example")]), foreign);
        assert_eq!(check("POST", &[at, ("origin", "null")]), foreign);
        assert_eq!(check("POST", &[at, ("origin", "http://localhost:9999")]), foreign);
        assert_eq!(check("GET", &[at, ("origin", "https://evil.example"), ("upgrade", "websocket")]), foreign);
        assert_eq!(check("POST", &[at, ("origin", "http://localhost:8080")]), Access::Granted);
        assert_eq!(check("POST", &[at]), Access::Granted);
        // Behind a proxy, the page has another origin.
        assert_eq!(check("POST", &[at, ("origin", "https://cam.example")]), Access::Granted);
        assert_eq!(check("POST", &[at, ("origin", "http://cam.example")]), foreign);
        let refused = request("POST", &[("origin", "https://page.example")]);
        let reason = AccessError::ForeignOrigin.reason(refused.headers());
        assert!(reason.contains("`allow-origin`") && reason.contains("https://page.example"), "{reason}");
        let reason = AccessError::ForeignHost.reason(request("GET", &[]).headers());
        assert!(reason.contains("no header Host"), "{reason}");
    }
}
