//! Video files and URLs, decoded by an `ffmpeg` child process.
//!
//! ffmpeg writes raw pictures to stdout, and their sizes, times and errors to stderr. A pass whose assumptions about
//! the video prove wrong is started again with better ones.

mod address;
mod command;
mod environment;
mod features;
mod input;
mod log;
mod loss;
mod mp4;
mod process;
mod raw;
mod reading;
mod sampling;
mod secrets;

use super::picture::Picture;
use super::queue::Taken;
use super::selection::Selection;
use super::{Liveness, Source, SourceHealth, SourceOptions, live};
use crate::error::{Error, Result, Stage};
use crate::frame::Frame;
use address::Address;
pub(super) use address::{is_live_url, is_url};
use command::{DecodePlan, Pass};
use features::OLDEST;
pub(super) use features::version;
use input::Input;
use log::{Report, Revision, Stamp};
use mp4::FrameIndex;
use process::Process;
use reading::Reading;
use sampling::{Sampled, Sampling};
pub(super) use secrets::{decoded, without_secrets};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// Maximum number of terms in ffmpeg's `select`; for longer selections, converting all frames is faster.
const MAX_SELECT_TERMS: usize = 128;

/// A video, decoded as it is read.
pub(super) struct Video {
    program: OsString,
    address: Address,
    /// The file, if it is one of this machine.
    path: Option<PathBuf>,
    options: SourceOptions,
    /// Time without a frame after which a URL counts as stalled; `None` for files.
    stall: Option<Duration>,
    plan: DecodePlan,
    count: Option<FrameCount>,
    selection: Selection,
    state: State,
    /// Index of the last frame read in this pass.
    last_read: Option<u64>,
    /// Pictures that a live pass dropped because the queue was full.
    dropped: u64,
    picture: Picture,
    /// Whether a message of ffmpeg that means no loss was passed on.
    has_remarked: bool,
}

/// The result of a counting pass.
struct FrameCount {
    frames: u64,
    damage: Option<Error>,
}

enum State {
    Start,
    Reading(Reading),
    /// Pictures that were decoded before they are asked for.
    Held(std::vec::IntoIter<Picture>),
    Ended,
}

impl Video {
    /// Creates the source of a video file.
    ///
    /// # Errors
    /// Returns an error if ffmpeg cannot be given the name of the file.
    pub fn from_path(name: String, path: &Path, options: &SourceOptions) -> Result<Self> {
        Ok(Self::new(Address::of_path(name, path)?, Some(path.to_owned()), None, options))
    }

    /// Creates the source of a URL. Whether it is live is told by its scheme, by `options`, or else by what is sent.
    ///
    /// # Errors
    /// Returns an error if the URL names an environment variable that is not set, or what is sent is no video.
    pub fn from_url(spec: &str, options: &SourceOptions) -> Result<Self> {
        let mut video = Self::new(Address::of_url(spec)?, None, Some(options.stall), options);
        match options.liveness {
            Some(liveness) => video.address.is_live = liveness == Liveness::Live,
            None if video.address.is_live => {}
            None => video.address.is_live = video.described()?.is_endless(),
        }
        Ok(video)
    }

    fn new(address: Address, path: Option<PathBuf>, stall: Option<Duration>, options: &SourceOptions) -> Self {
        Self {
            program: OsString::from("ffmpeg"),
            address,
            path,
            options: *options,
            stall,
            plan: DecodePlan::default(),
            count: None,
            selection: Selection::All,
            state: State::Start,
            last_read: None,
            dropped: 0,
            picture: Picture::default(),
            has_remarked: false,
        }
    }

    /// Returns what ffmpeg says about the input.
    fn described(&mut self) -> Result<Input> {
        loop {
            let (process, output) = self.spawn(Pass::Count)?;
            match output.described.recv_timeout(self.options.stall) {
                Ok(input) => return Ok(input),
                Err(RecvTimeoutError::Timeout) => return Err(self.stalled()),
                Err(RecvTimeoutError::Disconnected) => {}
            }
            let report = process.end();
            if !self.revise(&report) {
                return Err(self.unreadable(&report));
            }
        }
    }

