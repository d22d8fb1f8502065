//! Parses the log of ffmpeg with `-loglevel level+info` and the filter `showinfo`: times, sizes, lost pictures.

use super::input::{Input, Transfer};
use super::loss::{is_loss, is_of_decoder};
use crate::error::Error;
use crate::frame::check_size;
use std::io::{BufRead, BufReader, Read};
use std::sync::mpsc::SyncSender;

/// Maximum length of a line; a longer one is split, so that it cannot exhaust memory.
const MAX_LINE_BYTES: u64 = 1 << 16;

/// Assumed duration of a frame without a time stamp.
const DEFAULT_FRAME_US: u64 = 40_000;

/// Decrease in microseconds that counts as a clock set back; frames out of order differ by less.
const CLOCK_RESET_US: i128 = 1_000_000;

/// Context of the `showinfo` that reports all frames.
const FIRST_SHOWINFO: &str = "Parsed_showinfo_0 ";

/// Index, time and size of a picture, from `showinfo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub index: u64,
    pub time_us: u64,
    /// Width and height in pixels.
    pub size: (u32, u32),
}

/// What a reader of the log assumes about the pass.
#[derive(Clone, Debug)]
pub(super) struct Expectation {
    /// Name of the source, for errors.
    pub name: String,
    /// Address as ffmpeg prints it.
    pub url: String,
    pub is_live: bool,
    /// Whether a second `showinfo` reports each picture that is written, and the first one all frames.
    pub writes_pictures: bool,
    /// Whether ffmpeg scales all pictures to the size of the first one.
    pub scales_to_first: bool,
    /// Whether ffmpeg selects frames by their number, which counts anew where the format of pictures changes.
    pub selects_by_number: bool,
    /// Stream that is decoded; `None` for the first video.
    pub stream: Option<usize>,
    /// Whether it is settled what is done with a high dynamic range.
    pub is_range_settled: bool,
}

/// A reason to start the pass again in another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Revision {
    /// Another stream is the one to show.
    Stream(usize),
    /// The video is of a high dynamic range.
    Range(Transfer),
    /// The format of pictures changes within the video.
    EveryPicture,
}

/// The summary of a log.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Number of whole frames.
    pub frames: u64,
    /// The first message by which pictures are lost.
    pub loss: Option<String>,
    /// The first other error message.
    pub remark: Option<String>,
    /// The error of an invalid frame size.
    pub size_error: Option<Error>,
    /// What ffmpeg says about the input.
    pub input: Input,
    /// Why the pass was ended and is to be started again.
    pub revision: Option<Revision>,
    /// Time stamps of the frames, in ticks of the stream, up to [`MAX_TIMES`].
    pub times: Vec<i64>,
}

/// Maximum number of recorded time stamps.
const MAX_TIMES: usize = 1 << 16;

/// Reads the log to its end, so that ffmpeg never blocks on stderr.
pub(super) struct LogReader {
    expectation: Expectation,
    /// `None` after a size error or a revision, which ends the receiver.
    stamps: Option<SyncSender<Stamp>>,
    /// Receives the description of the input once it is complete.
    described: Option<SyncSender<Input>>,
    describes_input: bool,
    time_base: Option<(u64, u64)>,
    /// A pts and its time in microseconds.
    origin: Option<(i64, u64)>,
    last_us: u64,
    first_size: Option<(u32, u32)>,
    report: Report,
}

impl LogReader {
    /// Creates a reader that sends stamps of the selected frames, and the description of the input before them.
    pub fn new(expectation: Expectation, stamps: SyncSender<Stamp>, described: SyncSender<Input>) -> Self {
        Self {
            expectation,
            stamps: Some(stamps),
            described: Some(described),
            describes_input: true,
            time_base: None,
            origin: None,
            last_us: 0,
            first_size: None,
            report: Report::default(),
        }
    }

