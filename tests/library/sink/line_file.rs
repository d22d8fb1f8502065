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

#[test]
fn lines_are_rotated_by_size_and_the_oldest_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("verdicts.jsonl");
    let mut file = open(&path, 10, 2);
    (0..8).for_each(|n| file.write(&format!("line{n}")));
    drop(file);
    let numbered = |n: u32| folder.path().join(format!("verdicts.jsonl.{n}"));
    assert_eq!([read(&path), read(&numbered(1)), read(&numbered(2))], ["line7\n", "line6\n", "line5\n"]);
    assert!(!numbered(3).exists());
    // It is appended to, and a line longer than the limit gets its own file.
    let mut file = open(&path, 20, 2);
    file.write("line8");
    file.write(&"x".repeat(50));
    assert_eq!((read(&path).len(), read(&numbered(1))), (51, "line7\nline8\n".to_owned()));
    assert_eq!(file.counts(), DeliveryCounts { sent: 2, lost: 0, waiting: 0 });
}

#[test]
fn a_file_that_was_moved_is_created_again_and_no_older_one_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("verdicts.jsonl");
    for keep in [0, 2] {
        let mut file = open(&path, 10, keep);
        ["line1", "line2"].iter().for_each(|line| file.write(line));
        std::fs::remove_file(&path).unwrap();
        ["line3", "line4"].iter().for_each(|line| file.write(line));
        assert_eq!(
            (file.counts(), read(&path)),
            (DeliveryCounts { sent: 4, lost: 0, waiting: 0 }, "line4\n".to_owned())
        );
    }
    assert_eq!(read(&folder.path().join("verdicts.jsonl.1")), "line3\n");
    assert_eq!(read(&folder.path().join("verdicts.jsonl.2")), "line1\n");
}

#[test]
fn an_incomplete_last_line_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("verdicts.jsonl");
    for (before, after) in [("a\nb\nhal", "a\nb\nc\n"), ("half", "c\n"), ("", "c\n"), ("a\n", "a\nc\n")] {
        std::fs::write(&path, before).unwrap();
        open(&path, 1000, 0).write("c");
        assert_eq!(read(&path), after);
    }
    std::fs::write(&path, format!("a\n{}", "x".repeat(9000))).unwrap();
    open(&path, 1000, 0).write("c");
    assert_eq!(read(&path), "a\nc\n");
}

#[test]
fn a_file_that_cannot_be_created_is_an_error_with_its_path() {
    let settings = LineFileSettings { path: "/no/such/folder/lines".into(), max_bytes: 10, keep: 0 };
    assert!(LineFile::open(settings).unwrap_err().to_string().contains("/no/such"));
}
