//! Sources of frames: pictures, folders, animations, Y4M, video through ffmpeg, cameras.
//!
//! Every source implements [`Source`], which lends one frame at a time. [`expand`] expands globs to one argument per
//! source, and [`open`] opens each of them.

mod animation;
mod apng;
pub mod camera;
mod canvas;
mod chunks;
mod endings;
mod exif;
mod frame_range;
mod gif;
mod heif;
mod held_frames;
mod images;
mod jpeg;
mod looped;
mod masked;
mod picture;
mod picture_file;
mod prepared;
mod queue;
mod reconnect;
mod recorded;
mod selection;
mod time_range;
mod video;
mod webp;
mod y4m;
mod yuv;

pub use endings::{is_clip, is_picture, is_system_file, is_video, preference};
pub use frame_range::FrameRange;
pub use looped::LoopedSource;
pub use masked::{MaskFolders, MaskedSource};
pub use prepared::PreparedClip;
pub use reconnect::{ArrivalTime, ReconnectingSource, SourceOpener};
pub use recorded::RecordedSource;
pub use time_range::time_range;

use crate::error::{Error, Result, Setting, Stage};
use crate::frame::{Frame, FrameBuffer};
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::{Duration, Instant};

/// Frames in capture order, lent one at a time. They have one size, unless a video or stream changes its own.
///
/// A truncated or damaged source returns an error only after its last whole frame, so that no readable frame is lost.
pub trait Source {
    /// Returns the name that the user gave: the `source` field of verdict lines.
    fn name(&self) -> &str;

    /// Returns whether the source has no end, as cameras and network streams; its windows slide by default.
    fn is_live(&self) -> bool {
        false
    }

    /// Returns the next frame, borrowed until the next call; `None` at a clean end and after it.
    ///
    /// # Errors
    /// Returns an error if the source is truncated or damaged, or stalls.
    fn next_frame(&mut self) -> Result<Option<Frame<'_>>>;

    /// Counts the whole frames and rewinds the source. Damage after them is left for [`Source::next_frame`] to report.
    ///
    /// # Errors
    /// Returns an error if the source is live, holds no whole frame, or cannot be read twice.
    fn count(&mut self) -> Result<u64>;

    /// Rewinds the source and from then on lends only the frames with these `indices`, which are strictly ascending.
    ///
    /// # Errors
    /// Returns an error if the source is live, cannot be read twice, or the indices are not strictly ascending.
    fn select(&mut self, indices: &[u64]) -> Result<()>;

    /// Counts the whole frames, passes their number to `choose`, and selects the frames with the indices that it
    /// returns. Returns the number. It does the same as [`Source::count`] and [`Source::select`]; where a container
    /// lists its frames, a video is decoded once instead of twice. `choose` is asked again if the list proves wrong.
    ///
    /// # Errors
    /// Returns the errors of [`Source::count`] and [`Source::select`].
    fn sample(&mut self, choose: &mut dyn FnMut(u64) -> Vec<u64>) -> Result<u64> {
        let count = self.count()?;
        self.select(&choose(count))?;
        Ok(count)
    }

    /// Returns when the last frame was captured, if another thread captures frames into a queue.
    fn arrived(&self) -> Option<Instant> {
        None
    }

    /// Returns how long decoding took, if frames were decoded before they were asked for.
    fn decoded_in(&self) -> Option<Duration> {
        None
    }

    /// Returns the loss counts so far.
    fn health(&self) -> SourceHealth {
        SourceHealth::default()
    }
}

/// Loss counts of a live source since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct SourceHealth {
    /// Frames dropped because recognition was busy or they could not be decoded.
    pub dropped: u64,
    /// Times the source was lost and restored.
    pub reconnects: u64,
}

/// Whether a source has an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// It has none, as cameras and network streams.
    Live,
    /// It has one, as files.
    Recorded,
}

