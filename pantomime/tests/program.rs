//! Runs the program and checks the files that it writes.
#![cfg(feature = "cli")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn pantomime(arguments: &[&str], directory: &Path) -> Output {
    let program = env!("CARGO_BIN_EXE_pantomime");
    Command::new(program).args(arguments).arg("--quiet").current_dir(directory).output().unwrap()
}

fn files(directory: &Path) -> usize {
    fs::read_dir(directory).unwrap().count()
}

#[test]
fn two_clips_become_pictures_masks_backgrounds_boxes_and_tables() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--clips", "2", "--format", "frames", "--size", "48x48", "--seed", "1", "--out", "set"];
    let output = pantomime(&arguments, folder.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.is_empty());
    let set = folder.path().join("set");
    let table = fs::read_to_string(set.join("pantomime.csv")).unwrap();
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0], ["label", "youtube_id", "time_start", "time_end", "split", "is_cc"]);
    assert_eq!(rows.len(), 3);
    for row in &rows[1..] {
        let (start, end): (u32, u32) = (row[2].parse().unwrap(), row[3].parse().unwrap());
        assert_eq!((row.len(), row[4], row[1].len()), (6, "test", 11));
        let clip = format!("{}_{start:06}_{end:06}", row[1]);
        let count = files(&set.join("ori").join(row[0]).join(&clip));
        assert!((24..=40).contains(&count));
        for kind in ["seg", "inp"] {
            assert_eq!(files(&set.join(kind).join(row[0]).join(&clip)), count);
        }
        assert!(set.join("ori").join(row[0]).join(&clip).join("000001.png").is_file());
        let boxes = fs::read_to_string(set.join("obj").join(row[0]).join(&clip).join("boxes.json")).unwrap();
        assert!(boxes.starts_with("{\"person\":[["), "{boxes}");
    }
    let strata = fs::read_to_string(set.join("pantomime_strata.csv")).unwrap();
    assert!(strata.lines().all(|line| line.split(',').count() == 13), "{strata}");
    assert_eq!(files(folder.path()), 1, "no temporary folder stays beside the set");
}

#[test]
fn masks_are_black_and_white_pictures_of_the_right_size() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--clips", "1", "--format", "frames", "--size", "64x48", "--out", "set"];
    assert!(pantomime(&arguments, folder.path()).status.success());
    let mut path = folder.path().join("set/seg");
    while path.is_dir() {
        path = fs::read_dir(path).unwrap().next().unwrap().unwrap().path();
    }
    let mut reader = png::Decoder::new(std::io::BufReader::new(fs::File::open(path).unwrap())).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    assert_eq!((reader.info().width, reader.info().height, pixels.len()), (64, 48, 64 * 48));
    assert!(pixels.iter().all(|&pixel| pixel == 0 || pixel == 255) && pixels.contains(&255));
}

#[test]
fn a_folder_that_is_not_empty_is_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("note"), "mine").unwrap();
    let output = pantomime(&["--clips", "1", "--format", "frames", "--out", "."], folder.path());
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("not empty") && message.contains("--out"), "{message}");
    assert_eq!(files(folder.path()), 1);
}

#[test]
fn a_sheet_is_one_picture() {
    let folder = tempfile::tempdir().unwrap();
    let output =
        pantomime(&["--clips", "2", "--context", "object", "--size", "32x32", "--sheet", "s.png"], folder.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(folder.path().join("s.png").is_file());
}

#[test]
fn numbers_out_of_range_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [["--rho", "1.5"], ["--size", "7x7"], ["--clips", "0"]] {
        let output = pantomime(&[&["--out", "x"], &arguments[..]].concat(), folder.path());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}
