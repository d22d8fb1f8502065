//! Webhook delivery of verdict lines.

use super::{WebhookSettings, no_proxy};
use crate::error::{Error, Result, Stage};
use crate::sink::outbox::{BackOff, Outbox};
use crate::sink::{DeliveryCounts, Secret};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use ureq::Agent;
use ureq::http::{HeaderValue, Uri};

/// Timeout of one attempt.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for waiting lines to be delivered when the webhook is closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Additional time for the thread to end.
const JOIN_TIMEOUT: Duration = Duration::from_millis(100);

/// A thread that posts verdict lines as `application/json`, in order.
///
/// A line is retried after 0.25 to 16 s while the server does not answer, or answers 408, 425, 429 or 5xx; with any
/// other error status it counts as lost.
#[derive(Debug)]
pub struct Webhook {
    outbox: Outbox<Arc<str>>,
    thread: Option<JoinHandle<()>>,
}

impl Webhook {
    /// Starts to deliver.
    ///
    /// # Errors
    /// Returns an error if the URL is not an HTTP URL or holds a password, the token cannot be sent, or no thread can
    /// be started.
    pub fn open(settings: WebhookSettings) -> Result<Self> {
        check(&settings.url)?;
        let authorization = settings.token.as_ref().map(authorization).transpose()?;
        let outbox = Outbox::new(settings.queue);
        let mut config =
            Agent::config_builder().timeout_global(Some(REQUEST_TIMEOUT)).http_status_as_error(false).max_redirects(0);
        if is_direct(&settings.url) {
            config = config.proxy(None);
        }
        let poster = Poster { agent: config.build().into(), url: settings.url, authorization, outbox: outbox.clone() };
        let thread = std::thread::Builder::new()
            .name("webhook".to_owned())
            .spawn(move || poster.run())
            .map_err(|e| Error::caused(Stage::Sink, "a thread for the webhook", e, "raise the limit of threads"))?;
        Ok(Self { outbox, thread: Some(thread) })
    }

    /// Queues `line` to be posted; never blocks.
    pub fn send(&self, line: &Arc<str>) {
        self.outbox.push(Arc::clone(line));
    }

    /// Closes the webhook after its queue is empty or two seconds have passed, as dropping it does; the rest counts as
    /// lost.
    pub fn close(mut self) -> DeliveryCounts {
        self.finish();
        let DeliveryCounts { sent, lost, waiting } = self.counts();
        DeliveryCounts { sent, lost: lost + waiting, waiting: 0 }
    }

    fn finish(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.outbox.finish("webhook", Some(&thread), CLOSE_TIMEOUT, JOIN_TIMEOUT);
        }
    }

    /// Returns the numbers of lines posted, lost and waiting.
    pub fn counts(&self) -> DeliveryCounts {
        self.outbox.counts()
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.finish();
    }
}

struct Poster {
    agent: Agent,
    url: String,
    authorization: Option<HeaderValue>,
    outbox: Outbox<Arc<str>>,
}

/// The result of one attempt.
enum PostResult {
    Accepted,
    Refused(String),
    Retry(String),
}

impl Poster {
    /// Posts lines until the outbox is closed and empty, or expires.
    fn run(&self) {
        let mut refused = 0;
        while let Some(line) = self.outbox.take() {
            let is_delivered = self.deliver(&line, &mut refused);
            self.outbox.record(is_delivered);
        }
    }

    /// Posts `line` until the server accepts or refuses it, or the outbox expires; returns whether it was accepted.
    fn deliver(&self, line: &str, refused: &mut u64) -> bool {
        let (mut back_off, mut is_logged) = (BackOff::new(), false);
        loop {
            match self.attempt(line) {
                PostResult::Accepted => return true,
                PostResult::Refused(reason) => {
                    *refused += 1;
                    // Powers of two keep the log short.
                    if refused.is_power_of_two() {
                        log::warn!("webhook: {refused} lines refused so far, the last with {reason}");
                    }
                    return false;
                }
                PostResult::Retry(reason) => {
                    if !std::mem::replace(&mut is_logged, true) {
                        log::warn!("webhook: delivery failed, retrying until it succeeds: {reason}");
                    }
                }
            }
            self.outbox.sleep(back_off.next());
            if self.outbox.is_expired() {
                return false;
            }
        }
    }

    fn attempt(&self, line: &str) -> PostResult {
        let mut request = self.agent.post(&self.url).header("Content-Type", "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization.clone());
        }
        match request.send(line) {
            Ok(response) => match response.status().as_u16() {
                200..=299 => PostResult::Accepted,
                status @ (408 | 425 | 429 | 500..=599) => PostResult::Retry(format!("status {status}")),
                status => PostResult::Refused(format!("status {status}")),
            },
            Err(error) => PostResult::Retry(error.to_string()),
        }
    }
}

fn authorization(token: &Secret) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.reveal())).map_err(|_| {
        let next = "write only the token into its file, on one line";
        Error::new(Stage::Sink, "a webhook token of printable characters", "other characters", next)
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Returns whether the environment says that `url` is reached without a proxy, for which ureq knows no ranges.
fn is_direct(url: &str) -> bool {
    let uri = url.parse::<Uri>().ok();
    uri.and_then(|uri| {
        let default_port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        Some(no_proxy::is_direct(uri.host()?, Some(uri.port_u16().unwrap_or(default_port))))
    })
    .unwrap_or(false)
}

fn check(url: &str) -> Result<()> {
    let refused = |got: &str| {
        let next = "use http://HOST/PATH or https://HOST/PATH, with secrets in a file or the environment";
        Err(Error::new(Stage::Sink, "the http or https URL of a webhook, without a password", got, next))
    };
    let Ok(uri) = url.parse::<Uri>() else { return refused("text that is not a URL") };
    match (uri.scheme_str(), uri.authority()) {
        (Some("http" | "https"), Some(authority)) if authority.as_str().contains('@') => {
            refused("a URL with a password")
        }
        (Some("http" | "https"), Some(_)) => Ok(()),
        _ => refused(url),
    }
}