    /// Reads until the log ends.
    pub fn read(mut self, stderr: impl Read) -> Report {
        let mut stderr = BufReader::new(stderr);
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            match stderr.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut bytes) {
                Ok(0) | Err(_) => return self.report,
                Ok(_) => self.handle(String::from_utf8_lossy(&bytes).trim_end()),
            }
        }
    }

    fn handle(&mut self, line: &str) {
        // Filters and demuxers of ffmpeg 7 log from threads of their own, in the middle of lines of each other.
        let (line, interrupted_by) = without_interruption(line);
        self.handle_line(line);
        interrupted_by.into_iter().for_each(|line| self.handle_line(line));
    }

    fn handle_line(&mut self, line: &str) {
        let LogLine { context, level, text } = LogLine::split(line);
        let is_error = ["error", "fatal", "panic"].contains(&level);
        let stream = self.report.input.video().map_or(0, |video| video.index);
        if context.starts_with(FIRST_SHOWINFO) {
            self.show_info(text);
        } else if context.starts_with("Parsed_showinfo") {
            if let Some((_, size)) = frame(text) {
                self.add_picture(size);
            }
        } else if (is_error || level == "warning") && is_loss(context, text, &self.expectation.url, stream) {
            // A video may start between key frames, before the first picture that can be shown.
            let is_before_first = self.report.frames == 0 && is_of_decoder(text);
            let kept = if is_before_first { &mut self.report.remark } else { &mut self.report.loss };
            kept.get_or_insert_with(|| text.to_owned());
        } else if is_error && !["null @", "rawvideo @"].iter().any(|output| context.starts_with(output)) {
            self.report.remark.get_or_insert_with(|| text.to_owned());
        } else if self.describes_input {
            self.describe(text);
        }
    }

    /// Adds a line about the input; checks what the pass assumes once it is complete.
    fn describe(&mut self, text: &str) {
        if text != "Stream mapping:" && !text.starts_with("Output #0") {
            self.report.input.add(text);
            return;
        }
        self.describes_input = false;
        let input = self.report.input.clone();
        if let Some(revision) = self.revision(&input) {
            self.revise(revision);
        } else if let Some(described) = self.described.take() {
            // It fails only if the receiver was dropped.
            let _ = described.try_send(input);
        }
    }

    fn revision(&self, input: &Input) -> Option<Revision> {
        let video = input.video()?;
        let first = input.first_video()?;
        let decoded = self.expectation.stream.unwrap_or(first.index);
        match video.transfer {
            _ if video.index != decoded => Some(Revision::Stream(video.index)),
            Some(transfer) if !self.expectation.is_range_settled => Some(Revision::Range(transfer)),
            _ => None,
        }
    }

    fn revise(&mut self, revision: Revision) {
        self.report.revision = Some(revision);
        self.stamps = None;
        self.described = None;
    }

    fn show_info(&mut self, text: &str) {
        if let Some(time_base) = text.strip_prefix("config in time_base: ").and_then(time_base) {
            // The filters begin anew, and with them the numbers of frames.
            if self.time_base.replace(time_base).is_some() && self.expectation.selects_by_number {
                self.revise(Revision::EveryPicture);
            }
        } else if let Some((pts, size)) = frame(text).filter(|_| self.stamps.is_some()) {
            self.add_frame(pts, size);
        }
    }

    fn add_frame(&mut self, pts: Option<i64>, (width, height): (u32, u32)) {
        let index = self.report.frames;
        if let Err(error) = check_size(width, height) {
            self.report.size_error = Some(error.at(format_args!("frame {index} of {}", self.expectation.name)));
            self.stamps = None;
            return;
        }
        if self.expectation.is_live {
            // A stream that returns frames again has recovered.
            self.report.loss = None;
        }
        self.report.frames += 1;
        if let Some(pts) = pts.filter(|_| self.report.times.len() < MAX_TIMES && !self.expectation.is_live) {
            self.report.times.push(pts);
        }
        self.last_us = self.time_us(pts);
        if !self.expectation.writes_pictures {
            self.send((width, height));
        }
    }

    /// Adds a picture that is written: the last frame, in the size that it is shown in.
    fn add_picture(&mut self, size: (u32, u32)) {
        let first = *self.first_size.get_or_insert(size);
        self.send(if self.expectation.scales_to_first { first } else { size });
    }

    fn send(&mut self, size: (u32, u32)) {
        let stamp = Stamp { index: self.report.frames.saturating_sub(1), time_us: self.last_us, size };
        if let Some(stamps) = &self.stamps {
            // It fails only if the receiver was dropped; the log is read all the same.
            let _ = stamps.send(stamp);
        }
    }

    /// Returns the microseconds since the first frame, computed from `pts` because `pts_time` has only six digits.
    fn time_us(&mut self, pts: Option<i64>) -> u64 {
        let next_us = self.last_us.saturating_add(DEFAULT_FRAME_US);
        match pts {
            Some(pts) => {
                let clock_us = self.clock_us(pts);
                if self.expectation.is_live && clock_us < i128::from(self.last_us) - CLOCK_RESET_US {
                    // Otherwise the time would not advance until the clock has caught up.
                    self.origin = Some((pts, next_us));
                    next_us
                } else {
                    u64::try_from(clock_us.max(self.last_us.into())).unwrap_or(u64::MAX)
                }
            }
            None if self.report.frames <= 1 => 0,
            None => next_us,
        }
    }

    /// Returns the time of `pts` on the clock of the video, in microseconds.
    fn clock_us(&mut self, pts: i64) -> i128 {
        let (seconds, parts) = self.time_base.unwrap_or((1, 1_000_000));
        let (origin, base_us) = *self.origin.get_or_insert((pts, 0));
        let ticks = i128::from(pts) - i128::from(origin);
        i128::from(base_us) + ticks.saturating_mul(1_000_000).saturating_mul(seconds.into()) / i128::from(parts)
    }
}