    /// Decodes the next selected frame; returns false at a clean end.
    fn advance(&mut self) -> Result<bool> {
        loop {
            let reading = match &mut self.state {
                State::Ended => return Ok(false),
                State::Held(pictures) => match pictures.next() {
                    Some(picture) => {
                        self.picture = picture;
                        return Ok(true);
                    }
                    None => return self.end_selection(),
                },
                _ if self.selection.ends_at(self.last_read) => return self.end_selection(),
                State::Start => {
                    self.state = State::Reading(self.start()?);
                    continue;
                }
                State::Reading(reading) => reading,
            };
            let taken = reading.frames.take(&mut self.picture, self.stall);
            self.dropped = reading.frames.dropped();
            let index = self.picture.index;
            match taken {
                // A pass that was started again begins with frames that were read.
                Taken::Picture if self.last_read.is_some_and(|last| index <= last) => {}
                Taken::Picture => {
                    self.last_read = Some(index);
                    if self.selection.contains(index) {
                        return Ok(true);
                    }
                }
                Taken::Timeout => return Err(self.stalled()),
                Taken::End if self.end()? => return Ok(false),
                Taken::End => self.state = State::Start,
            }
        }
    }

    fn start(&self) -> Result<Reading> {
        let pass = match &self.selection {
            Selection::Only(indices) if indices.len() <= MAX_SELECT_TERMS && !self.plan.converts_all => {
                Pass::Selected(indices)
            }
            _ => Pass::All,
        };
        Reading::start(&self.program, &self.address, pass, &self.plan, &self.options)
    }

    fn spawn(&self, pass: Pass<'_>) -> Result<(Process, process::Output)> {
        Process::spawn(&self.program, &self.address, pass, &self.plan, &self.options)
    }

    /// Ends the pass after the last selected frame; the counting pass has recorded damage at the end of the video.
    fn end_selection(&mut self) -> Result<bool> {
        self.state = State::Ended;
        self.count.as_ref().and_then(|count| count.damage.clone()).map_or(Ok(false), Err)
    }

    /// Ends the pass; returns false if it must be started again.
    fn end(&mut self) -> Result<bool> {
        let State::Reading(reading) = std::mem::replace(&mut self.state, State::Ended) else {
            return Ok(true);
        };
        let report = reading.finish()?;
        if self.revise(&report) {
            return Ok(false);
        }
        self.remark(&report);
        self.damage(&report).map_or(Ok(true), Err)
    }

    /// Corrects what was assumed about the video; returns whether the pass must be started again.
    fn revise(&mut self, report: &Report) -> bool {
        match report.revision {
            Some(revision) => self.apply(revision),
            None => return report.frames == 0 && report.loss.as_deref().is_some_and(features::learn),
        }
        true
    }

    fn apply(&mut self, revision: Revision) {
        match revision {
            Revision::Stream(index) => self.plan.stream = Some(index),
            Revision::EveryPicture => self.plan.converts_all = true,
            Revision::Range(transfer) => {
                self.plan.is_range_settled = true;
                let is_mapped = features::has_tone_mapping(&self.program);
                self.plan.tone_map = is_mapped.then_some(transfer);
                if !is_mapped {
                    ::log::warn!(
                        "{}: its high dynamic range looks pale, because this ffmpeg lacks the filter zscale",
                        self.address.name
                    );
                }
            }
        }
    }

    /// Passes on the first message of ffmpeg that means no loss, once.
    fn remark(&mut self, report: &Report) {
        if let Some(remark) = report.remark.as_ref().filter(|_| !self.has_remarked && report.loss.is_none()) {
            self.has_remarked = true;
            ::log::warn!("{}: ffmpeg says: {remark}; no picture is lost", self.address.name);
        }
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
        let loss = match &report.loss {
            None if frames > 0 => return None,
            _ if frames == 0 => return Some(self.unreadable(report)),
            loss => loss.as_deref().unwrap_or_default(),
        };
        let got = format_args!("{name}: pictures lost after {frames} whole frames; ffmpeg says: {loss}");
        let next = if self.address.is_file { "copy or record it again" } else { "check the connection and retry" };
        Some(Error::new(Stage::Source, "a video that decodes to its end", got, next))
    }

