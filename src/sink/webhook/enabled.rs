//! A thread that posts to a web server.

use super::WebhookSettings;
use crate::error::{Error, Result, Stage};
use crate::sink::outbox::{BackOff, Outbox};
use crate::sink::{DeliveryCounts, Secret};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use ureq::Agent;
use ureq::http::{HeaderValue, Uri};

/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the program's end waits for what is still to be delivered.
const GRACE: Duration = Duration::from_secs(2);

/// A thread that posts verdict lines as `application/json`, in order.
///
/// A server that does not answer, or answers 408, 425, 429 or 5xx, is tried again after 0.25 to 16 s; a line that it refuses is
/// lost and counted.
#[derive(Debug)]
pub struct Webhook {
    outbox: Outbox<Arc<str>>,
    thread: Option<JoinHandle<()>>,
}

impl Webhook {
    /// Begins to deliver.
    ///
    /// # Errors
    /// When the URL is none of HTTP or holds a password, the token cannot be sent, or there is no thread for it.
    pub fn open(settings: WebhookSettings) -> Result<Self> {
        check(&settings.url)?;
        let authorization = settings.token.as_ref().map(authorization).transpose()?;
        let outbox = Outbox::new(settings.queue);
        let config =
            Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false).max_redirects(0);
        let post = Poster { agent: config.build().into(), url: settings.url, authorization, outbox: outbox.clone() };
        let thread = std::thread::Builder::new().name("webhook".to_owned()).spawn(move || post.deliver());
        let thread =
            thread.map_err(|e| Error::new(Stage::Sink, "a thread for the webhook", e, "raise the limit of threads"))?;
        Ok(Self { outbox, thread: Some(thread) })
    }

    /// Leaves `line` to be posted; never waits.
    pub fn send(&self, line: &Arc<str>) {
        self.outbox.push(Arc::clone(line));
    }

    /// Ends it, once what waits is delivered or two seconds have passed, as dropping it does; what was not delivered is lost.
    pub fn close(mut self) -> DeliveryCounts {
        self.finish();
        let DeliveryCounts { sent, lost, waiting } = self.counts();
        DeliveryCounts { sent, lost: lost + waiting, waiting: 0 }
    }

    fn finish(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.outbox.finish("webhook", Some(&thread), [GRACE, Duration::from_millis(100)]);
        }
    }

    /// Lines posted, lost and waiting.
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

/// What one attempt came to.
enum PostResult {
    Taken,
    Refused(String),
    TryAgain(String),
}

impl Poster {
    fn deliver(&self) {
        let mut back_off = BackOff::new();
        let mut refused = 0_u64;
        while let Some(line) = self.outbox.take() {
            let mut told = false;
            let delivered = loop {
                let trouble = match self.attempt(&line) {
                    PostResult::Taken => break true,
                    PostResult::Refused(reason) => {
                        refused += 1;
                        // A log must not grow with what a server does not want.
                        if refused.is_power_of_two() {
                            log::warn!("webhook: {refused} lines were refused so far, the last with {reason}");
                        }
                        break false;
                    }
                    PostResult::TryAgain(reason) => reason,
                };
                if !std::mem::replace(&mut told, true) {
                    log::warn!("webhook: tried again until it works: {trouble}");
                }
                self.outbox.rest(back_off.next());
                if self.outbox.is_over() {
                    break false;
                }
            };
            back_off.reset();
            self.outbox.settle(delivered);
        }
    }

    fn attempt(&self, line: &str) -> PostResult {
        let mut request = self.agent.post(&self.url).header("Content-Type", "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization.clone());
        }
        match request.send(line) {
            Ok(response) => match response.status().as_u16() {
                200..=299 => PostResult::Taken,
                status @ (408 | 425 | 429 | 500..=599) => PostResult::TryAgain(format!("status {status}")),
                status => PostResult::Refused(format!("status {status}")),
            },
            Err(error) => PostResult::TryAgain(error.to_string()),
        }
    }
}

