//! Any video file or URL that ffmpeg opens, decoded by an `ffmpeg` child process.
//!
//! Pictures come through its stdout as PPM, which carries their size; times and errors come through its stderr.

mod log;
mod ppm;
mod process;

use super::picture::Picture;
use super::queue::{Reader, Taken, WhenFull, Writer, queue};
use super::selection::Selection;
use super::{Health, Source, SourceOptions, live};
use crate::error::{Error, Result, Stage};
use crate::frame::Frame;
use log::{Report, Stamp};
use process::{Input, Pass, Process, thread};
use std::ffi::{OsStr, OsString};
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Schemes of streams that go on until stopped.
const LIVE_SCHEMES: [&str; 8] = ["rtsp", "rtsps", "rtmp", "rtmps", "srt", "udp", "rtp", "tcp"];

/// As many terms as ffmpeg's `select` evaluates a frame without effort; above it, all frames are converted.
const MAX_SELECT_TERMS: usize = 128;

/// Whether `text` is `scheme://…`.
pub(super) fn is_url(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once("://") else {
        return false;
    };
    let is_scheme_char = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(is_scheme_char)
}

/// `url` as it may be shown: `***` stands for the password before its host.
pub(super) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    // A password that was not escaped may hold any sign; the host comes behind the last @.
    match rest[..end].rfind('@').or_else(|| rest.rfind('@')) {
        Some(at) => match rest[..at].split_once(':') {
            Some((user, _)) => format!("{scheme}://{user}:***{}", &rest[at..]),
            None => url.to_owned(),
        },
        None => url.to_owned(),
    }
}

fn is_live_url(url: &str) -> bool {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    LIVE_SCHEMES.iter().any(|live| live.eq_ignore_ascii_case(scheme)) || path.ends_with(".m3u8")
}

/// A video, decoded as it is read.
pub(super) struct Video {
    program: OsString,
    input: Input,
    /// How long a URL may be silent; files may take their time.
    stall: Option<Duration>,
    counted: Option<Counted>,
    selection: Selection,
    state: State,
    /// Index of the frame read last in this pass.
    last_read: Option<u64>,
    /// Pictures that a live pass has dropped because nobody took them in time.
    dropped: u64,
    picture: Picture,
}

/// What a counting pass has found.
struct Counted {
    frames: u64,
    damage: Option<Error>,
}

enum State {
    Begin,
    Reading(Reading),
    Over,
}

/// A reading pass under way. The order of the fields is that of their end.
struct Reading {
    frames: Reader,
    process: Process,
    pump: JoinHandle<Result<()>>,
}

impl Video {
    /// A video file. ffmpeg sees it as `file:PATH`, so that no name is taken for an option or a protocol.
    pub fn from_path(name: String, path: &Path) -> Self {
        let mut url = OsString::from("file:");
        url.push(path);
        Self::new(Input { name, url, is_live: false }, None)
    }

    /// A video at a URL, live by its scheme.
    pub fn from_url(url: String, options: &SourceOptions) -> Self {
        let is_live = is_live_url(&url);
        let name = without_password(&url);
        Self::new(Input { url: OsString::from(url), name, is_live }, Some(options.stall))
    }

    fn new(input: Input, stall: Option<Duration>) -> Self {
        let (program, picture) = (OsString::from("ffmpeg"), Picture::default());
        Self {
            program,
            input,
            stall,
            counted: None,
            selection: Selection::All,
            state: State::Begin,
            last_read: None,
            dropped: 0,
            picture,
        }
    }

    /// Decodes up to the next wanted frame; false at a clean end.
    fn advance(&mut self) -> Result<bool> {
        loop {
            let reading = match &mut self.state {
                State::Over => return Ok(false),
                _ if self.selection.ends_at(self.last_read) => return self.end_selection(),
                State::Begin => {
                    self.state = State::Reading(self.begin()?);
                    continue;
                }
                State::Reading(reading) => reading,
            };
            let taken = reading.frames.take(&mut self.picture, self.stall);
            self.dropped = reading.frames.dropped();
            match taken {
                Taken::Picture => {
                    self.last_read = Some(self.picture.index);
                    if self.selection.contains(self.picture.index) {
                        return Ok(true);
                    }
                }
                Taken::Timeout if reading.process.shows_life() => {}
                Taken::Timeout => return Err(self.stalled()),
                Taken::End => return self.end(),
            }
        }
    }

    fn begin(&self) -> Result<Reading> {
        let pass = match &self.selection {
            Selection::Only(indices) if indices.len() <= MAX_SELECT_TERMS => Pass::Selected(indices),
            _ => Pass::All,
        };
        Reading::begin(&self.program, &self.input, pass)
    }

    /// The last selected frame was lent: ffmpeg need not go on, and the counting pass knows how the video ends.
    fn end_selection(&mut self) -> Result<bool> {
        self.state = State::Over;
        match self.counted.as_ref().and_then(|counted| counted.damage.clone()) {
            Some(damage) => Err(damage),
            None => Ok(false),
        }
    }