/// How the pictures of an RTSP stream travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RtspTransport {
    /// In the connection of the commands, which no firewall stops; by UDP where the server refuses it.
    #[default]
    Tcp,
    /// In packets of their own, with less delay.
    Udp,
}

/// Options for opening sources.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SourceOptions {
    /// Whether a URL has an end; `None` asks its scheme, and then what is sent.
    pub liveness: Option<Liveness>,
    /// Whether pixels of videos that are not square are stretched to the shape in which players show them.
    pub stretch: bool,
    /// How the pictures of RTSP streams travel.
    pub rtsp_transport: RtspTransport,
    /// Frames per second of a folder of pictures.
    pub fps: f64,
    /// Maximum number of bytes of a pipe that are spooled to a temporary file.
    pub spool_limit: u64,
    /// Time without a frame after which a stream or camera counts as stalled.
    pub stall: Duration,
    /// Preferred width and height of a camera; it uses the nearest that it supports.
    pub camera_size: [u32; 2],
    /// Preferred frames per second of a camera.
    pub camera_fps: u32,
    /// Pixel format to request from a camera; if `None`, the cheapest to decode.
    pub camera_format: Option<camera::PixelFormat>,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self {
            liveness: None,
            stretch: true,
            rtsp_transport: RtspTransport::default(),
            fps: 25.0,
            spool_limit: 2 << 30,
            stall: Duration::from_secs(10),
            camera_size: [640, 480],
            camera_fps: 30,
            camera_format: None,
        }
    }
}

/// Replaces each glob by the paths that it matches, and each folder of videos by its files, in natural order. An
/// existing path is never a glob.
///
/// # Errors
/// Returns an error if a glob is malformed, matches nothing, or reaches an unreadable folder.
pub fn expand(arguments: &[OsString]) -> Result<Vec<OsString>> {
    let mut sources = Vec::with_capacity(arguments.len());
    for argument in arguments {
        match glob_pattern(argument) {
            Some(pattern) => sources.extend(matches(pattern)?),
            None => match videos_in(Path::new(argument)) {
                Some(videos) => sources.extend(videos),
                None => sources.push(argument.clone()),
            },
        }
    }
    Ok(sources)
}

/// Opens `spec`: a picture, a folder of pictures, an animated GIF, PNG or WebP, a `.y4m` file, `-` for Y4M on
/// stdin, `camera:N` or its device, or any video file or URL that ffmpeg opens. In a URL, `${NAME}` is replaced by that
/// environment variable.
///
/// # Errors
/// Returns an error if the source or variable does not exist, is empty, or is of an unsupported kind.
pub fn open(spec: &OsStr, options: &SourceOptions) -> Result<Box<dyn Source>> {
    let name = without_secrets(spec);
    if name == "-" {
        return Ok(Box::new(y4m::Y4m::from_pipe(name, Box::new(std::io::stdin()), options)));
    }
    if let Some(index) = camera_index(spec) {
        return camera::open(name, &index, options);
    }
    let path = Path::new(spec);
    if let Some(url) = spec.to_str().filter(|text| !path.exists() && video::is_url(text)) {
        return match path_of_url(url) {
            Some(path) => open_path(name, Path::new(&path), options),
            None => Ok(Box::new(video::Video::from_url(url, options)?)),
        };
    }
    match spec.to_str().filter(|_| !path.exists()).and_then(path_of_url) {
        Some(path) => open_path(name, Path::new(&path), options),
        None => open_path(name, path, options),
    }
}

/// Returns whether `spec` is known to be a source without an end, a camera or a stream such as `rtsp://`; opens
/// nothing. Of other URLs only what is sent tells.
pub fn is_live(spec: &OsStr) -> bool {
    let is_live_url = |text: &str| video::is_url(text) && video::is_live_url(text) && !Path::new(spec).exists();
    camera_index(spec).is_some() || spec.to_str().is_some_and(is_live_url)
}

/// Returns whether `spec`, which cannot be opened, may be opened later: a camera that is plugged in.
pub fn may_appear(spec: &OsStr) -> bool {
    cfg!(feature = "camera") && camera_index(spec).is_some()
}

