//! The configuration file, signals, completions and notifications to a service manager.

use figureground_tests::program::live::{Live, ask, until};
use figureground_tests::program::{Ended, Workspace, demo};
use serde_json::Value;
use std::time::Duration;

/// Returns the output of `--print-config`.
fn printed(workspace: &Workspace, arguments: &[&str]) -> String {
    let arguments = ["run", "--print-config"].iter().chain(arguments);
    workspace.figureground(arguments).succeeded().stdout
}

fn refused(workspace: &Workspace, config: &str, words: &[&str]) -> Ended {
    workspace.write("figureground.toml", config);
    workspace.refuses(["run", "--config", "figureground.toml"], "command", words)
}

#[test]
fn the_printed_configuration_has_the_same_settings() {
    let workspace = Workspace::new();
    let arguments = [
        "--tau",
        "-0.5",
        "--window",
        "2",
        "--json",
        "--mqtt",
        "mqtt://broker:1884",
        "--page",
        "--fps",
        "12.5",
        "a b.mp4",
        "-",
    ];
    let config = printed(&workspace, &arguments);
    for line in ["tau = -0.5", "window = 2", "json = true", "fps = 12.5", "page = \"127.0.0.1:8080\"", "# overlay ="] {
        assert!(config.lines().any(|known| known == line), "{line} is missing: {config}");
    }
    assert!(config.contains(r#"sources = ["a b.mp4", "-"]"#), "{config}");
    workspace.write("figureground.toml", &config);
    assert_eq!(printed(&workspace, &["--config", "figureground.toml"]), config);
    // Every flag of the help is a key.
    let help = workspace.figureground(["run", "--help"]).succeeded().stdout;
    let flags = help.split_whitespace().filter_map(|word| word.strip_prefix("--"));
    let is_flag = |c: char| c.is_ascii_lowercase() || c == '-';
    for flag in flags.map(|flag| flag.split(|c| !is_flag(c)).next().unwrap()).filter(|flag| !flag.is_empty()) {
        let is_no_setting = ["config", "print-config", "help", "version", "quiet"].contains(&flag);
        assert!(
            is_no_setting || config.contains(&format!("\n{flag} =")) || config.contains(&format!("# {flag} =")),
            "{flag}"
        );
    }
}

#[test]
fn old_names_of_flags_are_accepted_on_the_command_line_and_in_the_file() {
    let workspace = Workspace::new();
    workspace.write("figureground.toml", "stall = 7\nqueue = 5\n");
    let config = printed(&workspace, &["--config", "figureground.toml", "--spool", "9", "--webhook-for", "flag"]);
    for line in ["stall-timeout = 7", "queue-size = 5", "spool = 9", "webhook-on = \"flag\""] {
        assert!(config.lines().any(|known| known == line), "{line} is missing: {config}");
    }
}

#[test]
fn completions_are_printed_for_each_shell() {
    let workspace = Workspace::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = workspace.figureground(["completions", shell]).succeeded().stdout;
        assert!(script.contains("figureground") && script.contains("stall-timeout"), "{shell}: {script}");
    }
}

#[test]
fn help_is_wrapped_to_the_width_of_the_terminal() {
    let workspace = Workspace::new();
    let help = |columns: &str| {
        let mut command = workspace.command();
        command.args(["run", "--help"]).env("COLUMNS", columns);
        Ended::of(command.output().unwrap()).succeeded().stdout
    };
    for (columns, width) in [("60", 60), ("80", 80), ("1000", 100)] {
        let text = help(columns);
        let (text, examples) = text.split_once("Examples:").unwrap();
        assert!(
            examples
                .contains("  figureground run --bundle my-bundle 'clips/*.mp4' --overlay pictures/ > verdicts.jsonl\n")
        );
        let too_long: Vec<&str> = text.lines().filter(|line| line.chars().count() > width).collect();
        // One word of a line cannot be wrapped.
        let is_one_word = |line: &&str| line.split_whitespace().count() == 1;
        assert!(too_long.iter().all(is_one_word), "{columns}: {too_long:#?}");
    }
    assert!(help("60").lines().count() > help("100").lines().count());
}

#[test]
fn flags_take_precedence_over_the_file() {
    let workspace = Workspace::new();
    workspace.write("figureground.toml", "tau = 1.5\nthreads = 1\nsources = [\"camera:7\"]\n");
    let config = printed(&workspace, &["--config", "figureground.toml", "--tau=-2", "clip.mp4"]);
    assert!(config.contains("\ntau = -2\n") && config.contains("\nthreads = 1\n"), "{config}");
    assert!(config.contains(r#"sources = ["clip.mp4"]"#) && !config.contains("camera:7"), "{config}");
    // A source may look like a flag.
    workspace.write("figureground.toml", "sources = [\"--tau\"]\n");
    assert!(printed(&workspace, &["--config", "figureground.toml"]).contains(r#"sources = ["--tau"]"#));
}

#[test]
fn an_invalid_configuration_is_an_error_with_its_key() {
    let workspace = Workspace::new();
    refused(&workspace, "widnow = 2\n", &["`widnow`", "did you mean `window`"]);
    refused(&workspace, "json = \"yes\"\n", &["`json`", "true or false"]);
    refused(&workspace, "tau = [1]\n", &["`tau`", "array"]);
    refused(&workspace, "sources = 3\n", &["`sources`"]);
    refused(&workspace, "sources = []\n", &["figureground.toml", "`figureground demo`"]);
    refused(&workspace, "sources = [\"\"]\n", &["an empty argument"]);
    refused(&workspace, "tau = 1\n", &["figureground.toml", "`figureground demo`"]);
    refused(&workspace, "tau = \n", &["figureground.toml", "TOML"]);
    refused(&workspace, "threads = 0\n", &["figureground.toml", "--threads"]);
    refused(&workspace, "[mqtt]\nurl = \"x\"\n", &["`mqtt`", "table"]);
    refused(&workspace, "\u{0}", &["figureground.toml"]);
    workspace.refuses(["run", "--config", "absent.toml"], "command", &["absent.toml", "--print-config"]);
    std::fs::create_dir(workspace.path("folder")).unwrap();
    workspace.refuses(["run", "--config", "folder"], "command", &["folder"]);
}

#[test]
fn passwords_are_never_printed() {
    let workspace = Workspace::new();
    let url = "rtsp://user:hunter2@127.0.0.1:9/live";
    assert!(!printed(&workspace, &[url]).contains("hunter2"));
    let ended = workspace.run([url, "--stall", "2", "--wait", "0"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("***:***@") && !ended.stderr.contains("hunter2"), "{}", ended.stderr);
    // Nor is a password from the environment.
    let filled = "rtsp://user:${CAMERA_PASSWORD}@127.0.0.1:9/live";
    let mut command = workspace.run_command();
    let output =
        command.args([filled, "--stall", "2", "--wait", "0"]).env("CAMERA_PASSWORD", "hunter2").output().unwrap();
    let ended = Ended::of(output).refused("source", &["user:${CAMERA_PASSWORD}@"]);
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    workspace.run([filled]).refused("source", &["CAMERA_PASSWORD"]);
    // The printed URL can be used again.
    assert!(printed(&workspace, &[filled]).contains(filled));
    let clip = demo().display().to_string();
    let ended = workspace.run([clip.as_str(), "--mqtt", "mqtt://user:hunter2@127.0.0.1"]);
    assert!(ended.stderr.contains("password") && !ended.stderr.contains("hunter2"), "{}", ended.stderr);
}

/// Returns the end of the window of `line`, in microseconds.
fn end_of(line: &Value) -> u64 {
    line["time_us"][1].as_u64().unwrap()
}

#[test]
fn sighup_reloads_the_configuration_without_losing_a_frame() {
    let workspace = Workspace::new();
    let config = |tau: &str, more: &str| {
        let bundle = workspace.bundle().display().to_string();
        let text = format!(
            "bundle = {bundle:?}\nsources = [\"-\"]\nwindow = 1\nstride = 0.25\nthreads = 1\nbackend = \"cpu\"\n\
             tau = {tau}\nlines = \"verdicts.jsonl\"\nmetrics = \"127.0.0.1:0\"\n{more}"
        );
        workspace.write("figureground.toml", text);
    };
    config("1000", "");
    let mut command = workspace.command();
    command.args(["run", "--config", "figureground.toml"]);
    let mut live = Live::of(command);
    let mut seen = live.verdicts(4);
    assert!(seen.iter().all(|line| line["verdict"] != "flag"));
    // Another threshold, other labels, and a log that was moved away.
    workspace.write("labels.txt", "falling\nclimbing\n");
    config("-1000", "labels = \"labels.txt\"\n");
    std::fs::rename(workspace.path("verdicts.jsonl"), workspace.path("moved.jsonl")).unwrap();
    live.signal("HUP");
    live.wait_for("the configuration was reloaded");
    until("other labels", || {
        seen.extend(live.verdicts(1));
        ["falling", "climbing"].contains(&seen.last().unwrap()["label"].as_str().unwrap())
    });
    seen.extend(live.verdicts(2));
    let last = seen.last().unwrap();
    assert!(last["verdict"] == "flag" || last["verdict"] == "abstain", "{last}");
    assert!(workspace.path("verdicts.jsonl").exists());
    // An invalid configuration changes nothing.
    config("-1000", "labels = \"absent.txt\"\n");
    live.signal("HUP");
    live.wait_for("the configuration was not reloaded");
    // Changes that need a restart are named.
    config("-1000", "labels = \"labels.txt\"\nfps = 3\nstall = 7\n");
    live.signal("HUP");
    live.wait_for("restart to apply the other changes: fps, stall-timeout");
    seen.extend(live.verdicts(3));
    // Each window ends one stride after the one before it.
    assert!(seen.windows(2).all(|two| end_of(&two[1]) == end_of(&two[0]) + 250_000), "{seen:#?}");
    let metrics = live.address("metrics");
    assert!(ask(metrics, "GET /metrics", &[], "").body.contains("figureground_frames_dropped_total 0"));
    live.terminated();
}

#[test]
fn without_a_configuration_sighup_ends_the_program() {
    let workspace = Workspace::new();
    let mut live = Live::start(&workspace, &[]);
    live.verdicts(1);
    live.signal("HUP");
    assert_eq!(live.ended(), Some(129), "{}", live.stderr());
}

#[test]
#[cfg(target_os = "linux")]
fn a_service_manager_is_notified() {
    use std::os::unix::net::UnixDatagram;
    let workspace = Workspace::new();
    let path = workspace.path("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let receive = |state: &str| {
        let mut bytes = [0; 512];
        loop {
            let count = manager.recv(&mut bytes).unwrap();
            let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
            if text.lines().any(|line| line == state) {
                return;
            }
        }
    };
    workspace.write("figureground.toml", "sources = [\"-\"]\n");
    let mut command = workspace.run_command();
    command.args(["--config", "figureground.toml", "--window", "1", "--stall", "0.2", "--backend", "cpu"]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "600000");
    let mut live = Live::of(command);
    receive("READY=1");
    live.verdicts(1);
    receive("WATCHDOG=1");
    receive("WATCHDOG=1");
    live.signal("HUP");
    receive("RELOADING=1");
    receive("READY=1");
    live.signal("TERM");
    receive("STOPPING=1");
    assert_eq!(live.ended(), Some(143));
}
