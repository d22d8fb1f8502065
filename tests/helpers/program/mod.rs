//! Runs of the program in a temporary folder, with its own cache and a small imported bundle.

pub mod live;
pub mod recompute;

pub use crate::fixture;

use serde_json::Value;
use std::collections::BTreeSet;
use std::env::consts::EXE_EXTENSION;
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use tempfile::TempDir;

/// The schema of verdict lines.
static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = serde_json::from_str(include_str!("../../../schemas/verdict.schema.json")).unwrap();
    jsonschema::draft202012::options().build(&schema).unwrap()
});

/// The program, which cargo puts beside the tests' folder.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let test = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join("figureground").with_extension(EXE_EXTENSION);
    let changed = |path: &Path| path.metadata().and_then(|data| data.modified()).ok();
    let built = changed(&program);
    let next = "run `cargo test --workspace`, or `cargo build --workspace --bins` first";
    assert!(built.is_some(), "no program {}: {next}", program.display());
    // Cargo lists the sources of the program in a makefile beside it.
    let makefile = std::fs::read_to_string(program.with_extension("d")).unwrap_or_default();
    let sources = makefile.split_once(": ").map_or("", |(_, sources)| sources).replace("\\ ", "\0");
    for source in sources.split_whitespace().map(|source| PathBuf::from(source.replace('\0', " "))) {
        let is_older = changed(&source) > built;
        assert!(!is_older, "{} is older than {}: {next}", program.display(), source.display());
    }
    program
});

/// The bundle shared by all running tests, removed with the last of them.
static BUNDLE: Mutex<Weak<TempDir>> = Mutex::new(Weak::new());

/// Returns the path of the demo clip.
pub fn demo() -> PathBuf {
    fixture("demo/waving.gif")
}

/// Returns the arguments that import `clip` with the demo's segmenter and the label file `labels`.
pub fn import_arguments(clip: &Path, labels: &Path, out: &Path) -> Vec<PathBuf> {
    let flag = |flag: &str| PathBuf::from(flag);
    vec![
        flag("import"),
        flag("--clip"),
        clip.to_owned(),
        flag("--segmenter"),
        fixture("demo/segmenter.toml"),
        flag("--segmenter-model"),
        fixture("demo/segmenter.onnx"),
        flag("--labels"),
        labels.to_owned(),
        flag("--out"),
        out.to_owned(),
    ]
}

/// The working folder and cache of one test, and the shared bundle.
pub struct Workspace {
    folder: TempDir,
    cache: TempDir,
    bundle: Arc<TempDir>,
}

impl Default for Workspace {
    fn default() -> Self {
        Self::new()
    }
}

impl Workspace {
    pub fn new() -> Self {
        let cache = tempfile::tempdir().unwrap();
        let mut shared = BUNDLE.lock().unwrap_or_else(PoisonError::into_inner);
        let bundle = shared.upgrade().unwrap_or_else(|| {
            let home = Arc::new(tempfile::tempdir().unwrap());
            let arguments =
                import_arguments(&fixture("clip/hf"), &fixture("demo/labels.txt"), &home.path().join("bundle"));
            Ended::of(command(cache.path()).args(arguments).output().unwrap()).succeeded();
            home
        });
        *shared = Arc::downgrade(&bundle);
        Self { folder: tempfile::tempdir().unwrap(), cache, bundle }
    }

    /// Returns the path of the shared bundle, which must not be changed.
    pub fn bundle(&self) -> PathBuf {
        self.bundle.path().join("bundle")
    }