/// Returns `spec` without user, password and the values of the query of a URL.
pub fn without_secrets(spec: &OsStr) -> String {
    let name = spec.to_string_lossy();
    if Path::new(spec).exists() { name.into_owned() } else { video::without_secrets(&name) }
}

/// Returns the version of the ffmpeg that decodes videos; `None` if none is installed.
pub fn ffmpeg_version() -> Option<String> {
    video::version()
}

/// Returns the index of the camera that `spec` names, by `camera:N` or by its device.
fn camera_index(spec: &OsStr) -> Option<String> {
    let path = Path::new(spec);
    if let Some(index) = spec.to_str().and_then(|text| text.strip_prefix("camera:")).filter(|_| !path.exists()) {
        return Some(index.to_owned());
    }
    // Names such as /dev/v4l/by-id/… are links to it.
    let device = path.starts_with("/dev").then(|| path.canonicalize().unwrap_or_else(|_| path.to_owned()))?;
    let index = device.to_str()?.strip_prefix("/dev/video")?;
    index.parse::<u32>().is_ok().then(|| index.to_owned())
}

/// Returns the path of a URL of this machine, `file:PATH` or `file://PATH`, with its escapes decoded.
fn path_of_url(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once(':')?;
    let path = rest.strip_prefix("//localhost").or_else(|| rest.strip_prefix("//")).unwrap_or(rest);
    scheme.eq_ignore_ascii_case("file").then(|| video::decoded(path))
}

/// Returns a function that opens `spec`, now and after it was lost. A camera is then found by its name, whatever its
/// number.
pub fn opener(spec: OsString, options: SourceOptions) -> SourceOpener {
    match camera_index(&spec) {
        Some(index) => {
            let (mut identity, name) = (None, spec.to_string_lossy().into_owned());
            Box::new(move || camera::reopen(name.clone(), &index, &mut identity, &options))
        }
        None => Box::new(move || open(&spec, &options)),
    }
}

/// Reads the picture at `path`.
///
/// # Errors
/// Returns an error if the file is no picture, or its size is invalid for frames.
pub(crate) fn picture(path: &Path) -> Result<FrameBuffer> {
    let mut source = images::Images::from_picture(path.display().to_string(), path)?;
    let mut picture = FrameBuffer::default();
    if let Some(frame) = source.next_frame()? {
        picture.copy_from(&frame);
    }
    Ok(picture)
}

/// Returns the names of all entries of `folder` that are not hidden, in natural order.
pub(crate) fn folder_names(folder: &Path) -> std::io::Result<Vec<OsString>> {
    let mut names = images::file_names(folder, |_| true)?;
    sort_naturally(&mut names);
    Ok(names)
}

/// Creates a source named `name` that reads Y4M from `bytes`.
pub fn y4m(name: &str, bytes: Box<dyn std::io::Read>) -> Box<dyn Source> {
    Box::new(y4m::Y4m::from_pipe(name.to_owned(), bytes, &SourceOptions::default()))
}

/// Opens the built-in demo clip, drawn by `pantomime`: an action in front of the background of another action.
///
/// # Errors
/// Returns an error if the clip cannot be decoded.
#[cfg(feature = "built-in")]
pub fn demo() -> Result<Box<dyn Source>> {
    demo_named("demo")
}

/// Opens the built-in demo clip as a source of another name.
///
/// # Errors
/// As [`demo`].
#[cfg(feature = "built-in")]
pub fn demo_named(name: &str) -> Result<Box<dyn Source>> {
    const CLIP: &[u8] = include_bytes!("../../models/demo/out-of-context.gif");
    Ok(Box::new(animation::Animation::from_gif(name.to_owned(), CLIP)?))
}