/// A line `[context @ 0x…] [level] text`, in which there may be no or several contexts.
struct LogLine<'a> {
    /// The first context.
    context: &'a str,
    level: &'a str,
    text: &'a str,
}

impl<'a> LogLine<'a> {
    fn split(line: &'a str) -> Self {
        let (mut context, mut text) = ("", line);
        while let Some((bracket, after)) = text.strip_prefix('[').and_then(|inner| inner.split_once("] ")) {
            if ["panic", "fatal", "error", "warning", "info"].contains(&bracket) {
                return Self { context, level: bracket, text: after };
            }
            context = if context.is_empty() { bracket } else { context };
            text = after;
        }
        Self { context: "", level: "", text }
    }
}

/// Splits a line of `showinfo`, which holds no text of files, where the message of another thread interrupts it.
fn without_interruption(line: &str) -> (&str, Option<&str>) {
    let level = ["] [error] ", "] [warning] "].iter().find_map(|level| line.find(level));
    let start = level.and_then(|level| line[..level].rfind('[')).filter(|start| *start > 0);
    match start.filter(|_| line.starts_with("[Parsed_showinfo")) {
        Some(start) => (&line[..start], Some(&line[start..])),
        None => (line, None),
    }
}

/// Parses `1/15360, frame_rate: 30/1` to the seconds of a tick, as a fraction.
fn time_base(text: &str) -> Option<(u64, u64)> {
    let (seconds, parts) = text.split(',').next()?.split_once('/')?;
    let parts = parts.parse().ok().filter(|&parts| parts > 0)?;
    Some((seconds.parse().ok()?, parts))
}

/// Parses `n:   0 pts:  512 … s:64x48 …` to time stamp, width and height.
fn frame(text: &str) -> Option<(Option<i64>, (u32, u32))> {
    text.strip_prefix("n:")?;
    let (width, height) = value(text, " s:")?.split_once('x')?;
    let size = (width.parse().ok()?, height.parse().ok()?);
    Some((value(text, " pts:")?.parse().ok(), size))
}

