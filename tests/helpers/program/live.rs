//! The program on an endless stream.

use super::{Workspace, verdict};
use serde_json::Value;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Timeout of every wait in tests.
pub const TIMEOUT: Duration = Duration::from_secs(60);
/// Frames per second of the stream of [`Live`].
const RATE: u32 = 40;
const SIDE: usize = 64;

/// Returns a free port.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A run of the program on Y4M from a thread, of a person who moves in front of a pattern.
pub struct Live {
    pub child: Child,
    lines: Receiver<String>,
    stderr: Arc<Mutex<String>>,
    threads: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

impl Live {
    /// Starts `figureground run - --window 1 --stride 0.25` with the shared bundle and `arguments`.
    pub fn start(workspace: &Workspace, arguments: &[&str]) -> Self {
        let mut command = workspace.run_command();
        command.args(["-", "--window", "1", "--stride", "0.25", "--backend", "cpu", "--threads", "1"]).args(arguments);
        Self::of(command)
    }

    /// Starts `command`, which reads Y4M on stdin.
    pub fn of(mut command: std::process::Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (mut stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut child_stderr = child.stderr.take().unwrap();
        let (stop, stderr) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(String::new())));
        let (sender, lines) = channel();
        let (stopped, stderr_copy) = (Arc::clone(&stop), Arc::clone(&stderr));
        let threads = vec![
            std::thread::spawn(move || feed(&mut stdin, &stopped)),
            std::thread::spawn(move || {
                // The receiver may be gone.
                BufReader::new(stdout).lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)));
            }),
            std::thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(count @ 1..) = child_stderr.read(&mut bytes) {
                    stderr_copy.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
                }
            }),
        ];
        Self { child, lines, stderr, threads, stop }
    }

    /// Returns the next `count` verdicts.
    pub fn verdicts(&self, count: usize) -> Vec<Value> {
        let next = |_| match self.lines.recv_timeout(TIMEOUT) {
            Ok(line) => verdict(&line),
            Err(error) => panic!("{error}: {}", self.stderr()),
        };
        (0..count).map(next).collect()
    }

    /// Returns all verdicts received so far.
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

    /// Returns the address that follows `name` on stderr.
    pub fn address(&self, name: &str) -> SocketAddr {
        let beginning = format!("{name}: http://");
        self.wait_for(&beginning);
        let stderr = self.stderr();
        let address = stderr.split(&beginning).nth(1).unwrap().split('/').next().unwrap();
        address.parse().unwrap()
    }

    /// Sends a signal, such as `TERM`.
    pub fn signal(&self, signal: &str) {
        super::signal(&self.child, signal);
    }

    /// Waits for the exit and returns its code.
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

    /// Sends SIGTERM and checks the exit code.
    pub fn terminated(&mut self) {
        self.signal("TERM");
        assert_eq!(self.ended(), Some(143), "{}", self.stderr());
    }

    /// Returns the resident memory in bytes and the number of open files.
    pub fn resources(&self) -> (u64, usize) {
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
        for (index, value) in frame.iter_mut().enumerate() {
            let (x, y) = (index % SIDE, index / SIDE % SIDE);
            let person = x.abs_diff(20 + number as usize / 4 % 20) < 8 && y > 16;
            *value = if person { 220 - index.div_euclid(SIDE * SIDE) as u8 * 60 } else { (x * 3 + y * 2) as u8 };
        }
        fed = stdin.write_all(b"FRAME\n").and_then(|()| stdin.write_all(&frame));
        let due = Duration::from_secs(1) * (number + 1) / RATE;
        std::thread::sleep(due.saturating_sub(began.elapsed()));
    }
}

/// Waits until `holds` returns true.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < TIMEOUT, "timeout while waiting for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// An HTTP response.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// Sends one request with `headers` and `body`; adds a `Host` header unless there is one.
pub fn ask(address: SocketAddr, request: &str, headers: &[(&str, &str)], body: &str) -> Response {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
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
    Response { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

/// POSTs `body` as JSON.
pub fn post(address: SocketAddr, path: &str, body: &str) -> Response {
    ask(address, &format!("POST {path}"), &[("Content-Type", "application/json")], body)
}

/// Opens the live channel of the page, for the caller to read.
pub fn listen(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    let request = format!(
        "GET /live HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// Returns the value of the metric with this name and labels.
pub fn metric(address: SocketAddr, line: &str) -> f64 {
    let scrape = ask(address, "GET /metrics", &[], "").body;
    let found = scrape.lines().find_map(|known| known.strip_prefix(line)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no {line} in {scrape}")).parse().unwrap()
}

/// An ffmpeg that serves a video without an end, in real time, to the first client.
pub struct StreamServer(Child);

impl StreamServer {
    /// Starts the server at `port`: `input` are ffmpeg's arguments for the video, `output` those for its frames.
    pub fn start(port: u16, input: &[&OsStr], output: &[&str]) -> Self {
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-loglevel", "error", "-re"]).args(input).args(output);
        command.args(["-c:v", "mpeg2video", "-g", "6", "-f", "mpegts", &format!("tcp://127.0.0.1:{port}?listen=1")]);
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for StreamServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
