//! Video files and URLs, decoded by an `ffmpeg` child process.
//!
//! ffmpeg writes pictures to stdout as PPM, which includes their size, and times and errors to stderr.

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
pub(super) use address::{is_live_url, is_url, without_password};
use log::{Report, Stamp};
use process::{Pass, Process, thread};
use std::ffi::{OsStr, OsString};
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Maximum number of terms in ffmpeg's `select`; for longer selections, converting all frames is faster.
const MAX_SELECT_TERMS: usize = 128;

/// A video, decoded as it is read.
pub(super) struct Video {
    program: OsString,
    address: Address,
    /// Time without a frame after which a URL counts as stalled; `None` for files.
    stall: Option<Duration>,
    count: Option<FrameCount>,
    selection: Selection,
    state: State,
    /// Index of the last frame read in this pass.
    last_read: Option<u64>,
    /// Pictures that a live pass dropped because the queue was full.
    dropped: u64,
    picture: Picture,
}

/// The result of a counting pass.
struct FrameCount {
    frames: u64,
    damage: Option<Error>,
}

enum State {
    Start,
    Reading(Reading),
    Ended,
}

/// A reading pass in progress. The order of the fields is their drop order.
struct Reading {
    frames: Reader,
    process: Process,
    pump: JoinHandle<Result<()>>,
}

impl Video {
    /// Creates the source of a video file.
    pub fn from_path(name: String, path: &Path) -> Self {
        Self::new(Address::of_path(name, path), None)
    }

    /// Creates the source of a URL, live by its scheme.
    ///
    /// # Errors
    /// Returns an error if the URL names an environment variable that is not set.
    pub fn from_url(spec: &str, options: &SourceOptions) -> Result<Self> {
        Ok(Self::new(Address::of_url(spec)?, Some(options.stall)))
    }

    fn new(address: Address, stall: Option<Duration>) -> Self {
        let (program, picture) = (OsString::from("ffmpeg"), Picture::default());
        Self {
            program,
            address,
            stall,
            count: None,
            selection: Selection::All,
            state: State::Start,
            last_read: None,
            dropped: 0,
            picture,
        }
    }

    /// Decodes the next selected frame; returns false at a clean end.
    fn advance(&mut self) -> Result<bool> {
        loop {
            let reading = match &mut self.state {
                State::Ended => return Ok(false),
                _ if self.selection.ends_at(self.last_read) => return self.end_selection(),
                State::Start => {
                    self.state = State::Reading(self.start()?);
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
                Taken::Timeout if reading.process.is_active() => {}
                Taken::Timeout => return Err(self.stalled()),
                Taken::End => return self.end(),
            }
        }
    }

    fn start(&self) -> Result<Reading> {
        let pass = match &self.selection {
            Selection::Only(indices) if indices.len() <= MAX_SELECT_TERMS => Pass::Selected(indices),
            _ => Pass::All,
        };
        Reading::start(&self.program, &self.address, pass)
    }

    /// Ends the pass after the last selected frame; the counting pass has recorded damage at the end of the video.
    fn end_selection(&mut self) -> Result<bool> {
        self.state = State::Ended;
        self.count.as_ref().and_then(|count| count.damage.clone()).map_or(Ok(false), Err)
    }

    fn end(&mut self) -> Result<bool> {
        let State::Reading(reading) = std::mem::replace(&mut self.state, State::Ended) else {
            return Ok(false);
        };
        self.damage(&reading.finish()?).map_or(Ok(false), Err)
    }

    fn stalled(&mut self) -> Error {
        self.state = State::Ended;
        let expected = format!("a picture from {} within {:.1?}", self.address.name, self.stall.unwrap_or_default());
        let next = "check that the stream is being sent, and retry";
        Error::new(Stage::Source, expected, "none", next)
    }

    fn damage(&self, report: &Report) -> Option<Error> {
        if report.size_error.is_some() {
            return report.size_error.clone();
        }
        let (name, frames) = (&self.address.name, report.frames);
        let failure = match &report.failure {
            None if frames > 0 => return None,
            None => "no pictures",
            Some(failure) => failure,
        };
        Some(Error::new(
            Stage::Source,
            "a video that ffmpeg decodes to its end",
            format_args!("{name}: {failure} (after {frames} whole frames)"),
            "check it with ffmpeg -i, and copy or record it again",
        ))
    }

    /// Decodes the whole video without converting pictures.
    fn count_frames(&mut self) -> Result<FrameCount> {
        let (process, output) = Process::spawn(&self.program, &self.address, Pass::Count)?;
        drain(&output.stamps, self.stall).map_err(|Stalled| self.stalled())?;
        let report = process.finish();
        match self.damage(&report) {
            Some(damage) if report.frames == 0 => Err(damage),
            damage => Ok(FrameCount { frames: report.frames, damage }),
        }
    }

    /// Returns the result of the counting pass, run at most once, and rewinds the video.
    fn frame_count(&mut self) -> Result<&FrameCount> {
        if self.address.is_live {
            return Err(live(&self.address.name));
        }
        (self.state, self.last_read) = (State::Start, None);
        let count = match self.count.take() {
            Some(count) => count,
            None => self.count_frames()?,
        };
        Ok(self.count.insert(count))
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
        let is_found = self.advance().inspect_err(|_| self.state = State::Ended)?;
        if is_found { self.picture.lend().map(Some) } else { Ok(None) }
    }

    fn count(&mut self) -> Result<u64> {
        self.selection = Selection::All;
        Ok(self.frame_count()?.frames)
    }

    fn select(&mut self, indices: &[u64]) -> Result<()> {
        let selection = Selection::only(indices)?;
        self.frame_count()?;
        self.selection = selection;
        Ok(())
    }
}

impl Reading {
    fn start(program: &OsStr, address: &Address, pass: Pass<'_>) -> Result<Self> {
        let (process, output) = Process::spawn(program, address, pass)?;
        let (writer, frames) = queue(if address.is_live { WhenFull::DropOldest } else { WhenFull::Wait });
        let pump = thread("ffmpeg-pictures", move || match output.pictures {
            Some(pictures) => pump(pictures, &output.stamps, &writer),
            None => Ok(()),
        })?;
        Ok(Self { frames, process, pump })
    }

    /// Returns the report of ffmpeg once no picture is left. Its message says more than a broken pipe.
    fn finish(self) -> Result<Report> {
        let pumped = self.pump.join().unwrap_or(Ok(()));
        let report = self.process.finish();
        match pumped {
            Err(error) if report.failure.is_none() && report.size_error.is_none() => Err(error),
            _ => Ok(report),
        }
    }
}

/// Moves pictures with their stamps from the pipe to the queue until either ends.
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

/// No stamp came within the stall timeout.
struct Stalled;

fn drain(stamps: &Receiver<Stamp>, stall: Option<Duration>) -> core::result::Result<(), Stalled> {
    let Some(stall) = stall else {
        stamps.iter().for_each(drop);
        return Ok(());
    };
    loop {
        match stamps.recv_timeout(stall) {
            Ok(_) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => return Err(Stalled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_ffmpeg_is_an_error_with_its_install_command() {
        let mut video = Video::from_path("clip".to_owned(), Path::new("a.mp4"));
        video.program = OsString::from("ffmpeg-that-is-not-there");
        for error in [video.count().err(), video.next_frame().map(|_| ()).err()] {
            let error = error.unwrap().to_string();
            assert!(error.contains("apt-get install ffmpeg"), "{error}");
        }
    }
}
