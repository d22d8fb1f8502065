//! The live page as strangers use it: what one client does must not keep others out, cost much, or be believed.

use figureground_tests::program::live::{Live, TIMEOUT, ask, listen, metric, post, until};
use figureground_tests::program::{Workspace, demo};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A token with characters that are special in cookies and headers.
const TOKEN: &str = "kq3J9vX2;bT7mW5zR=,\"";

#[test]
fn requests_that_never_end_keep_nobody_out_and_cost_little_memory() {
    let workspace = Workspace::new();
    let mut live = Live::start(&workspace, &["--page=127.0.0.1:0"]);
    let page = live.address("live page");
    live.verdicts(1);
    let (memory, files) = live.resources();
    let open = |head: &str| {
        let mut stream = TcpStream::connect(page).unwrap();
        // The server may have closed it.
        let _ = stream.write_all(format!("{head} HTTP/1.1\r\nHost: {page}\r\n").as_bytes());
        let field = format!("X-Field: {}\r\n", "x".repeat(4000));
        (0..100).take_while(|_| stream.write_all(field.as_bytes()).is_ok()).count();
        stream
    };
    let heads: Vec<TcpStream> = (0..300).map(|_| open("GET /health")).collect();
    let bodies: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = TcpStream::connect(page).unwrap();
            let head = format!("POST /labels HTTP/1.1\r\nHost: {page}\r\nContent-Type: application/json\r\n");
            stream.write_all(format!("{head}Content-Length: 1000000\r\n\r\n{{").as_bytes()).unwrap();
            stream
        })
        .collect();
    let began = Instant::now();
    assert_eq!(ask(page, "GET /health", &[], "").status, 200);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    let (later, open_files) = live.resources();
    assert!(later < memory + (24 << 20), "{memory} bytes, then {later}");
    assert!(open_files < files + 200, "{files} files, then {open_files}");
    drop((heads, bodies));
    live.verdicts(2);
    live.terminated();
}

#[test]
fn a_reader_that_sends_messages_is_disconnected_with_a_reason() {
    let workspace = Workspace::new();
    let mut live = Live::start(&workspace, &["--page=127.0.0.1:0"]);
    let page = live.address("live page");
    live.verdicts(1);
    let empty = |operation: u8| [0x80 | operation, 0x80, 0, 0, 0, 0];
    // Texts, binary messages and pings.
    for operation in [1, 2, 9] {
        let mut channel = listen(page);
        let mut sender = channel.try_clone().unwrap();
        let sending = std::thread::spawn(move || {
            let frames = empty(operation).repeat(100);
            (0..1000).take_while(|_| sender.write_all(&frames).is_ok()).count()
        });
        let mut received = Vec::new();
        // The system may reset a connection whose frames nobody reads.
        let _ = channel.read_to_end(&mut received);
        assert!(received.len() < 200_000, "{} bytes for frames {operation}", received.len());
        sending.join().unwrap();
        let text = String::from_utf8_lossy(&received);
        assert!(text.contains("101 Switching Protocols"), "{text}");
    }
    // One message is enough, and its reason is 1008 with a sentence.
    let mut channel = listen(page);
    channel.write_all(&empty(1)).unwrap();
    let mut received = Vec::new();
    channel.read_to_end(&mut received).unwrap();
    let code = 1008u16.to_be_bytes();
    assert!(received.windows(2).any(|bytes| bytes == code), "{received:?}");
    assert!(String::from_utf8_lossy(&received).contains("takes no messages"));
    // A browser that answers pings stays.
    let mut channel = listen(page);
    channel.write_all(&[empty(9), empty(10)].concat()).unwrap();
    let mut bytes = [0; 4096];
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        assert!(channel.read(&mut bytes).unwrap() > 0, "the channel was closed");
    }
    live.terminated();
}

