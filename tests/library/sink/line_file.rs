//! Rotated files of verdict lines.

use figureground::sink::DeliveryCounts;
use figureground::sink::line_file::{LineFile, LineFileSettings};
use std::path::Path;

fn open(path: &Path, max_bytes: u64, keep: u32) -> LineFile {
    LineFile::open(LineFileSettings { path: path.to_owned(), max_bytes, keep }).unwrap()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// Returns a line of [`SIZE`] bytes with its line break, begun as verdict lines are.
fn line(name: &str) -> String {
    format!("{{\"schema\":2,\"kind\":\"{name}\"}}")
}

/// Bytes of a line with a name of five letters.
const SIZE: u64 = 28;

/// Returns the names of the lines in the file at `path`.
fn names(path: &Path) -> Vec<String> {
    let name =
        |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["kind"].as_str().unwrap().to_owned();
    read(path).lines().map(name).collect()
}

#[test]
fn lines_are_rotated_by_size_and_the_oldest_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("verdicts.jsonl");
    let mut file = open(&path, SIZE + 10, 2);
    (0..8).for_each(|n| file.write(&line(&format!("line{n}"))));
    drop(file);
    let numbered = |n: u32| folder.path().join(format!("verdicts.jsonl.{n}"));
    assert_eq!([names(&path), names(&numbered(1)), names(&numbered(2))], [["line7"], ["line6"], ["line5"]]);
    assert!(!numbered(3).exists());
    // It is appended to, and a line longer than the limit gets its own file.
    let mut file = open(&path, 2 * SIZE, 2);
    file.write(&line("line8"));
    file.write(&line(&"x".repeat(50)));
    assert_eq!((names(&path), names(&numbered(1))), (vec!["x".repeat(50)], vec!["line7".into(), "line8".into()]));
    assert_eq!(file.counts(), DeliveryCounts { sent: 2, lost: 0, waiting: 0 });
}

#[test]
fn a_file_that_was_moved_is_created_again_and_no_older_one_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("verdicts.jsonl");
    for keep in [0, 2] {
        let mut file = open(&path, SIZE + 10, keep);
        ["line1", "line2"].iter().for_each(|name| file.write(&line(name)));
        std::fs::remove_file(&path).unwrap();
        ["line3", "line4"].iter().for_each(|name| file.write(&line(name)));
        assert_eq!(
            (file.counts(), names(&path)),
            (DeliveryCounts { sent: 4, lost: 0, waiting: 0 }, vec!["line4".into()])
        );
        drop(file);
    }
    assert_eq!(names(&folder.path().join("verdicts.jsonl.1")), ["line3"]);
    assert_eq!(names(&folder.path().join("verdicts.jsonl.2")), ["line1"]);
}

#[test]
fn an_incomplete_last_line_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("verdicts.jsonl");
    let whole = format!("{}\n", line("first"));
    let (partial, long) = (&line("second")[..25], format!("{}{}", &line("second")[..25], "x".repeat(9000)));
    for (before, after) in [
        (format!("{whole}{partial}"), vec!["first", "third"]),
        (format!("{whole}{long}"), vec!["first", "third"]),
        (partial.to_owned(), vec!["third"]),
        (String::new(), vec!["third"]),
        (whole.clone(), vec!["first", "third"]),
        // It only lacks its line break.
        (whole.trim_end().to_owned(), vec!["first", "third"]),
    ] {
        std::fs::write(&path, before).unwrap();
        open(&path, 1000, 0).write(&line("third"));
        assert_eq!(names(&path), after);
    }
}

#[test]
fn a_file_of_something_else_is_refused_and_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.json");
    let settings = LineFileSettings { path: path.clone(), max_bytes: 1000, keep: 2 };
    let refused = |word: &str| {
        let error = LineFile::open(settings.clone()).unwrap_err().to_string();
        assert!(error.contains(word) && error.contains("notes.json"), "{error}");
    };
    for (contents, word) in [
        ("{\"name\": \"a document without a line break at its end\"}", "something else"),
        ("a text\nof two lines", "something else"),
        ("{\"schema\":1,\"label\":\"waving\"}\n", "migrate"),
    ] {
        std::fs::write(&path, contents).unwrap();
        refused(word);
        assert_eq!(read(&path), contents);
    }
    // Rotation would remove it.
    std::fs::remove_file(&path).unwrap();
    let older = folder.path().join("notes.json.2");
    std::fs::write(&older, "a text").unwrap();
    refused("rotation");
    std::fs::remove_file(&older).unwrap();
    // One that came to be there since.
    let mut file = LineFile::open(LineFileSettings { max_bytes: SIZE, ..settings }).unwrap();
    file.write(&line("line1"));
    std::fs::write(&older, "a text").unwrap();
    file.write(&line("line2"));
    assert_eq!((read(&older), names(&path)), ("a text".to_owned(), vec!["line1".to_owned()]));
    assert_eq!(file.counts(), DeliveryCounts { sent: 1, lost: 1, waiting: 0 });
    std::fs::remove_file(&older).unwrap();
    std::fs::rename(&path, folder.path().join("elsewhere")).unwrap();
    std::fs::write(&path, "a text").unwrap();
    file.write(&line("line3"));
    assert_eq!((read(&path), file.counts().lost), ("a text".to_owned(), 2));
}

#[test]
#[cfg(unix)]
fn a_file_is_of_one_program_and_may_be_truncated_by_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("verdicts.jsonl");
    let mut file = open(&path, 100 * SIZE, 2);
    let again = LineFileSettings { path: path.clone(), max_bytes: 1000, keep: 2 };
    let error = LineFile::open(again).unwrap_err().to_string();
    assert!(error.contains("another program"), "{error}");
    (0..9).for_each(|n| file.write(&line(&format!("line{n}"))));
    std::fs::File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    file.write(&line("line9"));
    assert_eq!(names(&path), ["line9"]);
    // The size is that of the file now.
    assert!(!folder.path().join("verdicts.jsonl.1").exists());
    drop(file);
    open(&path, 1000, 2);
}

#[test]
fn a_file_that_cannot_be_created_is_an_error_with_its_path() {
    let settings = LineFileSettings { path: "/no/such/folder/lines".into(), max_bytes: 10, keep: 0 };
    assert!(LineFile::open(settings).unwrap_err().to_string().contains("/no/such"));
}