/// Returns the word after `key` and optional spaces.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.split_once(key)?.1.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;

    /// Reads the log of a pass in which ffmpeg selects pictures by number, or all of them.
    fn read(log: &str, is_live: bool, selects_by_number: bool) -> (Vec<Stamp>, Report) {
        let ((sender, stamps), (described, _)) = (sync_channel(64), sync_channel(1));
        let expectation = Expectation {
            name: "a.mp4".to_owned(),
            url: "file:a.mp4".to_owned(),
            is_live,
            writes_pictures: selects_by_number,
            scales_to_first: false,
            selects_by_number,
            stream: None,
            is_range_settled: false,
        };
        let report = LogReader::new(expectation, sender, described).read(log.as_bytes());
        (stamps.iter().collect(), report)
    }

    fn frame_line(pts: &str, size: &str) -> String {
        format!(
            "[Parsed_showinfo_0 @ 0x5] [info] n:   0 pts: {pts:>6} pts_time:1.00000e+06 pos:  48 fmt:yuv420p \
             sar:1/1 s:{size} i:P iskey:1 type:I \n"
        )
    }

    const TIME_BASE: &str = "[Parsed_showinfo_0 @ 0x5] [info] config in time_base: 1/15360, frame_rate: 30/1\n\
        [Parsed_showinfo_0 @ 0x5] [info] config out time_base: 0/0, frame_rate: 0/0\n";

    #[test]
    fn times_begin_at_0_and_stay_exact_in_long_streams() {
        let log = [TIME_BASE.to_owned(), frame_line("1536000512", "64x48"), frame_line("1536001024", "64x48")].concat();
        let (stamps, report) = read(&log, false, false);
        let size = (64, 48);
        assert_eq!(stamps, [Stamp { index: 0, time_us: 0, size }, Stamp { index: 1, time_us: 33_333, size }]);
        assert_eq!((report.frames, report.loss), (2, None));
    }

    #[test]
    fn pictures_that_are_written_get_stamps_and_the_size_that_they_have_then() {
        let log: String = (0..9)
            .map(|i| {
                let line = frame_line(&(i * 512).to_string(), "64x48");
                let written = line.replace("showinfo_0", "showinfo_4").replace("64x48", "128x48");
                if i % 3 == 0 && i > 0 { line + &written } else { line }
            })
            .collect();
        let (stamps, report) = read(&(TIME_BASE.to_owned() + &log), false, true);
        let size = (128, 48);
        assert_eq!(stamps, [Stamp { index: 3, time_us: 100_000, size }, Stamp { index: 6, time_us: 200_000, size }]);
        assert_eq!(report.frames, 9);
    }

    #[test]
    fn missing_or_decreasing_times_never_go_back() {
        let log: String = ["NOPTS", "NOPTS", "5", "0"].iter().map(|pts| frame_line(pts, "64x48")).collect();
        let times: Vec<u64> = read(&log, false, false).0.iter().map(|stamp| stamp.time_us).collect();
        assert_eq!(times, [0, 40_000, 40_000, 40_000]);
    }

    #[test]
    fn a_stream_continues_when_its_clock_is_set_back() {
        let pts = ["15360", "30720", "-55296000", "-55280640", "-55281664"];
        let log: String = pts.iter().map(|pts| frame_line(pts, "64x48")).collect();
        let times = |is_live| -> Vec<u64> {
            let log = TIME_BASE.to_owned() + &log;
            read(&log, is_live, false).0.iter().map(|stamp| stamp.time_us).collect()
        };
        assert_eq!(times(true), [0, 1_000_000, 1_040_000, 2_040_000, 2_040_000]);
        // In a file, the time waits for the clock.
        assert_eq!(times(false), [0, 1_000_000, 1_000_000, 1_000_000, 1_000_000]);
    }

    #[test]
    fn only_lost_pictures_are_a_loss_and_a_stream_recovers() {
        let log = format!(
            "[h264 @ 0x1] [error] non-existing PPS 0 referenced\n\
             [error] Error while decoding stream #0:0: Invalid data found when processing input\n{0}\
             [mp3float @ 0x1] [error] Header missing\n[warning] file:a.mp4: corrupt decoded frame in stream 0\n{0}",
            frame_line("0", "64x48")
        );
        let report = read(&log, false, false).1;
        assert_eq!(report.loss.as_deref(), Some("file:a.mp4: corrupt decoded frame in stream 0"));
        assert_eq!(report.remark.as_deref(), Some("non-existing PPS 0 referenced"));
        assert_eq!(read(&log, true, false).1.loss, None);
    }

    #[test]
    fn frames_of_another_size_are_frames_and_an_invalid_size_ends_the_stamps() {
        let log = [frame_line("0", "64x48"), frame_line("1", "32x48"), frame_line("2", "8x8")].concat();
        let (stamps, report) = read(&log, false, false);
        assert_eq!((stamps.len(), report.frames), (2, 2));
        assert!(report.size_error.is_some_and(|error| error.to_string().contains("frame 2 of a.mp4")));
    }

    #[test]
    fn a_selection_by_number_ends_where_the_filters_begin_anew() {
        let log = [TIME_BASE, &frame_line("0", "64x48"), TIME_BASE, &frame_line("1", "64x48")].concat();
        let (stamps, report) = read(&log, false, true);
        assert_eq!((stamps.len(), report.revision), (0, Some(Revision::EveryPicture)));
        assert_eq!(read(&log, false, false).1.frames, 2);
    }

    #[test]
    fn a_pass_that_decodes_another_stream_than_the_default_one_is_revised() {
        let stream = |index: u32, more: &str| {
            format!("[info]   Stream #0:{index}: Video: h264, yuv420p(tv, bt709), 64x48, 25 tbr{more}\n")
        };
        let end = format!("[info] Stream mapping:\n{}", frame_line("0", "64x48"));
        let revision = |log: String| read(&log, false, false).1.revision;
        assert_eq!(revision([stream(0, ""), stream(1, ""), end.clone()].concat()), None);
        let second = [stream(0, ""), stream(1, " (default)"), end.clone()].concat();
        assert_eq!(revision(second), Some(Revision::Stream(1)));
        let pq = stream(0, "").replace("bt709", "bt2020nc/bt2020/smpte2084");
        assert_eq!(revision([pq, end].concat()), Some(Revision::Range(Transfer::Pq)));
    }

    #[test]
    fn a_message_in_the_middle_of_another_line_is_read() {
        let line = frame_line("0", "64x48");
        let log = format!("{}[matroska,webm @ 0x2] [error] File ended prematurely\n", line.trim_end());
        let report = read(&log, false, false).1;
        assert_eq!((report.frames, report.loss.as_deref()), (1, Some("File ended prematurely")));
        let title = "[info]     title           : [x @ 0x1] [error] File ended prematurely";
        assert_eq!(read(title, false, false).1.loss, None);
    }

    #[test]
    fn similar_lines_are_ignored() {
        for line in [
            "",
            "[",
            "[info]     title           : [error] no trouble",
            "[Parsed_showinfo_0 @ 0x5] [info]   side data - display matrix: rotation of 90.00 degrees",
            "[Parsed_showinfo_0 @ 0x5] [info] config in time_base: 1/0, frame_rate: 30/1",
            "[Parsed_showinfo_0 @ 0x5] [info] n: x",
            "[mp4 @ 0x5] [warning] Application provided a strange tag",
        ] {
            let report = read(line, false, false).1;
            assert_eq!((report.frames, report.loss, report.remark), (0, None, None), "{line}");
        }
    }
}