fn authorization(token: &Secret) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.reveal())).map_err(|_| {
        let next = "write the token alone into its file, on one line";
        Error::new(Stage::Sink, "a webhook's token of visible characters", "one with others", next)
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn check(url: &str) -> Result<()> {
    let refused = |got: &str| {
        let next = "write the address as http://HOST/PATH and keep secrets in a file or the environment";
        Err(Error::new(Stage::Sink, "the http or https URL of a webhook, without a password", got, next))
    };
    let Ok(uri) = url.parse::<Uri>() else { return refused("no URL") };
    match (uri.scheme_str(), uri.authority()) {
        (Some("http" | "https"), Some(authority)) if authority.as_str().contains('@') => refused("one with a password"),
        (Some("http" | "https"), Some(_)) => Ok(()),
        _ => refused(url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::time::Instant;

    /// Answers one request a status and gives back what was posted.
    fn serve(listener: TcpListener, statuses: &'static [u16]) -> JoinHandle<Vec<(String, String)>> {
        std::thread::spawn(move || {
            statuses
                .iter()
                .map(|status| {
                    let (stream, _) = listener.accept().unwrap();
                    let mut reader = BufReader::new(stream);
                    let (mut length, mut authorization) = (0, String::new());
                    loop {
                        let mut line = String::new();
                        reader.read_line(&mut line).unwrap();
                        let lower = line.to_ascii_lowercase();
                        if let Some(value) = lower.strip_prefix("content-length:") {
                            length = value.trim().parse().unwrap();
                        }
                        if lower.starts_with("authorization:") {
                            authorization = line.trim().to_owned();
                        }
                        if line.trim().is_empty() {
                            break;
                        }
                    }
                    let mut body = vec![0; length];
                    reader.read_exact(&mut body).unwrap();
                    let answer = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                    reader.get_mut().write_all(answer.as_bytes()).unwrap();
                    (String::from_utf8(body).unwrap(), authorization)
                })
                .collect()
        })
    }

    fn wait_for(webhook: &Webhook, holds: impl Fn(DeliveryCounts) -> bool) -> DeliveryCounts {
        let began = Instant::now();
        while !holds(webhook.counts()) {
            assert!(began.elapsed() < Duration::from_secs(20), "{:?}", webhook.counts());
            std::thread::sleep(Duration::from_millis(5));
        }
        webhook.counts()
    }

    #[test]
    fn lines_are_posted_in_order_and_again_where_the_server_could_not_take_them() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let server = serve(listener, &[503, 200, 400, 204]);
        let token = Some(Secret::new("s3cret").unwrap());
        let webhook = Webhook::open(WebhookSettings { url, token, queue: 10 }).unwrap();
        ["one", "two", "three"].iter().for_each(|line| webhook.send(&Arc::from(*line)));
        let counts = wait_for(&webhook, |counts| counts.sent == 2);
        assert_eq!(counts, DeliveryCounts { sent: 2, lost: 1, waiting: 0 });
        let posted = server.join().unwrap();
        let bodies: Vec<&str> = posted.iter().map(|(body, _)| body.as_str()).collect();
        assert_eq!(bodies, ["one", "one", "two", "three"]);
        assert!(posted.iter().all(|(_, authorization)| authorization.ends_with("Bearer s3cret")));
    }

    #[test]
    fn a_server_that_is_gone_costs_what_the_queue_cannot_hold_and_comes_back() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let settings = WebhookSettings { url: format!("http://{address}/"), token: None, queue: 3 };
        let webhook = Webhook::open(settings).unwrap();
        let began = Instant::now();
        (0..10).for_each(|n| webhook.send(&Arc::from(format!("{n}"))));
        assert!(began.elapsed() < Duration::from_secs(1));
        let counts = webhook.counts();
        assert_eq!(counts.lost + counts.waiting, 10);
        assert!((3..=4).contains(&counts.waiting), "{counts:?}");
        let server = serve(TcpListener::bind(address).unwrap(), &[200, 200, 200]);
        let counts = wait_for(&webhook, |counts| counts.sent >= 3);
        assert_eq!(counts.sent + counts.lost + counts.waiting, 10);
        let bodies: Vec<String> = server.join().unwrap().into_iter().map(|(body, _)| body).collect();
        assert!(bodies.is_sorted(), "{bodies:?}");
    }

    #[test]
    fn a_token_that_cannot_be_sent_is_refused_at_once() {
        let token = Some(Secret::new("two\nlines").unwrap());
        let settings = WebhookSettings { url: "http://127.0.0.1:9/".to_owned(), token, queue: 1 };
        let refused = Webhook::open(settings).unwrap_err().to_string();
        assert!(refused.contains("token") && !refused.contains("lines\""), "{refused}");
    }

    #[test]
    fn what_is_no_address_of_a_webhook_is_refused_without_its_password() {
        let refusal = |url: &str| {
            let settings = WebhookSettings { url: url.to_owned(), token: None, queue: 1 };
            Webhook::open(settings).unwrap_err().to_string()
        };
        for url in ["ftp://host/", "host", "", "http://", "/path"] {
            assert!(refusal(url).starts_with("sink: expected the http"), "{url}");
        }
        let refused = refusal("https://user:hunter2@host/hook");
        assert!(refused.contains("password") && !refused.contains("hunter2"));
    }
}