    /// Returns the error of an input without a single picture, with its cause in front of ffmpeg's own words.
    fn unreadable(&self, report: &Report) -> Error {
        let (name, input) = (&self.address.name, &report.input);
        let words =
            report.remark.as_ref().or(report.loss.as_ref()).map_or("it ended without a picture", String::as_str);
        let (cause, next) = if input.is_older_than(OLDEST) {
            let (major, minor) = OLDEST;
            let cause =
                format!("ffmpeg {} is too old, {major}.{minor} is needed", input.version.as_deref().unwrap_or("?"));
            (cause, "install a newer ffmpeg")
        } else if ["not on whitelist", "m3u8"].iter().any(|part| words.contains(part)) {
            ("not a video, but a list of other files or a text".to_owned(), "pass the video itself, or its URL")
        } else if !input.streams.is_empty() && input.video().is_none() {
            ("no video stream: sound only, or cover art".to_owned(), "pass a file with video")
        } else if self.address.is_file {
            ("no video that can be decoded".to_owned(), "check it with ffmpeg -i, and copy or record it again")
        } else {
            ("nothing that can be decoded".to_owned(), "check the address, and that something is sent there")
        };
        // The list of names behind it is long.
        let words = words.split(" 'mov,").next().unwrap_or_default().trim_end_matches('.');
        let got = format_args!("{name}: {cause}; ffmpeg says: {words}");
        Error::new(Stage::Source, "a video that ffmpeg decodes", got, next)
    }

    /// Decodes the whole video without converting pictures.
    fn count_frames(&mut self) -> Result<FrameCount> {
        let report = loop {
            let (process, output) = self.spawn(Pass::Count)?;
            drain(&output.stamps, self.stall).map_err(|Stalled| self.stalled())?;
            let report = process.finish();
            if !self.revise(&report) {
                break report;
            }
        };
        self.remark(&report);
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

    /// Decodes the frames that `choose` chooses among as many as the container promises, and holds them. Returns the
    /// number of frames; `None` if they must be counted, because the container is not plain or does not tell the truth.
    fn sample_as_listed(&mut self, choose: &mut dyn FnMut(u64) -> Vec<u64>) -> Result<Option<u64>> {
        let Some(index) = self.path.as_deref().filter(|_| self.count.is_none()).and_then(FrameIndex::read) else {
            return Ok(None);
        };
        let count = index.times.len() as u64;
        let indices = choose(count);
        let selection = Selection::only(&indices)?;
        loop {
            let (program, address, plan, options) = (&self.program, &self.address, &self.plan, &self.options);
            let sampling = Sampling { program, address, plan, options, index: &index };
            if indices.len() > MAX_SELECT_TERMS || plan.converts_all || !sampling.fits(&indices) {
                return Ok(None);
            }
            match sampling.decode(&indices)? {
                Sampled::Pictures(pictures) => {
                    self.count = Some(FrameCount { frames: count, damage: None });
                    (self.selection, self.state) = (selection, State::Held(pictures.into_iter()));
                    return Ok(Some(count));
                }
                Sampled::Revised(revision) => self.apply(revision),
                Sampled::Otherwise(report) if self.revise(&report) => {}
                Sampled::Otherwise(_) => return Ok(None),
            }
        }
    }
}

impl Source for Video {
    fn arrived(&self) -> Option<std::time::Instant> {
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

    fn sample(&mut self, choose: &mut dyn FnMut(u64) -> Vec<u64>) -> Result<u64> {
        if let Some(count) = self.sample_as_listed(choose)? {
            return Ok(count);
        }
        let count = self.count()?;
        self.select(&choose(count))?;
        Ok(count)
    }
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
        let mut video = Video::from_path("clip".to_owned(), Path::new("a.mp4"), &SourceOptions::default()).unwrap();
        video.program = OsString::from("ffmpeg-that-is-not-there");
        for error in [video.count().err(), video.next_frame().map(|_| ()).err()] {
            let error = error.unwrap().to_string();
            assert!(error.contains("apt-get install ffmpeg"), "{error}");
        }
    }
}