    /// Copies the shared bundle to the working folder.
    pub fn own_bundle(&self, name: &str) -> PathBuf {
        let copy = self.path(name);
        std::fs::create_dir(&copy).unwrap();
        for entry in self.bundle().read_dir().unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
        }
        copy
    }

    /// Returns a path in the working folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the cache directory.
    pub fn cache(&self) -> &Path {
        self.cache.path()
    }

    /// Writes a file in the working folder.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Returns all paths in the working folder.
    pub fn files(&self) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in folder.read_dir().unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                }
                found.insert(entry.path());
            }
        }
        found
    }

    /// Returns a command of the program in the working folder, without stdin.
    pub fn command(&self) -> Command {
        let mut command = command(self.cache.path());
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Runs `figureground` with `arguments`.
    pub fn figureground(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Ended {
        Ended::of(self.command().args(arguments).output().unwrap())
    }

    /// Runs `figureground run` with the shared bundle and `arguments`.
    pub fn run(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Ended {
        Ended::of(self.run_command().args(arguments).output().unwrap())
    }

    /// Returns a command of `figureground run` with the shared bundle.
    pub fn run_command(&self) -> Command {
        let mut command = self.command();
        command.arg("run").arg("--bundle").arg(self.bundle());
        command
    }

    /// Runs `figureground run` with the shared bundle and `arguments`, with `input` on stdin.
    pub fn run_with_stdin(&self, input: &[u8], arguments: &[&str]) -> Ended {
        let mut command = self.run_command();
        let mut child = command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        std::thread::scope(|scope| {
            // The program may exit before it has read everything.
            scope.spawn(move || drop(stdin.write_all(input)));
            Ended::of(child.wait_with_output().unwrap())
        })
    }

    /// Runs `figureground` with `arguments`, which must fail as in [`Ended::refused`] and leave no new file.
    pub fn refuses(
        &self,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        stage: &str,
        words: &[&str],
    ) -> Ended {
        let before = self.files();
        let ended = self.figureground(arguments).refused(stage, words);
        assert_eq!(self.files(), before, "files were left behind");
        ended
    }

    /// Runs `figureground run` with the shared bundle and `source`, which must fail as in [`Workspace::refuses`].
    pub fn refuses_source(&self, source: &Path, stage: &str, words: &[&str]) -> Ended {
        self.refuses([OsStr::new("run"), OsStr::new("--bundle"), self.bundle().as_ref(), source.as_ref()], stage, words)
    }
}

fn command(cache: &Path) -> Command {
    let mut command = Command::new(&*PROGRAM);
    command.env("FIGUREGROUND_CACHE", cache).env_remove("RUST_LOG").env_remove("FIGUREGROUND_TOKEN");
    command
}

/// Returns whether ffmpeg is installed; reports that the test of `what` is skipped otherwise.
pub fn has_ffmpeg(what: &str) -> bool {
    let is_installed =
        Command::new("ffmpeg").arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !is_installed {
        skipped(what, "there is no ffmpeg; install it with: apt-get install ffmpeg");
    }
    is_installed
}

/// Prints that `what` is not tested and why, bypassing the test runner, which hides the output of passed tests.
pub fn skipped(what: &str, why: &str) {
    std::io::stderr().write_all(format!("SKIPPED: {what}: {why}\n").as_bytes()).unwrap();
}

/// Runs `ffmpeg` with `arguments` and returns its stdout.
pub fn ffmpeg(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Vec<u8> {
    let output = Command::new("ffmpeg").args(["-nostdin", "-v", "error", "-y"]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A seeded random generator (SplitMix64).
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    /// Returns a number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % end.max(1) as u64) as usize
    }

    /// Returns `count` random bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.below(256) as u8).collect()
    }
}

/// Sends ctrl-C to `child`.
pub fn interrupt(child: &Child) {
    signal(child, "INT");
}

/// Sends a signal, such as `TERM`, to `child`.
pub fn signal(child: &Child, signal: &str) {
    let kill = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
}

/// The result of a run.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    pub fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let ended = Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
        assert!(!ended.stderr.contains("panicked"), "{ended:#?}");
        ended
    }

    /// Checks for exit code 0 and only warnings and notes on stderr.
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        assert_eq!(self.errors(), Vec::<&str>::new(), "{self:#?}");
        self
    }

    /// Checks for exit code 2 and one error on stderr: stage, expected, got, next step, and all `words`.
    pub fn refused(self, stage: &str, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(2), "{self:#?}");
        let errors = self.errors();
        let [sentence] = errors[..] else { panic!("not one sentence: {self:#?}") };
        let rest = sentence.strip_prefix(&format!("figureground: {stage}: expected "));
        let rest = rest.unwrap_or_else(|| panic!("not of the stage {stage:?}: {sentence}"));
        let (_, rest) = rest.split_once(", got ").unwrap_or_else(|| panic!("nothing got: {sentence}"));
        let (_, next) = rest.split_once("; ").unwrap_or_else(|| panic!("no next step: {sentence}"));
        assert!(!next.trim().is_empty(), "no next step: {sentence}");
        words.iter().for_each(|word| assert!(sentence.contains(word), "{word:?} is missing: {sentence}"));
        assert!(!sentence.contains(".figureground-import-"), "names a file that is gone: {sentence}");
        self
    }

    /// Returns the lines on stderr that are neither warnings nor notes.
    pub fn errors(&self) -> Vec<&str> {
        self.stderr.lines().filter(|line| !line.starts_with("[WARN ]") && !line.starts_with("[INFO ]")).collect()
    }

    /// Returns the verdict lines, each checked as by [`verdict`].
    pub fn verdicts(&self) -> Vec<Value> {
        assert!(self.stdout.is_empty() || self.stdout.ends_with('\n'), "a cut line: {self:#?}");
        self.stdout.lines().map(verdict).collect()
    }

    /// Returns the only verdict line, checked as by [`verdict`].
    pub fn verdict(&self) -> Value {
        let mut verdicts = self.verdicts();
        assert_eq!(verdicts.len(), 1, "{self:#?}");
        verdicts.remove(0)
    }
}

