//! Where frames come from: pictures, folders, animations, Y4M, video through ffmpeg, cameras.
//!
//! Everything stands behind [`Source`], which lends one frame at a time. [`expand`] turns what the user typed into one
//! argument a source, [`open`] turns each of those into a source.

mod animation;
pub mod camera;
mod images;
mod jpeg;
mod masked;
mod picture;
mod queue;
mod reconnect;
mod recorded;
mod selection;
mod span;
mod video;
mod y4m;

pub use masked::{MaskFolders, MaskedSource};
pub use reconnect::{ArrivalTime, ReconnectingSource, SourceOpener};
pub use recorded::RecordedSource;
pub use span::FrameRange;

use crate::error::{Error, Result, Stage};
use crate::frame::Frame;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::{Duration, Instant};

/// Frames in capture order, lent one at a time. All frames of a source have one size.
///
/// A cut or damaged source is an error only after its last whole frame, so that nothing readable is lost.
pub trait Source {
    /// What the user called it: the `source` field of verdict lines.
    fn name(&self) -> &str;

    /// Whether it goes on until stopped, as cameras and network streams do: windows slide by default then.
    fn is_live(&self) -> bool;

    /// The next frame, borrowed until the next call; `None` at a clean end, and ever after.
    ///
    /// # Errors
    /// When the source is cut, damaged, stalls, or changes its size, each after the last whole frame.
    fn next_frame(&mut self) -> Result<Option<Frame<'_>>>;

    /// The number of whole frames; the source then starts over at its first frame. Damage after them is left for
    /// [`Source::next_frame`] to report.
    ///
    /// # Errors
    /// When the source is live, holds no whole frame, or cannot be read twice.
    fn count(&mut self) -> Result<u64>;

    /// Starts over and from then on lends only the frames with these `indices`, which ascend and are distinct.
    ///
    /// # Errors
    /// When the source is live, cannot be read twice, or the indices do not ascend.
    fn select(&mut self, indices: &[u64]) -> Result<()>;

    /// When the frame lent last arrived in this program, where a thread captures beside the one that asks: it may have waited.
    fn arrived(&self) -> Option<Instant> {
        None
    }

    /// What was lost on the way so far.
    fn health(&self) -> SourceHealth {
        SourceHealth::default()
    }
}

/// What a live source has lost since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct SourceHealth {
    /// Frames that came while older ones were still worked on, and were passed over or could not be read.
    pub dropped: u64,
    /// How often it was gone and came back.
    pub reconnects: u64,
}

/// What sources need to know besides their name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SourceOptions {
    /// Frames a second of a folder of pictures.
    pub fps: f64,
    /// The largest number of bytes of a pipe that may be spooled to a temporary file.
    pub spool_limit: u64,
    /// How long a stream or camera may be silent before it counts as stalled.
    pub stall: Duration,
    /// Width and height that a camera is asked for; the nearest that it offers is taken.
    pub camera_size: [u32; 2],
    /// Frames a second that a camera is asked for.
    pub camera_fps: u32,
    /// How a camera has to send its pixels; as costs least of what it offers where nothing is said.
    pub camera_format: Option<camera::PixelFormat>,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self {
            fps: 25.0,
            spool_limit: 2 << 30,
            stall: Duration::from_secs(10),
            camera_size: [640, 480],
            camera_fps: 30,
            camera_format: None,
        }
    }
}

/// One argument a source: globs become the paths they match, in natural order, and everything else stays as it is. An
/// existing path is a path, whatever characters it holds.
///
/// # Errors
/// When a glob is malformed, matches nothing, or meets a folder that cannot be read.
pub fn expand(arguments: &[OsString]) -> Result<Vec<OsString>> {
    let mut sources = Vec::with_capacity(arguments.len());
    for argument in arguments {
        match glob_pattern(argument) {
            Some(pattern) => sources.extend(matches(pattern)?),
            None => sources.push(argument.clone()),
        }
    }
    Ok(sources)
}

/// Opens `spec`: a picture, a folder of pictures, an animated GIF or WebP, a `.y4m` file, `-` for Y4M on stdin,
/// `camera:N`, or any video file or URL that ffmpeg opens. In a URL, `${NAME}` is taken from the environment.
///
/// # Errors
/// When there is no such source or variable, it is empty, or it is of no kind that can be opened.
pub fn open(spec: &OsStr, options: &SourceOptions) -> Result<Box<dyn Source>> {
    let name = spec.to_string_lossy().into_owned();
    let path = Path::new(spec);
    if name == "-" {
        return Ok(Box::new(y4m::Y4m::from_pipe(name, Box::new(std::io::stdin()), options)));
    }
    if !path.exists() {
        if let Some(index) = name.strip_prefix("camera:") {
            return camera::open(name.clone(), index, options);
        }
        if video::is_url(&name) {
            return Ok(Box::new(video::Video::from_url(&name, options)?));
        }
    }
    open_path(name, path, options)
}

/// `spec` as it may be shown: without the password of a URL.
pub fn shown(spec: &OsStr) -> String {
    video::without_password(&spec.to_string_lossy())
}

/// What opens `spec`, and opens it again when it was lost. A camera may have another number by then: it is known by its name.
pub fn opener(spec: OsString, options: SourceOptions) -> SourceOpener {
    let name = spec.to_string_lossy().into_owned();
    match name.strip_prefix("camera:") {
        Some(index) if !Path::new(&spec).exists() => {
            let (mut known, index) = (None, index.to_owned());
            Box::new(move || camera::reopen(name.clone(), &index, &mut known, &options))
        }
        _ => Box::new(move || open(&spec, &options)),
    }
}