    fn end(&mut self) -> Result<bool> {
        let State::Reading(reading) = std::mem::replace(&mut self.state, State::Over) else {
            return Ok(false);
        };
        match self.damage(&reading.finish()?) {
            Some(damage) => Err(damage),
            None => Ok(false),
        }
    }

    fn stalled(&mut self) -> Error {
        self.state = State::Over;
        Error::new(
            Stage::Source,
            format_args!("a picture from {} within {:.1?}", self.input.name, self.stall.unwrap_or_default()),
            "silence",
            "check that the stream is being sent, and start again",
        )
    }

    fn damage(&self, report: &Report) -> Option<Error> {
        if report.refusal.is_some() {
            return report.refusal.clone();
        }
        let (name, frames) = (&self.input.name, report.frames);
        let trouble = match &report.trouble {
            None if frames > 0 => return None,
            None => "no picture in it",
            Some(trouble) => trouble,
        };
        Some(Error::new(
            Stage::Source,
            "a video that ffmpeg decodes to its end",
            format_args!("{name}: {trouble} (after {frames} whole frames)"),
            "check it with ffmpeg -i, and copy or record it again",
        ))
    }

    /// Decodes all of the video without converting a picture.
    fn count_frames(&mut self) -> Result<Counted> {
        let (process, output) = Process::spawn(&self.program, &self.input, Pass::Count)?;
        drain(&output.stamps, self.stall).map_err(|Silence| self.stalled())?;
        let report = process.finish();
        let damage = self.damage(&report);
        match damage {
            Some(damage) if report.frames == 0 => Err(damage),
            damage => Ok(Counted { frames: report.frames, damage }),
        }
    }

    /// What the counting pass found, made now if it was not yet; the video then starts over.
    fn counted(&mut self) -> Result<&Counted> {
        if self.input.is_live {
            return Err(live(&self.input.name));
        }
        (self.state, self.last_read) = (State::Begin, None);
        let counted = match self.counted.take() {
            Some(counted) => counted,
            None => self.count_frames()?,
        };
        Ok(self.counted.insert(counted))
    }
}

impl Source for Video {
    fn arrived(&self) -> Option<Instant> {
        self.picture.arrived
    }

    fn health(&self) -> Health {
        Health { dropped: self.dropped, reconnects: 0 }
    }

    fn name(&self) -> &str {
        &self.input.name
    }

    fn is_live(&self) -> bool {
        self.input.is_live
    }

    fn next_frame(&mut self) -> Result<Option<Frame<'_>>> {
        let found = self.advance().inspect_err(|_| self.state = State::Over)?;
        if found { self.picture.lend().map(Some) } else { Ok(None) }
    }

    fn count(&mut self) -> Result<u64> {
        self.selection = Selection::All;
        Ok(self.counted()?.frames)
    }

    fn select(&mut self, indices: &[u64]) -> Result<()> {
        let selection = Selection::only(indices)?;
        self.counted()?;
        self.selection = selection;
        Ok(())
    }
}

impl Reading {
    fn begin(program: &OsStr, input: &Input, pass: Pass<'_>) -> Result<Self> {
        let (process, output) = Process::spawn(program, input, pass)?;
        let (writer, frames) = queue(if input.is_live { WhenFull::DropOldest } else { WhenFull::Wait });
        let pump = thread("ffmpeg-pictures", move || match output.pictures {
            Some(pictures) => pump(pictures, &output.stamps, &writer),
            None => Ok(()),
        })?;
        Ok(Self { frames, process, pump })
    }

    /// What ffmpeg reported, once no picture is left. Its own words say more than a broken pipe.
    fn finish(self) -> Result<Report> {
        let pumped = self.pump.join().unwrap_or(Ok(()));
        let report = self.process.finish();
        match pumped {
            Err(error) if report.trouble.is_none() && report.refusal.is_none() => Err(error),
            _ => Ok(report),
        }
    }
}

/// Carries pictures with their stamps from the pipe to the queue until either ends.
fn pump(pictures: impl Read, stamps: &Receiver<Stamp>, writer: &Writer) -> Result<()> {
    let mut pictures = BufReader::new(pictures);
    let mut picture = Picture::default();
    while ppm::read(&mut pictures, &mut picture)? {
        let Ok(stamp) = stamps.recv() else { return Ok(()) };
        (picture.index, picture.time_us) = (stamp.index, stamp.time_us);
        if !writer.push(&mut picture) {
            return Ok(());
        }
    }
    Ok(())
}

/// Nothing was heard for as long as a stall takes.
struct Silence;

fn drain(stamps: &Receiver<Stamp>, stall: Option<Duration>) -> core::result::Result<(), Silence> {
    let Some(stall) = stall else {
        stamps.iter().for_each(drop);
        return Ok(());
    };
    loop {
        match stamps.recv_timeout(stall) {
            Ok(_) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => return Err(Silence),
        }
    }
}

#[cfg(test)]
mod tests;
