//! Outputs: a file, a broker, a web server and the live page. No failure of an output stops recognition.

use figureground_tests::program::live::{Live, TIMEOUT, ask, free_port, listen, metric, post, until};
use figureground_tests::program::{Workspace, demo, skipped, verdict};
use serde_json::Value;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// An MQTT broker, killed when dropped.
struct Broker(Child);

impl Broker {
    fn start(workspace: &Workspace, port: u16) -> Option<Self> {
        let config = workspace.write("mosquitto.conf", format!("listener {port} 127.0.0.1\nallow_anonymous true\n"));
        let known = ["mosquitto", "/usr/sbin/mosquitto"];
        let mut spawned = known.iter().map(|program| {
            Command::new(program).arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
        });
        let Some(broker) = spawned.find_map(Result::ok) else {
            skipped("a real MQTT broker", "there is no mosquitto; install it with: apt-get install mosquitto");
            return None;
        };
        until("the broker", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(Self(broker))
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns the first `count` messages of a subscription to `topic`.
fn subscribed(port: u16, topic: &str, count: usize) -> Vec<(String, Value)> {
    let port = port.to_string();
    let output = Command::new("mosquitto_sub")
        .args(["-p", &port, "-q", "1", "-t", topic, "-F", "%t %p", "-C", &count.to_string(), "-W", "30"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let message = |line: &str| {
        let (topic, text) = line.split_once(' ').unwrap();
        (topic.to_owned(), serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())))
    };
    text.lines().map(message).collect()
}

#[test]
fn two_programs_with_one_name_do_not_fill_their_logs() {
    let workspace = Workspace::new();
    let port = free_port();
    let Some(_broker) = Broker::start(&workspace, port) else { return };
    let url = format!("mqtt://127.0.0.1:{port}");
    let mut both = [(); 2].map(|()| Live::start(&workspace, &["--mqtt", &url, "--mqtt-name", "same"]));
    let logged = |live: &Live| live.stderr().lines().filter(|line| line.contains("mqtt:")).count();
    until("a warning about the other program", || both.iter().any(|live| live.stderr().contains("another program")));
    // The broker keeps replacing one by the other; verdicts continue, and the log does not grow.
    both.iter_mut().for_each(|live| drop(live.verdicts(12)));
    assert!(both.iter().all(|live| logged(live) <= 4), "{}\n{}", both[0].stderr(), both[1].stderr());
}

#[test]
fn a_restarted_broker_receives_all_lines_and_the_discovery() {
    let workspace = Workspace::new();
    let port = free_port();
    let Some(broker) = Broker::start(&workspace, port) else { return };
    let url = format!("mqtt://127.0.0.1:{port}");
    let mut live = Live::start(&workspace, &["--mqtt", &url, "--mqtt-name", "test", "--metrics", "127.0.0.1:0"]);
    let metrics = live.address("metrics");
    live.verdicts(2);
    let messages = subscribed(port, "figureground/test/verdict", 2);
    messages.iter().for_each(|(_, line)| drop(verdict(&line.to_string())));
    assert_eq!(subscribed(port, "figureground/test/availability", 1)[0].1, "online");
    let entities = subscribed(port, "homeassistant/+/figureground_test/+/config", 8);
    assert_eq!(entities.len(), 8);
    assert!(entities.iter().all(|(_, entity)| entity["availability_topic"] == "figureground/test/availability"));

    // Without the broker, verdicts continue as fast as before, and lines wait.
    drop(broker);
    live.verdicts_so_far();
    let began = Instant::now();
    let before = live.verdicts(8);
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    let receiver = "{receiver=\"mqtt\"}";
    assert!(metric(metrics, &format!("figureground_lines_waiting{receiver}")) >= 4.0);
    let first_missed = before[2]["time_us"].clone();

    // Once restarted, it receives the waiting lines.
    let broker = Broker::start(&workspace, port).unwrap();
    until("an empty queue", || metric(metrics, &format!("figureground_lines_waiting{receiver}")) <= 1.0);
    let windows: f64 = ["accept", "flag", "abstain"].iter().map(|verdict| windows(metrics, verdict)).sum();
    let sent = metric(metrics, &format!("figureground_lines_sent_total{receiver}"));
    assert!(sent + 3.0 >= windows, "{sent} of {windows}");
    assert_eq!(metric(metrics, &format!("figureground_lines_lost_total{receiver}")), 0.0);
    assert!(first_missed.is_array());
    assert_eq!(subscribed(port, "figureground/test/availability", 1)[0].1, "online");
    live.terminated();
    // The end is published, and retained.
    assert_eq!(subscribed(port, "figureground/test/availability", 1)[0].1, "offline");
    drop(broker);
}

/// Returns the number of windows with one verdict, for any reason.
fn windows(metrics: std::net::SocketAddr, verdict: &str) -> f64 {
    let scrape = ask(metrics, "GET /metrics", &[], "").body;
    let beginning = format!("figureground_windows_total{{verdict=\"{verdict}\"");
    let counts = scrape.lines().filter(|line| line.starts_with(&beginning));
    counts.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

#[test]
fn unreachable_and_slow_receivers_cost_neither_verdicts_nor_memory() {
    let workspace = Workspace::new();
    let [closed, silent] = [(); 2].map(|()| free_port());
    // It accepts connections and never responds.
    let _silent = std::net::TcpListener::bind(("127.0.0.1", silent)).unwrap();
    let (broker, hook) = (format!("mqtt://127.0.0.1:{closed}"), format!("http://127.0.0.1:{silent}/hook"));
    let arguments =
        ["--mqtt", &broker, "--webhook", &hook, "--webhook-on", "every", "--queue-size", "4", "--page=127.0.0.1:0"];
    let mut live = Live::start(&workspace, &arguments);
    let page = live.address("live page");
    live.verdicts(8);
    let (memory, files) = live.resources();
    // Fifty readers that never read, and a scraper that does not read its response.
    let readers: Vec<std::net::TcpStream> = (0..50).map(|_| listen(page)).collect();
    let mut scraper = std::net::TcpStream::connect(page).unwrap();
    std::io::Write::write_all(&mut scraper, format!("GET /metrics HTTP/1.1\r\nHost: {page}\r\n\r\n").as_bytes())
        .unwrap();
    until("fifty readers", || metric(page, "figureground_page_readers") == 50.0);
    live.verdicts_so_far();
    let began = Instant::now();
    live.verdicts(24);
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    let (later, _) = live.resources();
    assert!(later < memory + (16 << 20), "{memory} bytes, then {later}");
    // Lines beyond the queue sizes are counted as lost.
    for receiver in ["mqtt", "webhook"] {
        let lost = metric(page, &format!("figureground_lines_lost_total{{receiver=\"{receiver}\"}}"));
        let waiting = metric(page, &format!("figureground_lines_waiting{{receiver=\"{receiver}\"}}"));
        assert!(lost >= 20.0 && (4.0..=5.0).contains(&waiting), "{receiver}: {lost} lost, {waiting} waiting");
    }
    drop((readers, scraper));
    until("readers to be disconnected", || live.resources().1 <= files + 2);
    live.verdicts(4);
    live.terminated();
}

#[test]
fn the_page_shows_windows_and_sets_labels_and_tau() {
    let workspace = Workspace::new();
    let mut live = Live::start(&workspace, &["--page=127.0.0.1:0"]);
    let page = live.address("live page");
    live.verdicts(1);
    let answer = ask(page, "GET /", &[], "");
    assert!(answer.status == 200 && answer.body.contains("figureground"), "{answer:?}");
    assert!(answer.head.contains("default-src 'none'") && answer.head.contains("nosniff"), "{}", answer.head);
    // Messages and a picture arrive.
    let mut channel = listen(page);
    let mut received = Vec::new();
    let mut bytes = [0; 65536];
    while !received.windows(3).any(|bytes| bytes == [0xFF, 0xD8, 0xFF]) {
        let count = channel.read(&mut bytes).unwrap();
        assert!(count > 0, "the channel was closed");
        received.extend_from_slice(&bytes[..count]);
    }
    let text = String::from_utf8_lossy(&received);
    for word in ["101 Switching Protocols", "\"history\":", "\"frame_rate\":", "\"window\":{", "\"attribution\":"] {
        assert!(text.contains(word), "{word}");
    }
    // Ten thousand labels are embedded while verdicts continue.
    live.verdicts_so_far();
    let many: Vec<String> = (0..10_000).map(|number| format!("action number {number}")).collect();
    let body = serde_json::json!({ "labels": many.join("\n") }).to_string();
    assert_eq!(post(page, "/labels", &body).status, 202);
    let began = Instant::now();
    live.verdicts(12);
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    until("ten thousand labels", || metric(page, "figureground_labels") == 10_000.0);
    live.verdicts_so_far();
    assert!(live.verdicts(2)[1]["label"].as_str().unwrap().starts_with("action number "));
    // New labels replace them, and can be read.
    assert_eq!(post(page, "/labels", r#"{"labels":"waving\n\nsitting\n"}"#).status, 202);
    until("two labels", || ask(page, "GET /labels", &[], "").body == "sitting\nwaving");
    // A threshold that every score exceeds, and one that none does.
    for (tau, is_flagged) in [("-1000", true), ("1000", false)] {
        assert_eq!(post(page, "/tau", &format!("{{\"tau\":{tau}}}")).status, 200);
        live.verdicts_so_far();
        let seen = live.verdicts(3).pop().unwrap();
        assert!(seen["verdict"] == "abstain" || (seen["verdict"] == "flag") == is_flagged, "{seen}");
    }
    live.terminated();
}

#[test]
fn invalid_requests_and_other_sites_change_nothing() {
    let workspace = Workspace::new();
    let mut live = Live::start(&workspace, &["--page=127.0.0.1:0", "--no-picture"]);
    let page = live.address("live page");
    live.verdicts(1);
    let labels = ask(page, "GET /labels", &[], "").body;
    let json = ("Content-Type", "application/json");
    for (path, body, status) in [
        ("/labels", r#"{"labels":""}"#, 400),
        ("/labels", r#"{"labels":"a\na"}"#, 400),
        ("/labels", r#"{"names":"a"}"#, 422),
        ("/labels", "labels", 400),
        ("/tau", r#"{"tau":null}"#, 422),
        ("/tau", r#"{"tau":1e999}"#, 400),
        ("/picture", r#"{"on":true}"#, 403),
        ("/nowhere", "{}", 404),
    ] {
        let answer = post(page, path, body);
        assert_eq!(answer.status, status, "{path} {body}: {answer:?}");
    }
    let good = r#"{"labels":"a\nb"}"#;
    assert_eq!(ask(page, "POST /labels", &[json, ("Origin", "https://evil.example")], good).status, 403);
    assert_eq!(ask(page, "POST /labels", &[json, ("Host", "evil.example")], good).status, 403);
    assert_eq!(ask(page, "POST /labels", &[("Content-Type", "text/plain")], good).status, 415);
    assert_eq!(ask(page, "GET /", &[("Host", "evil.example")], "").status, 403);
    // GET changes nothing.
    for path in ["/tau", "/picture"] {
        assert_eq!(ask(page, &format!("GET {path}"), &[], "").status, 405);
    }
    let huge = format!("{{\"labels\":\"{}\"}}", "x".repeat(3 << 20));
    let mut stream = std::net::TcpStream::connect(page).unwrap();
    use std::io::Write;
    let head = format!(
        "POST /labels HTTP/1.1\r\nHost: {page}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        huge.len()
    );
    // The server may close the connection before it has read everything.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(huge.as_bytes()));
    let mut answer = [0; 12];
    if stream.read_exact(&mut answer).is_ok() {
        assert_eq!(&answer, b"HTTP/1.1 413");
    }
    assert_eq!(ask(page, "GET /labels", &[], "").body, labels);
    live.verdicts(2);
    live.terminated();
}

#[test]
fn after_the_last_clip_the_page_stays_until_a_signal() {
    let workspace = Workspace::new();
    for (signal, clips, code) in [("INT", &["a.gif"][..], 0), ("TERM", &["absent.gif", "a.gif"][..], 2)] {
        std::fs::copy(demo(), workspace.path("a.gif")).unwrap();
        let mut command = workspace.run_command();
        command.args(clips).args(["--page=127.0.0.1:0", "--overlay", "look.gif"]);
        let mut live = Live::of(command);
        let page = live.address("live page");
        live.wait_for("the live page stays until ctrl-C");
        assert_eq!(live.verdicts(1)[0]["source"], "a.gif");
        assert!(workspace.path("look.gif").exists(), "the overlay is complete before");
        assert_eq!(ask(page, "GET /", &[], "").status, 200);
        assert!(live.child.try_wait().unwrap().is_none(), "{}", live.stderr());
        live.signal(signal);
        assert_eq!(live.ended(), Some(code), "{}", live.stderr());
    }
    // Without a window there is nothing to show, and metrics alone do not stay.
    workspace.run(["absent.gif", "--page=127.0.0.1:0", "--quiet"]).refused("source", &["absent.gif"]);
    workspace.run(["a.gif", "--metrics", "127.0.0.1:0", "--quiet"]).succeeded();
}

#[test]
fn a_port_or_localhost_is_an_address_of_the_page() {
    let workspace = Workspace::new();
    for address in [free_port().to_string(), format!("localhost:{}", free_port())] {
        let mut live = Live::start(&workspace, &[&format!("--page={address}")]);
        let page = live.address("live page");
        assert_eq!(page.to_string(), format!("127.0.0.1:{}", address.trim_start_matches("localhost:")));
        assert_eq!(ask(page, "GET /health", &[], "").status, 200);
        live.terminated();
    }
    let ended = workspace.run(["-", "--page=host:8088"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("'host:8088'") && ended.stderr.contains("localhost"), "{}", ended.stderr);
}

#[test]
fn pictures_of_a_source_without_an_end_need_a_folder() {
    let workspace = Workspace::new();
    for (sources, file) in [(&["rtsp://127.0.0.1:9/a"][..], "look.gif"), (&["-", "--window", "1"][..], "look.mp4")] {
        let arguments = [&["run"][..], sources, &["--overlay", file]].concat();
        workspace.refuses(arguments, "sink", &[file, "a directory", "1000 windows", "--overlay"]);
    }
    workspace.refuses(["run", "a.gif", "--overlay", "look.gif", "--overlay-keep", "3"], "sink", &["3 windows"]);
    let ended = workspace.figureground(["run", "a.gif", "--overlay-keep", "3"]);
    assert!(ended.code == Some(2) && ended.stderr.contains("--overlay"), "{ended:#?}");
}

#[test]
fn a_folder_of_pictures_keeps_the_newest_windows_and_the_files_of_others() {
    let workspace = Workspace::new();
    let others = ["pictures/_--w0001-f999999.png", "pictures/notes.txt"].map(|name| workspace.write(name, "kept"));
    let mut live = Live::start(&workspace, &["--overlay", "pictures", "--overlay-keep", "2"]);
    live.verdicts(8);
    live.terminated();
    assert!(others.iter().all(|path| std::fs::read(path).unwrap() == b"kept"));
    let names = workspace.path("pictures").read_dir().unwrap().map(|entry| entry.unwrap().file_name());
    let names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    let windows: std::collections::BTreeSet<u64> = names
        .iter()
        .filter(|name| name.ends_with(".png") && !name.contains("f999999"))
        .map(|name| name.split("-w").nth(1).unwrap()[..4].parse().unwrap())
        .collect();
    assert!((1..=2).contains(&windows.len()) && windows.iter().all(|window| *window >= 7), "{names:?}");
}

#[test]
fn an_address_that_is_not_loopback_needs_a_token() {
    let workspace = Workspace::new();
    let bundle = workspace.bundle().display().to_string();
    let run = ["run", "--bundle", &bundle, "-", "--window", "1", "--page=0.0.0.0:0"];
    workspace.refuses(run, "sink", &["token", "--token-file"]);
    let token = "kq3J9vX2bT7mW5zR";
    workspace.write("token", format!("{token}\n"));
    let mut live = Live::start(&workspace, &["--page=0.0.0.0:0", "--metrics", "127.0.0.1:0", "--token-file", "token"]);
    let port = live.address("live page").port();
    let page = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let metrics = live.address("metrics");
    live.verdicts(1);
    let bearer = format!("Bearer {token}");
    for path in ["/", "/page.js", "/labels", "/metrics", "/live"] {
        let answer = ask(page, &format!("GET {path}"), &[], "");
        assert_eq!(answer.status, 401, "{path}");
        assert!(!answer.body.contains(token));
    }
    assert_eq!(ask(metrics, "GET /metrics", &[], "").status, 401);
    assert_eq!(ask(metrics, "GET /metrics", &[("Authorization", &bearer)], "").status, 200);
    assert_eq!(ask(page, "GET /health", &[], "").status, 200);
    // A browser logs in and gets a cookie.
    assert!(ask(page, "GET /", &[], "").body.contains("Access token of this device"));
    assert_eq!(post(page, "/login", r#"{"token":"kq3J9vX2bT7mW5zr"}"#).status, 401);
    // A login request is limited in size.
    assert_eq!(
        post(page, "/login", &format!("{{\"token\":\"{token}\",\"more\":\"{}\"}}", "x".repeat(9000))).status,
        401
    );
    let answer = post(page, "/login", &format!("{{\"token\":\"{token}\"}}"));
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("httponly; samesite=strict"), "{}", answer.head);
    let cookie = answer.head.split("set-cookie: ").nth(1).unwrap().split(';').next().unwrap().to_owned();
    assert!(!cookie.contains(&token.to_lowercase()), "{cookie}");
    assert!(ask(page, "GET /", &[("Cookie", &cookie), ("Host", "cam.lan")], "").body.contains("Controls"));
    assert!(!live.stderr().contains(token));
    live.terminated();
}

#[test]
fn a_line_file_holds_whole_lines_however_the_program_ends() {
    let workspace = Workspace::new();
    for round in 0..6u64 {
        let mut live =
            Live::start(&workspace, &["--lines", "verdicts.jsonl", "--lines-size", "6000", "--lines-keep", "2"]);
        live.verdicts(1);
        std::thread::sleep(Duration::from_millis(37 * round));
        if round % 2 == 0 {
            live.terminated();
        } else {
            live.signal("KILL");
            live.ended();
        }
    }
    let mut lines = 0;
    for name in ["verdicts.jsonl.2", "verdicts.jsonl.1", "verdicts.jsonl"] {
        let Ok(text) = std::fs::read_to_string(workspace.path(name)) else { continue };
        assert!(text.len() <= 6000 && text.ends_with('\n'), "{name}");
        lines += text.lines().map(verdict).count();
    }
    assert!(lines >= 6, "{lines} lines");
}

/// Returns a command of `figureground run` that sees a file system of four blocks at `disk`, three of which the file
/// `taken` takes; `None` if this system allows no mounts.
#[cfg(target_os = "linux")]
fn with_small_disk(workspace: &Workspace, disk: &Path) -> Option<Command> {
    std::fs::create_dir_all(disk).unwrap();
    let script = "mount -t tmpfs -o size=16k tmpfs \"$0\" && head -c 12288 /dev/zero >\"$0/taken\" && exec \"$@\"";
    let alone = || {
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", script]).arg(disk);
        command
    };
    if !alone().arg("true").stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
        skipped("a disk that is full", "this system does not allow mounts in a new namespace");
        return None;
    }
    let program = workspace.run_command();
    let mut command = alone();
    command.arg(program.get_program()).args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.current_dir(workspace.path("."));
    Some(command)
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_loses_lines_but_no_verdicts_and_leaves_whole_lines() {
    let workspace = Workspace::new();
    let disk = workspace.path("disk");
    let Some(mut command) = with_small_disk(&workspace, &disk) else { return };
    command.args(["-", "--window", "1", "--stride", "0.25", "--backend", "cpu", "--threads", "1"]);
    command.args(["--metrics", "127.0.0.1:0", "--lines"]).arg(disk.join("verdicts.jsonl"));
    let mut live = Live::of(command);
    let metrics = live.address("metrics");
    let lost = || metric(metrics, "figureground_lines_lost_total{receiver=\"file\"}");
    let sent = || metric(metrics, "figureground_lines_sent_total{receiver=\"file\"}");
    live.verdicts(1);
    until("a full disk", || lost() >= 3.0);
    live.verdicts_so_far();
    live.verdicts(4);
    let folder = PathBuf::from(format!("/proc/{}/root{}", live.child.id(), disk.display()));
    let file = folder.join("verdicts.jsonl");
    let whole = || {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "{text}");
        text.lines().map(verdict).count()
    };
    assert_eq!(whole() as f64, sent());
    // Another program copies the file and truncates it.
    std::fs::File::options().write(true).open(&file).unwrap().set_len(0).unwrap();
    let before = (sent(), lost());
    until("a full disk again", || sent() > before.0 && lost() >= before.1 + 3.0);
    assert!(whole() >= 1);
    // Lines continue once there is space.
    let (before, written) = (sent(), whole());
    std::fs::remove_file(folder.join("taken")).unwrap();
    until("lines again", || sent() >= before + 2.0);
    assert!(whole() >= written + 2);
    assert!(live.stderr().contains("lines are lost until the file can be written"), "{}", live.stderr());
    live.terminated();
}

#[test]
#[cfg(target_os = "linux")]
fn an_overlay_on_a_full_disk_names_the_disk() {
    let workspace = Workspace::new();
    std::fs::copy(demo(), workspace.path("a.gif")).unwrap();
    let disk = workspace.path("disk");
    for overlay in ["look.gif", "pictures"] {
        let Some(mut command) = with_small_disk(&workspace, &disk) else { return };
        let output = command.args(["a.gif", "--overlay"]).arg(disk.join(overlay)).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && stderr.contains("free space in "), "{stderr}");
        assert!(stderr.contains("No space left") && !stderr.contains("one window"), "{stderr}");
        assert_eq!(stderr.matches("No space left").count(), 1, "{stderr}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_under_stderr_ends_no_run() {
    let workspace = Workspace::new();
    std::fs::copy(demo(), workspace.path("a.gif")).unwrap();
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = workspace.run_command();
    let output = command.args(["absent.gif", "a.gif"]).stderr(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().map(verdict).count(), 1);
    // A message at the start, and one that stderr cannot take because nobody reads it.
    let output = workspace.command().args(["import", "--clip", "absent"]).stderr(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = workspace.run_command();
    let output = command.args(["absent.gif", "a.gif", "--metrics", "127.0.0.1:0"]).stderr(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().map(verdict).count(), 1);
}

#[test]
fn a_line_file_is_of_one_program_and_holds_nothing_else() {
    let workspace = Workspace::new();
    std::fs::copy(demo(), workspace.path("a.gif")).unwrap();
    for (name, contents) in [("document.json", "{\"name\": \"a document\"}"), ("notes.txt", "one line\nanother line")] {
        let path = workspace.write(name, contents);
        workspace.run(["a.gif", "--lines", name]).refused("sink", &[name, "verdict lines", "--lines"]);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), contents);
    }
    let mut live = Live::start(&workspace, &["--lines", "verdicts.jsonl"]);
    live.verdicts(2);
    #[cfg(unix)]
    workspace.run(["a.gif", "--lines", "verdicts.jsonl"]).refused("sink", &["verdicts.jsonl", "another program"]);
    live.verdicts(1);
    live.terminated();
    workspace.run(["a.gif", "--lines", "verdicts.jsonl"]).succeeded();
    let text = std::fs::read_to_string(workspace.path("verdicts.jsonl")).unwrap();
    assert!(text.ends_with('\n') && text.lines().map(verdict).count() >= 4, "{text}");
}

/// Accepts the next POST to `listener` and returns its head and body.
fn posted(listener: &std::net::TcpListener) -> (String, String) {
    use std::io::Write;
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    let mut received = Vec::new();
    let mut bytes = [0; 4096];
    while !received.ends_with(b"}") {
        let count = stream.read(&mut bytes).unwrap();
        assert!(count > 0);
        received.extend_from_slice(&bytes[..count]);
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
    let text = String::from_utf8(received).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[test]
fn a_webhook_receives_changes() {
    let workspace = Workspace::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let mut live = Live::start(&workspace, &["--webhook", &url, "--metrics", "127.0.0.1:0"]);
    let metrics = live.address("metrics");
    let first = verdict(&posted(&listener).1);
    let seen = live.verdicts(4);
    assert_eq!((&first["label"], &first["frames"]), (&seen[0]["label"], &seen[0]["frames"]));
    until("the first line to be counted", || {
        metric(metrics, "figureground_lines_sent_total{receiver=\"webhook\"}") >= 1.0
    });
    live.terminated();
}

#[test]
fn a_webhook_with_a_new_token_replaces_the_old_one_and_each_line_is_counted_once() {
    let workspace = Workspace::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let config = format!(
        "webhook = {url:?}\nwebhook-on = \"every\"\nwebhook-token-file = \"token\"\nmetrics = \"127.0.0.1:0\"\n"
    );
    workspace.write("figureground.toml", config);
    workspace.write("token", "first\n");
    let mut live = Live::start(&workspace, &["--config", "figureground.toml"]);
    let metrics = live.address("metrics");
    assert!(posted(&listener).0.contains("Bearer first"));
    // Waiting lines are still delivered with their token.
    live.verdicts(6);
    workspace.write("token", "second\n");
    live.signal("HUP");
    let mut received = 1.0;
    until("the new token", || {
        received += 1.0;
        posted(&listener).0.contains("Bearer second")
    });
    until("all received lines to be counted", || {
        metric(metrics, "figureground_lines_sent_total{receiver=\"webhook\"}") == received
    });
    live.terminated();
}