/// Y4M from any reader, called `name`.
pub fn y4m(name: &str, bytes: Box<dyn std::io::Read>) -> Box<dyn Source> {
    Box::new(y4m::Y4m::from_pipe(name.to_owned(), bytes, &SourceOptions::default()))
}

/// The demo clip inside the program, drawn by `pantomime`: somebody acts where another action is at home.
///
/// # Errors
/// When the clip cannot be decoded.
#[cfg(feature = "built-in")]
pub fn demo() -> Result<Box<dyn Source>> {
    const CLIP: &[u8] = include_bytes!("../../models/demo/out-of-context.gif");
    Ok(Box::new(animation::Animation::from_gif("demo".to_owned(), CLIP)?))
}

fn open_path(name: String, path: &Path, options: &SourceOptions) -> Result<Box<dyn Source>> {
    let metadata = path.metadata().map_err(|error| cannot_open(&name, error))?;
    if metadata.is_dir() {
        return Ok(Box::new(images::Images::from_folder(name, path, options)?));
    }
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    if extension == "y4m" {
        return Ok(Box::new(y4m::Y4m::from_path(name, path, options)?));
    }
    if !metadata.is_file() {
        return Err(Error::new(
            Stage::Source,
            "a file, a folder, - or camera:N",
            format_args!("{name}, which is a pipe or device"),
            "pipe it to stdin as Y4M and pass -, or pass camera:N",
        ));
    }
    if metadata.len() == 0 {
        return Err(cannot_open(&name, "an empty file"));
    }
    if animation::is_animated(&extension, path) {
        return Ok(Box::new(animation::Animation::open(name, path)?));
    }
    if images::is_picture(&extension) {
        return Ok(Box::new(images::Images::from_picture(name, path)?));
    }
    Ok(Box::new(video::Video::from_path(name, path)))
}

fn cannot_open(name: &str, reason: impl core::fmt::Display) -> Error {
    Error::new(
        Stage::Source,
        "a readable picture, folder, video, URL, camera:N or -",
        format_args!("{name}: {reason}"),
        "check the path and its permissions",
    )
}

fn live(name: &str) -> Error {
    Error::new(
        Stage::Source,
        "a source that ends",
        format_args!("{name}, which goes on until stopped"),
        "score it in sliding windows: --window SECONDS --stride SECONDS",
    )
}

/// The pattern an argument is, if it is one at all.
fn glob_pattern(argument: &OsStr) -> Option<&str> {
    let text = argument.to_str()?;
    let is_pattern = text.contains(['*', '?', '[']) && !video::is_url(text) && !Path::new(argument).exists();
    is_pattern.then_some(text)
}

fn matches(pattern: &str) -> Result<Vec<OsString>> {
    let refuse = |reason: &dyn core::fmt::Display| {
        Error::new(
            Stage::Source,
            "a glob that matches readable files",
            format_args!("{pattern}: {reason}"),
            "list what is there with ls, and quote the pattern",
        )
    };
    let options = glob::MatchOptions { require_literal_leading_dot: true, ..glob::MatchOptions::new() };
    let mut paths = Vec::new();
    for path in glob::glob_with(pattern, options).map_err(|error| refuse(&error))? {
        paths.push(path.map_err(|error| refuse(&error))?.into_os_string());
    }
    if paths.is_empty() {
        return Err(refuse(&"no match"));
    }
    sort_naturally(&mut paths);
    Ok(paths)
}

/// Numbers by their value, the rest by its characters: `2.png` before `10.png`.
fn sort_naturally(paths: &mut [OsString]) {
    paths.sort_by(|a, b| natord::compare(&a.to_string_lossy(), &b.to_string_lossy()).then_with(|| a.cmp(b)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        names.iter().for_each(|name| std::fs::write(folder.path().join(name), b"x").unwrap());
        folder
    }

    fn expand_in(folder: &tempfile::TempDir, pattern: &str) -> Result<Vec<OsString>> {
        let sources = expand(&[folder.path().join(pattern).into_os_string()])?;
        Ok(sources.iter().map(|path| Path::new(path).file_name().unwrap().to_owned()).collect())
    }

    fn refusal(spec: impl AsRef<OsStr>) -> String {
        match open(spec.as_ref(), &SourceOptions::default()) {
            Ok(source) => panic!("{} was opened", source.name()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_glob_is_one_source_a_match_in_natural_order() {
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
    fn urls_cameras_and_stdin_are_no_globs() {
        let arguments = ["http://host/live.m3u8?token=[1]", "camera:0", "-"].map(OsString::from);
        assert_eq!(expand(&arguments).unwrap(), arguments);
    }

    #[test]
    fn a_url_is_shown_without_its_password() {
        let cases = [
            ("rtsp://user:pa:s@s@host:554/live?x=a@b", "rtsp://user:***@host:554/live?x=a@b"),
            ("rtsp://user:a/b@host/live", "rtsp://user:***@host/live"),
            ("rtsp://user@host/live", "rtsp://user@host/live"),
            ("http://host/a@b", "http://host/a@b"),
            ("clip@home:1.mp4", "clip@home:1.mp4"),
        ];
        for (spec, expected) in cases {
            assert_eq!(shown(OsStr::new(spec)), expected);
        }
    }

    #[test]
    fn what_is_not_there_or_empty_or_no_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.mp4");
        std::fs::write(&empty, b"").unwrap();
        assert!(refusal(folder.path().join("no.mp4")).starts_with("source: expected a readable"));
        assert!(refusal(&empty).contains("an empty file"));
        if cfg!(unix) {
            assert!(refusal("/dev/null").contains("pipe or device"));
        }
    }
}
