//! Sources of frames, and the arguments that name them.

mod animation;
mod frame_range;
mod images;
mod looped;
mod masked;
mod reconnect;
mod video;
mod y4m;

use figureground::Result;
use figureground::source::{Source, SourceOptions, expand, without_secrets};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

fn open(path: impl AsRef<Path>) -> Result<Box<dyn Source>> {
    figureground::source::open(path.as_ref().as_os_str(), &SourceOptions::default())
}

fn error_of(path: impl AsRef<Path>) -> String {
    match open(path) {
        Ok(source) => panic!("{} was opened", source.name()),
        Err(error) => error.to_string(),
    }
}

/// Returns index, time and first byte of all frames that are left.
fn frames(source: &mut dyn Source) -> Vec<(u64, u64, u8)> {
    let mut frames = Vec::new();
    while let Some(frame) = source.next_frame().unwrap() {
        frames.push((frame.index(), frame.time_us(), frame.pixels()[0]));
    }
    frames
}

/// A picture or animation that the script `tests/fixtures/pictures.py` made.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/pictures").join(name)
}

/// Returns size, time and pixels of all frames that are left.
fn pictures(source: &mut dyn Source) -> Vec<([u32; 2], u64, Vec<u8>)> {
    let mut pictures = Vec::new();
    while let Some(frame) = source.next_frame().unwrap() {
        pictures.push(([frame.width(), frame.height()], frame.time_us(), frame.pixels().to_vec()));
    }
    pictures
}

/// Checks the frames of the fixture `name` below each other against its expected picture.
fn assert_expected(name: &str, frames: &[([u32; 2], u64, Vec<u8>)], tolerance: u8) {
    let expected = image::open(fixture(&format!("{name}.expected.png"))).unwrap().into_rgb8();
    let [width, height] = frames[0].0;
    assert_eq!((width, height * frames.len() as u32), expected.dimensions(), "{name}");
    for (i, ((_, _, pixels), expected)) in
        frames.iter().zip(expected.chunks_exact(3 * (width * height) as usize)).enumerate()
    {
        let worst = pixels.iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(worst <= tolerance, "{name}, frame {i}: {worst} levels from Pillow");
    }
}

fn folder_with(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    names.iter().for_each(|name| std::fs::write(folder.path().join(name), b"x").unwrap());
    folder
}

fn expand_in(folder: &tempfile::TempDir, pattern: &str) -> Result<Vec<OsString>> {
    let sources = expand(&[folder.path().join(pattern).into_os_string()])?;
    Ok(sources.iter().map(|path| Path::new(path).file_name().unwrap().to_owned()).collect())
}

#[test]
fn a_glob_expands_to_its_matches_in_natural_order() {
    let folder = folder_with(&["a10.mp4", "a2.mp4", "a1.mp4", "b.txt", ".hidden.mp4"]);
    assert_eq!(expand_in(&folder, "*.mp4").unwrap(), ["a1.mp4", "a2.mp4", "a10.mp4"]);
}

#[test]
fn an_existing_path_with_glob_characters_is_a_path() {
    let folder = folder_with(&["a[1].mp4", "a1.mp4"]);
    assert_eq!(expand_in(&folder, "a[1].mp4").unwrap(), ["a[1].mp4"]);
}

#[test]
fn a_glob_without_a_match_and_a_malformed_glob_are_errors() {
    let folder = folder_with(&[]);
    assert!(expand_in(&folder, "*.mp4").unwrap_err().to_string().contains("no match"));
    assert!(expand_in(&folder, "***").is_err());
}

#[test]
fn a_folder_of_videos_is_its_files_and_a_folder_of_pictures_one_clip() {
    let folder = folder_with(&["b10.MP4", "b2.mov", "notes.txt", ".hidden.mp4"]);
    let expanded = expand(&[folder.path().as_os_str().to_owned()]).unwrap();
    assert_eq!(expanded, ["b2.mov", "b10.MP4"].map(|name| folder.path().join(name).into_os_string()));
    let folder = folder_with(&["1.png", "2.png", "b.mp4"]);
    let given = [folder.path().as_os_str().to_owned()];
    assert_eq!(expand(&given).unwrap(), given);
}

#[test]
fn urls_cameras_and_stdin_are_not_globs() {
    let arguments = ["http://host/live.m3u8?token=[1]", "camera:0", "-"].map(OsString::from);
    assert_eq!(expand(&arguments).unwrap(), arguments);
}

#[test]
fn secrets_are_removed_from_urls() {
    let cases = [
        ("rtsp://user:pa:s@s@host:554/live?x=a@b", "rtsp://***:***@host:554/live?x=***"),
        ("rtsp://user:a/b@host/live", "rtsp://***:***@host/live"),
        ("rtsp://user@host/live", "rtsp://***@host/live"),
        ("http://host/a@b", "http://host/a@b"),
        ("clip@home:1.mp4", "clip@home:1.mp4"),
    ];
    for (spec, expected) in cases {
        assert_eq!(without_secrets(spec.as_ref()), expected);
    }
}

#[test]
fn missing_empty_and_special_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.mp4");
    std::fs::write(&empty, b"").unwrap();
    assert!(error_of(folder.path().join("no.mp4")).starts_with("source: expected a readable"));
    assert!(error_of(&empty).contains("an empty file"));
    if cfg!(unix) {
        assert!(error_of("/dev/null").contains("pipe or device"));
    }
}
