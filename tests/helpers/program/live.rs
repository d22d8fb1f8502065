//! The program while it watches a stream that does not end by itself.

use super::{Desk, verdict};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Frames a second of [`Live`]'s stream.
const RATE: u32 = 40;
const SIDE: usize = 64;

/// A port of this machine that nobody listens on.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A run of the program on Y4M that a thread feeds it, of somebody who moves over a pattern.
pub struct Live {
    pub child: Child,
    lines: Receiver<String>,
    stderr: Arc<Mutex<String>>,
    threads: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

impl Live {
    /// `figureground run - --window 1 --stride 0.25` with the desk's bundle and `arguments`.
    pub fn start(desk: &Desk, arguments: &[&str]) -> Self {
        let mut command = desk.run_command();
        command.args(["-", "--window", "1", "--stride", "0.25", "--backend", "cpu", "--threads", "1"]).args(arguments);
        Self::of(command)
    }

    /// `command`, which reads Y4M on stdin.
    pub fn of(mut command: std::process::Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (mut stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut told = child.stderr.take().unwrap();
        let (stop, stderr) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(String::new())));
        let (sender, lines) = channel();
        let (stopped, heard) = (Arc::clone(&stop), Arc::clone(&stderr));
        let threads = vec![
            std::thread::spawn(move || feed(&mut stdin, &stopped)),
            std::thread::spawn(move || {
                // Nobody may want the lines any more.
                BufReader::new(stdout).lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)));
            }),
            std::thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(count @ 1..) = told.read(&mut bytes) {
                    heard.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
                }
            }),
        ];
        Self { child, lines, stderr, threads, stop }
    }

    /// The next `count` verdicts.
    pub fn verdicts(&self, count: usize) -> Vec<Value> {
        let next = |_| match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => verdict(&line),
            Err(error) => panic!("{error}: {}", self.stderr()),
        };
        (0..count).map(next).collect()
    }

    /// All verdicts that are there already.
    pub fn verdicts_so_far(&self) -> Vec<Value> {
        self.lines.try_iter().map(|line| verdict(&line)).collect()
    }

    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Waits until stderr holds `words`.
    pub fn wait_for(&self, words: &str) {
        until(&format!("{words:?} on stderr"), || self.stderr().contains(words));
    }

    /// The address that follows `what` on stderr.
    pub fn address(&self, what: &str) -> SocketAddr {
        let beginning = format!("{what}: http://");
        self.wait_for(&beginning);
        let stderr = self.stderr();
        let address = stderr.split(&beginning).nth(1).unwrap().split('/').next().unwrap();
        address.parse().unwrap()
    }

    /// Sends `signal`, as `TERM`.
    pub fn signal(&self, signal: &str) {
        super::signal(&self.child, signal);
    }

    /// Waits for the end; its exit code.
    pub fn ended(&mut self) -> Option<i32> {
        let mut code = None;
        until("the end", || {
            code = self.child.try_wait().unwrap();
            code.is_some()
        });
        self.stop.store(true, Ordering::SeqCst);
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
        let stderr = self.stderr();
        assert!(!stderr.contains("panicked"), "{stderr}");
        code.unwrap().code()
    }

    /// Sends SIGTERM and waits for the end that it makes.
    pub fn terminated(&mut self) {
        self.signal("TERM");
        assert_eq!(self.ended(), Some(143), "{}", self.stderr());
    }

    /// Resident memory in bytes, and open files.
    pub fn weight(&self) -> (u64, usize) {
        let process = format!("/proc/{}", self.child.id());
        let status = std::fs::read_to_string(format!("{process}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        (kibibytes * 1024, std::fs::read_dir(format!("{process}/fd")).unwrap().count())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn feed(stdin: &mut impl Write, stop: &AtomicBool) {
    let began = Instant::now();
    let mut frame = vec![0; 3 * SIDE * SIDE];
    let header = format!("YUV4MPEG2 W{SIDE} H{SIDE} F{RATE}:1 Ip A1:1 C444\n");
    let mut fed = stdin.write_all(header.as_bytes());
    for number in 0u32.. {
        if fed.is_err() || stop.load(Ordering::SeqCst) {
            return;
        }
        for (place, value) in frame.iter_mut().enumerate() {
            let (x, y) = (place % SIDE, place / SIDE % SIDE);
            let person = x.abs_diff(20 + number as usize / 4 % 20) < 8 && y > 16;
            *value = if person { 220 - place.div_euclid(SIDE * SIDE) as u8 * 60 } else { (x * 3 + y * 2) as u8 };
        }
        fed = stdin.write_all(b"FRAME\n").and_then(|()| stdin.write_all(&frame));
        let due = Duration::from_secs(1) * (number + 1) / RATE;
        std::thread::sleep(due.saturating_sub(began.elapsed()));
    }
}

/// Waits until `holds`.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// Sends one request with `headers` and `body`; `Host` is the address unless it is among the headers.
pub fn ask(address: SocketAddr, request: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut text = format!("{request} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        text.push_str(&format!("Host: {address}\r\n"));
    }
    headers.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\r\n")));
    stream.write_all(format!("{text}\r\n{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

/// POSTs `body` as JSON.
pub fn post(address: SocketAddr, path: &str, body: &str) -> Answer {
    ask(address, &format!("POST {path}"), &[("Content-Type", "application/json")], body)
}

/// Opens the page's live channel; what it says is left for the caller to read.
pub fn listen(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!(
        "GET /live HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// The value of the metric that `line` begins with, labels included.
pub fn metric(address: SocketAddr, line: &str) -> f64 {
    let scrape = ask(address, "GET /metrics", &[], "").body;
    let found = scrape.lines().find_map(|known| known.strip_prefix(line)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no {line} in {scrape}")).parse().unwrap()
}
