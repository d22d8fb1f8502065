//! Runs the program and checks the files that it writes.
#![cfg(feature = "cli")]

use std::collections::BTreeSet;
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

/// Returns the rows of a table as a list of columns, without the first row.
fn rows(path: &Path) -> Vec<Vec<String>> {
    let table = fs::read_to_string(path).unwrap();
    table.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn a_grid_has_every_person_in_18_places() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--grid", "2", "--format", "frames", "--size", "32x32", "--seed", "4", "--split", "val"];
    let output = pantomime(&[&arguments[..], &["--out", "set"]].concat(), folder.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let set = folder.path().join("set");
    let (clips, strata) = (rows(&set.join("pantomime.csv")), rows(&set.join("pantomime_strata.csv")));
    let ids: BTreeSet<&str> = clips.iter().map(|row| row[1].as_str()).collect();
    assert_eq!((clips.len(), ids.len(), strata.len()), (36, 36, 36));
    let column = |index: usize| strata.iter().map(|row| row[index].as_str()).collect::<BTreeSet<_>>();
    let [backgrounds, seeds, people, places] = [5, 12, 13, 14].map(column);
    assert_eq!((backgrounds.len(), seeds.len(), people.len(), places.len()), (18, 2, 2, 18));
    for (clip, row) in clips.iter().zip(&strata) {
        assert_eq!((clip[1].len(), &clip[4][..], row.len()), (11, "val", 15));
        assert!(row[0].starts_with(&clip[1]) && clip[1].ends_with(&format!("{}{}", row[13], row[14])), "{row:?}");
        let of_person = |other: &&Vec<String>| other[13] == row[13] && other[12] == row[12];
        assert_eq!(strata.iter().filter(of_person).count(), 18, "a person has one seed");
        assert!(set.join("ori").join(&clip[0]).join(&row[0]).join("000001.png").is_file());
    }
}

#[test]
fn a_grid_refuses_the_options_of_clips() {
    let folder = tempfile::tempdir().unwrap();
    for option in [["--clips", "2"], ["--context", "in"], ["--part", "base"], ["--rho", "0.5"], ["--people", "2"]] {
        let output = pantomime(&[&["--grid", "2", "--out", "set"], &option[..]].concat(), folder.path());
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2));
        assert!(message.contains("--grid") && message.contains(option[0]), "{message}");
    }
    assert_eq!(files(folder.path()), 0);
}

/// Reads a picture with a palette.
fn indices(path: &Path) -> Vec<u8> {
    let mut decoder = png::Decoder::new(std::io::BufReader::new(fs::File::open(path).unwrap()));
    decoder.set_transformations(png::Transformations::IDENTITY);
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    pixels
}

#[test]
fn crowds_become_indexed_pictures_boxes_and_a_table_of_people() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--clips", "4", "--people", "2:3", "--format", "frames", "--size", "48x48", "--seed", "1"];
    let output = pantomime(&[&arguments[..], &["--out", "set"]].concat(), folder.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let set = folder.path().join("set");
    let (clips, strata) = (rows(&set.join("pantomime.csv")), rows(&set.join("pantomime_strata.csv")));
    let people = rows(&set.join("pantomime_people.csv"));
    for (clip, row) in clips.iter().zip(&strata) {
        let rows: Vec<_> = people.iter().filter(|person| person[0] == row[0]).collect();
        assert!((2..=3).contains(&rows.len()) && row[13] == rows.len().to_string());
        assert_eq!((rows[0][2].as_str(), rows[0][3].as_str()), (clip[0].as_str(), row[12].as_str()));
        assert!(rows.iter().zip(1..).all(|(person, index)| person[1] == index.to_string()));
        assert!(rows.iter().all(|person| person[2] != row[5]), "out of context, nobody is at home");
        let [masks, union] = ["people", "seg"].map(|kind| set.join(kind).join(&clip[0]).join(&row[0]));
        let frames: usize = row[11].parse().unwrap();
        assert_eq!((files(&masks), files(&union)), (frames + 1, frames));
        for frame in [1, frames] {
            let name = format!("{frame:06}.png");
            let (masks, union) = (indices(&masks.join(&name)), indices(&union.join(&name)));
            assert!(masks.iter().zip(&union).all(|(index, union)| (*index > 0) == (*union > 0)));
            assert!(masks.iter().all(|index| usize::from(*index) <= rows.len()));
        }
        let json = fs::read_to_string(masks.join("people.json")).unwrap();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["people"].as_array().unwrap().len(), rows.len());
        let first = indices(&masks.join("000001.png"));
        for (person, row) in json["people"].as_array().unwrap().iter().zip(rows) {
            assert_eq!((person["id"].to_string(), person["class"].as_str()), (row[1].clone(), Some(row[2].as_str())));
            assert_eq!(person["boxes"].as_array().unwrap().len(), frames);
            let of_person = first.iter().filter(|index| **index == person["id"]).count();
            assert_eq!(of_person == 0, person["boxes"][0].is_null(), "a hidden person has no box");
        }
    }
    assert_eq!(people.len(), strata.iter().map(|row| row[13].parse::<usize>().unwrap()).sum::<usize>());
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
fn numbers_of_people_out_of_range_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for people in ["0", "6", "3:2", "2:", "1:6", "two"] {
        let output = pantomime(&["--clips", "1", "--out", "x", "--people", people], folder.path());
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{people}");
        assert!(message.contains("--people") && message.contains("expected"), "{message}");
    }
}

#[test]
fn numbers_out_of_range_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [["--rho", "1.5"], ["--size", "7x7"], ["--clips", "0"], ["--grid", "0"], ["--grid", "10001"]] {
        let output = pantomime(&[&["--out", "x"], &arguments[..]].concat(), folder.path());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}
