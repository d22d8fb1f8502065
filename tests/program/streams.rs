//! Streams that are lost and restored.

use figureground_tests::program::live::{Live, StreamServer, TIMEOUT, free_port};
use figureground_tests::program::{self, Workspace, demo};
use serde_json::Value;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Serves the demo clip repeatedly, with pictures of `size`.
fn serve(port: u16, size: &str) -> StreamServer {
    let clip = demo();
    let input = [OsStr::new("-stream_loop"), OsStr::new("-1"), OsStr::new("-i"), clip.as_os_str()];
    StreamServer::start(port, &input, &["-vf", &format!("scale={size}"), "-r", "12", "-q:v", "2"])
}

#[test]
fn a_stream_continues_after_its_server_restarts_and_counts_reconnects() {
    if !program::has_ffmpeg("a stream that is lost and restored") {
        return;
    }
    let workspace = Workspace::new();
    let port = free_port();
    let mut server = serve(port, "160:120");
    std::thread::sleep(Duration::from_millis(500));
    let url = format!("tcp://127.0.0.1:{port}");
    let bundle = workspace.bundle().display().to_string();
    let mut command = workspace.command();
    command.args([
        "run",
        "--bundle",
        &bundle,
        "--backend",
        "cpu",
        &url,
        "--window",
        "1",
        "--stride",
        "0.5",
        "--stall-timeout",
        "3",
    ]);
    command.env("RUST_LOG", "figureground=info").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut take = |count: usize| -> Vec<Value> {
        (0..count).map(|_| serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap()).collect()
    };
    let mut seen = take(3);
    // Restarted with another frame size.
    drop(server);
    std::thread::sleep(Duration::from_millis(700));
    server = serve(port, "128:128");
    let began = Instant::now();
    seen.extend(take(3));
    assert!(began.elapsed() < Duration::from_secs(30));
    program::interrupt(&child);
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{stderr}");
    drop(server);
    assert!(stderr.contains("is lost, retrying") && stderr.contains("reconnects 1"), "{stderr}");
    let spans: Vec<[u64; 2]> =
        seen.iter().map(|line| serde_json::from_value(line["time_us"].clone()).unwrap()).collect();
    assert!(spans.is_sorted_by(|a, b| a[1] < b[1]), "{spans:?}");
    // All windows overlap but two: none holds frames of both connections.
    assert_eq!(spans.windows(2).filter(|two| two[1][0] > two[0][1]).count(), 1, "{spans:?}");
    let frames: Vec<Vec<u64>> =
        seen.iter().map(|line| serde_json::from_value(line["frames"].clone()).unwrap()).collect();
    assert!(frames[3][0] > frames[2][0], "{frames:?}");
}

/// Accepts one connection on `port`, writes `bytes` and keeps it open for `hold`.
fn answer(port: u16, bytes: Vec<u8>, hold: Duration) -> std::thread::JoinHandle<()> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // The client may disconnect before it has read everything.
        let _ = std::io::Write::write_all(&mut stream, &bytes);
        std::thread::sleep(hold);
    })
}

#[test]
fn a_stream_is_restored_after_garbage_and_silence() {
    if !program::has_ffmpeg("a stream of garbage") {
        return;
    }
    let workspace = Workspace::new();
    let port = free_port();
    let server = serve(port, "160:120");
    std::thread::sleep(Duration::from_millis(500));
    let url = format!("tcp://127.0.0.1:{port}");
    let mut command = workspace.run_command();
    command.args(["--backend", "cpu", &url, "--window", "1", "--stride", "0.5", "--stall-timeout", "4"]);
    let live = Live::of(command);
    live.verdicts(2);
    drop(server);
    let garbage = program::Random(7).bytes(200_000);
    answer(port, garbage, Duration::ZERO).join().unwrap();
    answer(port, Vec::new(), Duration::from_secs(8)).join().unwrap();
    let server = serve(port, "160:120");
    live.verdicts_so_far();
    live.verdicts(3);
    let stderr = live.stderr();
    // Several attempts count as one reconnect.
    assert!(stderr.contains("(reconnect 1)") && !stderr.contains("(reconnect 2)"), "{stderr}");
    let mut live = live;
    live.terminated();
    drop(server);
}