#[test]
fn a_cookie_is_of_a_session_and_wrong_tokens_are_slow() {
    let workspace = Workspace::new();
    workspace.write("token", format!("{TOKEN}\n"));
    let mut live = Live::start(&workspace, &["--page=127.0.0.1:0", "--token-file", "token"]);
    let page = live.address("live page");
    let login = |token: &str| post(page, "/login", &serde_json::json!({ "token": token }).to_string());
    let answer = login(TOKEN);
    assert_eq!(answer.status, 200, "{answer:?}");
    let cookie = answer.head.split("set-cookie: ").nth(1).unwrap().split(';').next().unwrap().to_owned();
    assert!(cookie.starts_with(&format!("figureground-{}=", page.port())), "{cookie}");
    assert!(!answer.head.contains(&TOKEN.to_lowercase()[..8]) && !answer.head.contains("path="), "{}", answer.head);
    let status = |name, value: &str| ask(page, "GET /labels", &[(name, value)], "").status;
    assert_eq!(status("Cookie", &cookie), 200);
    assert_eq!(status("Cookie", &format!("figureground={TOKEN}")), 401);
    assert_eq!(status("Cookie", &format!("figureground-{}={TOKEN}", page.port())), 401);
    assert_eq!(status("Authorization", &format!("Bearer {TOKEN}")), 200);

    // Many clients try tokens at the same time, with and without waiting for the answer.
    let (tries, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let began = Instant::now();
    let clients: Vec<_> = (0..16)
        .map(|client| {
            let (tries, is_over) = (Arc::clone(&tries), Arc::clone(&is_over));
            std::thread::spawn(move || {
                while !is_over.load(Ordering::SeqCst) {
                    match client % 2 {
                        0 => drop(ask(page, "GET /labels", &[("Authorization", "Bearer of-a-wrong-token-1")], "")),
                        _ => drop(post(page, "/login", r#"{"token":"of-a-wrong-token-2"}"#)),
                    }
                    tries.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    std::thread::sleep(Duration::from_secs(2));
    let asked = Instant::now();
    assert_eq!(status("Authorization", &format!("Bearer {TOKEN}")), 200);
    assert_eq!(login(TOKEN).status, 200);
    assert_eq!(status("Cookie", &cookie), 200);
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    is_over.store(true, Ordering::SeqCst);
    clients.into_iter().for_each(|client| client.join().unwrap());
    let bound = 16.0 + 30.0 * began.elapsed().as_secs_f64();
    let tries = tries.load(Ordering::SeqCst) as f64;
    assert!(tries > 16.0 && tries < bound, "{tries} tries in {:?}", began.elapsed());
    live.terminated();
}

#[test]
fn metrics_have_the_format_that_is_asked_for() {
    let workspace = Workspace::new();
    let mut live = Live::start(&workspace, &["--metrics", "127.0.0.1:0"]);
    let metrics = live.address("metrics");
    live.verdicts(2);
    let scrape = |headers: &[(&str, &str)]| ask(metrics, "GET /metrics", headers, "");
    for headers in [&[][..], &[("Accept", "*/*")], &[("Accept", "text/plain;version=0.0.4")]] {
        let answer = scrape(headers);
        assert!(answer.head.contains("content-type: text/plain; version=0.0.4"), "{}", answer.head);
        check_text_format(&answer.body);
        assert!(answer.body.contains("# TYPE figureground_frames_total counter\nfiguregro"), "{}", answer.body);
    }
    let accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
    let answer = scrape(&[("Accept", accept)]);
    assert!(answer.head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{}", answer.head);
    assert!(answer.body.ends_with("# EOF\n") && answer.body.contains("# TYPE figureground_frames counter\n"));
    assert!(answer.body.contains("# UNIT figureground_latency_seconds seconds\n"));
    live.terminated();
}

/// Checks the rules of Prometheus' text format: a HELP and a TYPE line before the samples of each metric, once, and
/// samples that have its name.
fn check_text_format(body: &str) {
    let (mut names, mut kind) = (Vec::new(), "");
    for line in body.lines() {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", "HELP", name, help] => {
                assert!(!names.contains(&name) && !help.is_empty(), "{line}");
                names.push(name);
            }
            ["#", "TYPE", name, found] => {
                assert!(["counter", "gauge", "histogram"].contains(&found), "{line}");
                assert_eq!(names.last(), Some(&name), "{line}");
                kind = found;
            }
            _ => {
                let name = line.split(['{', ' ']).next().unwrap();
                let base = *names.last().unwrap();
                let of_histogram =
                    |name: &str| ["_bucket", "_sum", "_count"].iter().any(|end| name == format!("{base}{end}"));
                assert!(if kind == "histogram" { of_histogram(name) } else { name == base }, "{line}");
                assert!(line.rsplit(' ').next().unwrap().parse::<f64>().is_ok(), "{line}");
            }
        }
    }
    assert!(names.len() > 10, "{body}");
}

/// Sends one request as it stands and returns the answer.
fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_page_behind_a_proxy_says_what_to_set() {
    let workspace = Workspace::new();
    let mut live = Live::start(&workspace, &["--page=127.0.0.1:0"]);
    let page = live.address("live page");
    for (request, words) in [
        ("GET / HTTP/1.0\r\n\r\n".to_owned(), ["no header Host", "`allow-origin`"]),
        ("GET / HTTP/1.0\r\nHost: cam.example\r\n\r\n".to_owned(), ["host cam.example", "`allow-origin`"]),
        (
            format!("POST /tau HTTP/1.0\r\nHost: {page}\r\nOrigin: https://cam.example\r\n\r\n"),
            ["origin https://cam.example", "`allow-origin` of the program to https://cam.example"],
        ),
    ] {
        let answer = exchange(page, &request);
        assert!(answer.starts_with("HTTP/1.0 403"), "{answer}");
        words.iter().for_each(|word| assert!(answer.contains(word), "{word}: {answer}"));
    }
    live.terminated();

    let mut live =
        Live::start(&workspace, &["--page=127.0.0.1:0", "--allow-origin", "https://a.example, https://cam.example"]);
    let page = live.address("live page");
    let origin = ("Origin", "https://cam.example");
    let json = ("Content-Type", "application/json");
    for host in [page.to_string(), "cam.example".to_owned()] {
        assert_eq!(ask(page, "GET /", &[("Host", &host)], "").status, 200);
        assert_eq!(ask(page, "POST /tau", &[("Host", &host), origin, json], r#"{"tau":1}"#).status, 200);
    }
    assert_eq!(ask(page, "GET /", &[("Host", "evil.example")], "").status, 403);
    let other = ("Origin", "https://evil.example");
    assert_eq!(ask(page, "POST /tau", &[other, json], r#"{"tau":1}"#).status, 403);
    // Below the path of a proxy, every address is relative.
    for file in ["", "page.js", "chart.js", "edited_field.js", "login.js", "page.css"] {
        let body = ask(page, &format!("GET /{file}"), &[], "").body;
        let absolute = ["=\"/", "(\"/", "(\"http", "url(/", "url(\"/", "from \"/"];
        absolute.iter().for_each(|start| assert!(!body.contains(start), "{start} in {file}"));
    }
    live.terminated();
    workspace.run(["-", "--page", "--allow-origin", "cam.example"]).refused("sink", &["cam.example", "--allow-origin"]);
}

#[test]
fn no_name_reaches_a_terminal_with_control_characters() {
    let workspace = Workspace::new();
    workspace.write("labels.txt", "waving\nsit\u{1b}[2Jting\n");
    workspace.run(["a.gif", "--labels", "labels.txt"]).refused("label bank", &["U+001B", "line 2", "labels.txt"]);
    let name = "a\u{1b}]0;title\u{7}\u{202e}\n[ERROR] forged.gif";
    let ended = workspace.run([name]);
    assert!(ended.code == Some(2) && ended.stderr.contains("\\u{1b}]0;title\\u{7}\\u{202e}"), "{ended:#?}");
    assert!(!ended.stderr.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{ended:#?}");
    assert!(!ended.stderr.lines().any(|line| line.starts_with("[ERROR] forged")), "{ended:#?}");
    // JSON has escapes of its own, and the name is the same.
    let name = "b\u{1b}[31m\u{9b}\u{202e}.gif";
    std::fs::copy(demo(), workspace.path(name)).unwrap();
    let ended = workspace.run([name]);
    assert!(!ended.stdout.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{ended:#?}");
    assert_eq!(ended.verdicts()[0]["source"], name);

    let mut live = Live::start(&workspace, &["--page=127.0.0.1:0"]);
    let page = live.address("live page");
    live.verdicts(1);
    for label in ["a\u{0}b", "a\u{1b}[31mb", "a\u{202e}b", "a\u{2028}b"] {
        let answer = post(page, "/labels", &serde_json::json!({ "labels": label }).to_string());
        assert!(answer.status == 400 && answer.body.contains("control character"), "{label:?}: {answer:?}");
    }
    assert_eq!(post(page, "/labels", &serde_json::json!({ "labels": "Grüße\n中文" }).to_string()).status, 202);
    until("other labels", || metric(page, "figureground_labels") == 2.0);
    live.terminated();
}