/// Parses the verdict in `line`, and checks it against the schema alone.
pub fn valid_line(line: &str) -> Value {
    let verdict: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let problems: Vec<String> = SCHEMA.iter_errors(&verdict).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(problems.is_empty(), "{problems:#?} in {line}");
    verdict
}

/// Parses the verdict in `line`, and checks it against the schema and further conditions.
pub fn verdict(line: &str) -> Value {
    let verdict = valid_line(line);
    assert_eq!(verdict["label"], verdict["full"][0]["label"], "{line}");
    assert!(verdict["time_us"][0].as_u64() <= verdict["time_us"][1].as_u64(), "{line}");
    assert!(verdict["frames"].as_array().unwrap().is_sorted_by_key(|frame| frame.as_u64()), "{line}");
    for (view, key) in [("full", "full"), ("person", "person_view"), ("background", "background_view")] {
        let top = verdict[key].as_array().unwrap();
        assert!(top.is_sorted_by(|a, b| a["p"].as_f64() >= b["p"].as_f64()), "{line}");
        let of_label = top.iter().find(|class| class["label"] == verdict["label"]);
        of_label.iter().for_each(|class| assert!(near(&class["p"], &verdict["p"][view], 1e-6), "{line}"));
    }
    recompute::check(&verdict);
    verdict
}

/// Returns whether two numbers differ by at most `tolerance`.
pub fn near(a: &Value, b: &Value, tolerance: f64) -> bool {
    (a.as_f64().unwrap() - b.as_f64().unwrap()).abs() <= tolerance
}

/// Checks that label, verdict and frames are equal, and probabilities within `tolerance`.
pub fn assert_agree(a: &Value, b: &Value, tolerance: f64) {
    for field in ["label", "verdict", "reason", "frames"] {
        assert_eq!(a[field], b[field], "{field} of\n{a}\n{b}");
    }
    for view in ["full", "person", "background"] {
        assert!(near(&a["p"][view], &b["p"][view], tolerance), "p.{view} of\n{a}\n{b}");
    }
}