fn open_path(name: String, path: &Path, options: &SourceOptions) -> Result<Box<dyn Source>> {
    let metadata = path.metadata().map_err(|error| cannot_read(&name, error))?;
    if metadata.is_dir() {
        return Ok(Box::new(images::Images::from_folder(name, path, options)?));
    }
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    if extension == "y4m" {
        return Ok(Box::new(y4m::Y4m::from_path(name, path, options)?));
    }
    if !metadata.is_file() {
        let expected = "a file, a folder, - or camera:N";
        let next = "pipe it to stdin as Y4M and pass -, or pass camera:N";
        return Err(Error::new(Stage::Source, expected, format_args!("{name}, which is a pipe or device"), next));
    }
    if metadata.len() == 0 {
        return Err(cannot_open(&name, "an empty file"));
    }
    if animation::is_animated(&extension, path) {
        return Ok(Box::new(animation::Animation::open(name, path)?));
    }
    if picture_file::is_picture_file(&extension, path) && !images::needs_ffmpeg(&name, &extension, path)? {
        return Ok(Box::new(images::Images::from_picture(name, path)?));
    }
    heif::check(&name, path)?;
    Ok(Box::new(video::Video::from_path(name, path, options)?))
}

/// Returns the error that `name` cannot be opened because of an I/O error.
fn cannot_read(name: &str, error: std::io::Error) -> Error {
    cannot_open(name, &error).with_source(error)
}

fn cannot_open(name: &str, reason: impl core::fmt::Display) -> Error {
    let expected = "a readable picture, folder, video, URL, camera:N or -";
    let next = "check the path and its permissions";
    Error::new(Stage::Source, expected, format_args!("{name}: {reason}"), next)
}

/// Returns the error of an operation that a live source does not support.
fn live(name: &str) -> Error {
    Error::new(Stage::Source, "a source that ends", format_args!("{name}, which is live"), "use sliding windows")
        .about(Setting::Window)
        .about(Setting::Stride)
}

/// Returns the glob in an argument, if it is one.
fn glob_pattern(argument: &OsStr) -> Option<&str> {
    let text = argument.to_str()?;
    let is_pattern = text.contains(['*', '?', '[']) && !video::is_url(text) && !Path::new(argument).exists();
    is_pattern.then_some(text)
}

/// Returns the videos in `folder`; `None` if it is none, cannot be read, or holds pictures, which are one clip.
fn videos_in(folder: &Path) -> Option<Vec<OsString>> {
    let names = folder_names(folder).ok()?;
    let (videos, others): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| is_video(Path::new(name)));
    let pictures = others.iter().filter(|name| is_picture(Path::new(name))).count();
    if pictures > 0 && !videos.is_empty() {
        log::warn!("{}: its {pictures} pictures are read as one clip; its videos are not read", folder.display());
    }
    let is_of_videos = pictures == 0 && !videos.is_empty();
    is_of_videos.then(|| videos.iter().map(|name| folder.join(name).into_os_string()).collect())
}

fn matches(pattern: &str) -> Result<Vec<OsString>> {
    let invalid = |reason: &dyn core::fmt::Display| {
        let next = "check the folder with ls, and quote the pattern";
        Error::new(Stage::Source, "a glob that matches readable files", format_args!("{pattern}: {reason}"), next)
    };
    let options = glob::MatchOptions { require_literal_leading_dot: true, ..glob::MatchOptions::new() };
    let mut paths = Vec::new();
    for path in glob::glob_with(pattern, options).map_err(|error| invalid(&error).with_source(error))? {
        paths.push(path.map_err(|error| invalid(&error).with_source(error))?.into_os_string());
    }
    if paths.is_empty() {
        return Err(invalid(&"no match"));
    }
    sort_naturally(&mut paths);
    Ok(paths)
}

/// Sorts in natural order, numbers by their value: `2.png` before `10.png`.
fn sort_naturally(paths: &mut [OsString]) {
    paths.sort_by(|a, b| natord::compare(&a.to_string_lossy(), &b.to_string_lossy()).then_with(|| a.cmp(b)));
}
