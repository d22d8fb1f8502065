//! Any video file or URL that ffmpeg opens, decoded by an `ffmpeg` child process.
//!
//! Pictures come through its stdout as PPM, which carries their size; times and errors come through its stderr.

mod address;
mod log;
mod ppm;
mod process;

use super::picture::Picture;
use super::queue::{Reader, Taken, WhenFull, Writer, queue};
use super::selection::Selection;
use super::{Source, SourceHealth, SourceOptions, live};
use crate::error::{Error, Result, Stage};
use crate::frame::Frame;
use address::Address;
pub(super) use address::{is_url, without_password};
use log::{Report, Stamp};
use process::{Pass, Process, thread};
use std::ffi::{OsStr, OsString};
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// As many terms as ffmpeg's `select` evaluates a frame without effort; above it, all frames are converted.
const MAX_SELECT_TERMS: usize = 128;

/// A video, decoded as it is read.
pub(super) struct Video {
    program: OsString,
    address: Address,
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
    /// A video file.
    pub fn from_path(name: String, path: &Path) -> Self {
        Self::new(Address::of_path(name, path), None)
    }

    /// A video at a URL, live by its scheme.
    ///
    /// # Errors
    /// When it names a variable that the environment does not have.
    pub fn from_url(spec: &str, options: &SourceOptions) -> Result<Self> {
        Ok(Self::new(Address::of_url(spec)?, Some(options.stall)))
    }

    fn new(address: Address, stall: Option<Duration>) -> Self {
        let (program, picture) = (OsString::from("ffmpeg"), Picture::default());
        Self {
            program,
            address,
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
        Reading::begin(&self.program, &self.address, pass)
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
            format_args!("a picture from {} within {:.1?}", self.address.name, self.stall.unwrap_or_default()),
            "silence",
            "check that the stream is being sent, and start again",
        )
    }

    fn damage(&self, report: &Report) -> Option<Error> {
        if report.refusal.is_some() {
            return report.refusal.clone();
        }
        let (name, frames) = (&self.address.name, report.frames);
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
        let (process, output) = Process::spawn(&self.program, &self.address, Pass::Count)?;
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
        if self.address.is_live {
            return Err(live(&self.address.name));
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

    fn health(&self) -> SourceHealth {
        SourceHealth { dropped: self.dropped, reconnects: 0 }
    }

    fn name(&self) -> &str {
        &self.address.name
    }

    fn is_live(&self) -> bool {
        self.address.is_live
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
    fn begin(program: &OsStr, address: &Address, pass: Pass<'_>) -> Result<Self> {
        let (process, output) = Process::spawn(program, address, pass)?;
        let (writer, frames) = queue(if address.is_live { WhenFull::DropOldest } else { WhenFull::Wait });
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
