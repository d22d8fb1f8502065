//! What long commands write to stderr.

use figureground_tests::fixture;
use figureground_tests::program::{Ended, Workspace, demo, import_arguments};
use std::path::{Path, PathBuf};

/// Writes a data set of a class with `count` clips.
fn data_set(workspace: &Workspace, count: usize) -> PathBuf {
    let bytes = std::fs::read(demo()).unwrap();
    for index in 0..count {
        workspace.write(&format!("set/waving/{index}.gif"), &bytes);
    }
    workspace.path("set")
}

/// Returns the arguments of `command` over the data set.
fn over(workspace: &Workspace, command: &str, root: &Path, more: &[&str]) -> Vec<String> {
    let mut all = vec![command.to_owned(), root.display().to_string()];
    all.extend(["--format", "folder", "--bundle"].map(String::from));
    all.push(workspace.bundle().display().to_string());
    all.extend(more.iter().map(|&argument| argument.to_owned()));
    all
}

fn run(workspace: &Workspace, seconds: &str, arguments: &[String]) -> Ended {
    let mut command = workspace.command();
    command.env("FIGUREGROUND_PROGRESS_SECONDS", seconds).args(arguments);
    Ended::of(command.output().unwrap()).succeeded()
}

#[test]
fn a_long_command_says_in_a_log_what_it_does_and_how_far_it_is() {
    let workspace = Workspace::new();
    let root = data_set(&workspace, 30);
    let validate = |out: &str, more: &[&str]| {
        over(&workspace, "validate", &root, &[&["--backend", "cpu", "--out", out], more].concat())
    };
    let often = run(&workspace, "0.01", &validate("often", &["--jobs", "2"])).stderr;
    let first = often.lines().next().unwrap();
    assert!(first.starts_with("[INFO ] validating 30 clips of set"), "{often}");
    let is_progress = |line: &&str| line.contains("records ") && line.contains(" of 30 after ");
    assert!(often.lines().filter(is_progress).count() >= 2, "{often}");
    assert!(often.lines().all(|line| line.starts_with("[INFO ]")), "no warning on success: {often}");

    // 30 s have not passed: the start and the result.
    let seldom = run(&workspace, "30", &validate("seldom", &[])).stderr;
    assert_eq!(seldom.lines().filter(|line| line.contains(" after ")).count(), 0, "{seldom}");
    assert!(seldom.lines().count() <= 3, "{seldom}");
    assert_eq!(run(&workspace, "0.01", &validate("quiet", &["--quiet"])).stderr, "");
}

#[test]
fn every_long_command_begins_with_a_line_and_warns_of_nothing() {
    let workspace = Workspace::new();
    let root = data_set(&workspace, 2);
    let labels = fixture("demo/labels.txt");
    let own = workspace.own_bundle("own").display().to_string();
    let import = import_arguments(&fixture("clip/hf"), &labels, &workspace.path("imported"));
    let commands: [(&str, Vec<String>); 4] = [
        ("importing ", import.iter().map(|argument| argument.display().to_string()).collect()),
        ("embedding ", ["labels", "--bundle", &own, "--labels", labels.to_str().unwrap()].map(String::from).into()),
        ("writing human-only ", over(&workspace, "counterfactual", &root, &["--set", "human-only", "--out", "made"])),
        ("measuring 1 runs ", ["bench", "--backend", "cpu", "--runs", "1", "--json"].map(String::from).into()),
    ];
    for (begin, arguments) in commands {
        let stderr = run(&workspace, "30", &arguments).stderr;
        assert!(stderr.starts_with(&format!("[INFO ] {begin}")), "{arguments:?}: {stderr}");
        assert!(!stderr.contains("[WARN ]"), "{arguments:?}: {stderr}");
    }
}