#[test]
fn a_missing_stream_is_waited_for_or_refused_at_once() {
    if !program::has_ffmpeg("a missing stream") {
        return;
    }
    let workspace = Workspace::new();
    let bundle = workspace.bundle().display().to_string();
    let url = format!("tcp://127.0.0.1:{}", free_port());
    let began = Instant::now();
    workspace
        .figureground(["run", "--bundle", &bundle, "--backend", "cpu", &url, "--stall-timeout", "2", "--wait", "0"])
        .refused("source", &[&url]);
    assert!(began.elapsed() < Duration::from_secs(20));
    let port = free_port();
    let mut command = workspace.run_command();
    command.args(["--backend", "cpu", &format!("tcp://127.0.0.1:{port}"), "--window", "1", "--stride", "0.5"]);
    let mut live = Live::of(command);
    let deadline = Instant::now() + TIMEOUT;
    while !live.stderr().contains("is waited for") {
        assert!(Instant::now() < deadline, "{}", live.stderr());
        std::thread::sleep(Duration::from_millis(50));
    }
    let server = serve(port, "160:120");
    live.verdicts(2);
    live.terminated();
    drop(server);
}

/// Answers every connection on a new port as an HTTP server that sends one picture after the other without end.
fn serve_multipart() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let jpeg = |level: u8| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image::RgbImage::from_fn(160, 120, |x, y| image::Rgb([level, x as u8, y as u8]))
            .write_to(&mut bytes, image::ImageFormat::Jpeg)
            .unwrap();
        bytes.into_inner()
    };
    let pictures: Vec<Vec<u8>> = (0..20).map(|step| jpeg(10 * step)).collect();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, pictures) = (stream.unwrap(), pictures.clone());
            std::thread::spawn(move || {
                let head = "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n";
                let mut sent = std::io::Write::write_all(&mut stream, head.as_bytes());
                for picture in pictures.iter().cycle() {
                    let part =
                        format!("--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", picture.len());
                    let bytes = [part.as_bytes(), picture, b"\r\n"].concat();
                    sent = sent.and_then(|()| std::io::Write::write_all(&mut stream, &bytes));
                    if sent.is_err() {
                        return;
                    }
                    std::thread::sleep(Duration::from_millis(40));
                }
            });
        }
    });
    port
}

#[test]
fn pictures_over_http_without_an_end_are_a_live_source() {
    if !program::has_ffmpeg("a camera over HTTP") {
        return;
    }
    let workspace = Workspace::new();
    let url = format!("http://user:hunter2@127.0.0.1:{}/stream?token=hunter3", serve_multipart());
    let mut command = workspace.run_command();
    let mut live = Live::of({
        command.args(["--backend", "cpu", &url]);
        command
    });
    let seen = live.verdicts(3);
    assert!(seen.iter().all(|line| line["source"].as_str().is_some_and(|name| name.contains("/stream?token=***"))));
    live.terminated();
    assert!(!live.stderr().contains("hunter"), "{}", live.stderr());
}

#[test]
#[cfg(target_os = "linux")]
fn a_killed_program_leaves_no_ffmpeg_behind() {
    if !program::has_ffmpeg("the end of ffmpeg") {
        return;
    }
    let workspace = Workspace::new();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", silent.local_addr().unwrap());
    let mut command = workspace.run_command();
    let mut child = command.args(["--backend", "cpu", &url]).stderr(Stdio::null()).spawn().unwrap();
    let (mut stream, _) = silent.accept().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    // The connection ends with ffmpeg.
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    assert_eq!(stream.read(&mut [0; 64]).unwrap(), 0);
}
