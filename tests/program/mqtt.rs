//! MQTT: the state of the device, brokers with certificates made by hand, and the end of the connection.

use figureground_tests::program::live::{Live, TIMEOUT, free_port, until};
use figureground_tests::program::{Workspace, skipped, verdict};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A process, killed when dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts mosquitto with `config`, which listens at `port`; `None` if there is none.
fn broker(workspace: &Workspace, name: &str, config: String, port: u16) -> Option<Killed> {
    let config = workspace.write(&format!("{name}.conf"), config);
    let mut spawned = ["mosquitto", "/usr/sbin/mosquitto"].iter().map(|program| {
        Command::new(program).arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
    });
    let Some(broker) = spawned.find_map(Result::ok) else {
        skipped("a real MQTT broker", "there is no mosquitto; install it with: apt-get install mosquitto");
        return None;
    };
    until("the broker", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    Some(Killed(broker))
}

/// Subscribes to `topic` and sends each message with the time of its arrival.
fn subscribe(port: u16, topic: &str) -> (Killed, Receiver<(Instant, String)>) {
    let mut child = Command::new("mosquitto_sub")
        .args(["-p", &port.to_string(), "-q", "1", "-t", topic, "-F", "%t %p"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (sender, messages) = channel();
    let stdout = child.stdout.take().unwrap();
    std::thread::spawn(move || {
        // The receiver may be gone.
        let lines = BufReader::new(stdout).lines().map_while(Result::ok);
        lines.for_each(|line| drop(sender.send((Instant::now(), line))));
    });
    (Killed(child), messages)
}

#[test]
#[cfg(target_os = "linux")]
fn a_device_is_offline_while_its_source_delivers_no_frames() {
    let workspace = Workspace::new();
    let port = free_port();
    let config = format!("listener {port} 127.0.0.1\nallow_anonymous true\n");
    let Some(_broker) = broker(&workspace, "plain", config, port) else { return };
    let (_subscriber, messages) = subscribe(port, "figureground/test/#");
    let (_discovery, entities) = subscribe(port, "homeassistant/#");
    let url = format!("mqtt://127.0.0.1:{port}");
    // Between frames and their stop there is a process that can be stopped.
    let mut command = Command::new("sh");
    let program = workspace.run_command();
    command.args(["-c", "cat | \"$@\"", "sh"]).arg(program.get_program()).args(program.get_args());
    program.get_envs().for_each(|(name, value)| match value {
        Some(value) => drop(command.env(name, value)),
        None => drop(command.env_remove(name)),
    });
    command.current_dir(workspace.path("."));
    command.args(["-", "--window", "1", "--stride", "0.25", "--backend", "cpu", "--threads", "1"]);
    command.args(["--mqtt", &url, "--mqtt-name", "test", "--stall-timeout", "2"]);
    let live = Live::of(command);
    let next = || messages.recv_timeout(TIMEOUT).unwrap();
    let wait_for = |text: &str| loop {
        let (at, message) = next();
        if message == format!("figureground/test/availability {text}") {
            return at;
        }
    };
    // It is online with the first verdict, which comes before.
    assert_eq!(next().1, "figureground/test/availability offline");
    assert!(next().1.starts_with("figureground/test/verdict "));
    assert_eq!(next().1, "figureground/test/availability online");
    let (_, entity) = entities.recv_timeout(TIMEOUT).unwrap();
    assert!(entity.contains("\"expire_after\":3,"), "{entity}");
    let cat = children(live.child.id()).into_iter().find(|id| name(*id) == "cat").unwrap();
    let signal = |signal: &str| {
        let killed = Command::new("kill").arg(format!("-{signal}")).arg(cat.to_string()).status().unwrap();
        assert!(killed.success());
    };
    signal("STOP");
    let stopped = Instant::now();
    let away = wait_for("offline") - stopped;
    assert!((Duration::from_millis(1500)..Duration::from_secs(4)).contains(&away), "{away:?}");
    signal("CONT");
    // A new verdict comes before the device is online again.
    let (_, message) = next();
    verdict(message.strip_prefix("figureground/test/verdict ").unwrap());
    wait_for("online");
}

/// Returns the children of process `id`.
#[cfg(target_os = "linux")]
fn children(id: u32) -> Vec<u32> {
    let list = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
    list.split_whitespace().map(|id| id.parse().unwrap()).collect()
}

#[cfg(target_os = "linux")]
fn name(id: u32) -> String {
    std::fs::read_to_string(format!("/proc/{id}/comm")).unwrap().trim().to_owned()
}

/// Runs openssl in `folder`; returns whether there is one.
fn openssl(folder: &Path, arguments: &[&str]) -> bool {
    let Ok(output) = Command::new("openssl").current_dir(folder).args(arguments).output() else { return false };
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    true
}

#[test]
fn certificates_made_by_hand_work_or_the_message_says_why_not() {
    let workspace = Workspace::new();
    let folder = workspace.path(".");
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    let names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    let own = |name: &str, more: &[&str]| {
        let (key_file, file) = (format!("{name}.key"), format!("{name}.crt"));
        let request = ["req", "-x509", "-days", "2", "-subj", "/CN=localhost", "-keyout", &key_file, "-out", &file];
        openssl(&folder, &[&request[..], &key, more].concat())
    };
    if !own("own", &names) {
        return skipped("certificates made by hand", "there is no openssl; install it with: apt-get install openssl");
    }
    own("nameless", &[]);
    own("elsewhere", &["-addext", "subjectAltName=DNS:other.example"]);
    // One that an authority has signed, as the manual of mosquitto shows: without extensions.
    openssl(&folder, &[&["req", "-subj", "/CN=localhost", "-keyout", "old.key", "-out", "old.csr"][..], &key].concat());
    let sign = ["x509", "-req", "-in", "old.csr", "-CA", "own.crt", "-CAkey", "own.key", "-set_serial", "7"];
    openssl(&folder, &[&sign[..], &["-days", "2", "-out", "old.crt"]].concat());

    for (certificate, authority, words) in [
        ("own", "own", None),
        ("own", "nameless", Some(&["one of an authority", "that same certificate"][..])),
        ("nameless", "nameless", Some(&["subjectAltName", "IP:127.0.0.1"])),
        ("elsewhere", "elsewhere", Some(&["other.example", "127.0.0.1"])),
        ("old", "own", Some(&["subjectAltName", "IP:127.0.0.1"])),
    ] {
        let port = free_port();
        let path = |file: &str| workspace.path(file).display().to_string();
        let config = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nkeyfile {}\ncertfile {}\nuser root\n",
            path(&format!("{certificate}.key")),
            path(&format!("{certificate}.crt"))
        );
        let Some(_broker) = broker(&workspace, certificate, config, port) else { return };
        let (url, file) = (format!("mqtts://127.0.0.1:{port}"), format!("{authority}.crt"));
        let arguments = ["--mqtt", &url, "--mqtt-ca", &file, "--metrics", "127.0.0.1:0"];
        let mut live = Live::start(&workspace, &arguments);
        match words {
            None => {
                let metrics = live.address("metrics");
                let sent = "figureground_lines_sent_total{receiver=\"mqtt\"}";
                let has_sent = || {
                    let scrape = figureground_tests::program::live::ask(metrics, "GET /metrics", &[], "").body;
                    scrape.lines().any(|line| line.strip_prefix(sent).is_some_and(|count| count != " 0"))
                };
                until("verdicts at the broker", has_sent);
            }
            Some(words) => words.iter().for_each(|word| live.wait_for(word)),
        }
        live.terminated();
    }
}

#[test]
fn the_end_of_the_program_is_the_end_of_the_connection() {
    let workspace = Workspace::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("mqtt://{}", listener.local_addr().unwrap());
    let (sender, connected) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let sender = sender.clone();
            let _ = sender.send(());
            std::thread::spawn(move || acknowledge(stream));
        }
    });
    let mut live = Live::start(&workspace, &["--mqtt", &url, "--mqtt-name", "test", "--mqtt-discovery", ""]);
    live.verdicts(3);
    live.terminated();
    // A second connection would have come before the end of the program.
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(connected.try_iter().count(), 1, "{}", live.stderr());
}

/// Acknowledges everything on `stream`, as a broker does, until the client disconnects.
fn acknowledge(mut stream: TcpStream) {
    let mut byte = [0];
    while stream.read_exact(&mut byte).is_ok() {
        let (kind, mut length, mut shift) = (byte[0] >> 4, 0usize, 0);
        while stream.read_exact(&mut byte).is_ok() {
            length |= usize::from(byte[0] & 0x7F) << shift;
            shift += 7;
            if byte[0] & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        if stream.read_exact(&mut body).is_err() {
            return;
        }
        let answer = match kind {
            1 => vec![0x20, 2, 0, 0],
            3 => {
                let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
                vec![0x40, 2, body[2 + topic], body[3 + topic]]
            }
            12 => vec![0xD0, 0],
            14 => return,
            _ => continue,
        };
        if stream.write_all(&answer).is_err() {
            return;
        }
    }
}
