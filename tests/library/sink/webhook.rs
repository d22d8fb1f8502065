//! Webhooks.

use figureground::sink::webhook::{Webhook, WebhookSettings};
use figureground::sink::{DeliveryCounts, Secret};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Answers one request with each status and returns the bodies and authorizations.
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
fn lines_are_posted_in_order_and_retried_on_server_errors() {
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
fn an_unreachable_server_loses_only_what_exceeds_the_queue() {
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
fn a_token_with_control_characters_is_refused() {
    let token = Some(Secret::new("two\nlines").unwrap());
    let settings = WebhookSettings { url: "http://127.0.0.1:9/".to_owned(), token, queue: 1 };
    let refused = Webhook::open(settings).unwrap_err().to_string();
    assert!(refused.contains("token") && !refused.contains("lines\""), "{refused}");
}

#[test]
fn an_invalid_url_is_refused_and_its_password_hidden() {
    let error = |url: &str| {
        let settings = WebhookSettings { url: url.to_owned(), token: None, queue: 1 };
        Webhook::open(settings).unwrap_err().to_string()
    };
    for url in ["ftp://host/", "host", "", "http://", "/path"] {
        assert!(error(url).starts_with("sink: expected the http"), "{url}");
    }
    let refused = error("https://user:hunter2@host/hook");
    assert!(refused.contains("password") && !refused.contains("hunter2"));
}
