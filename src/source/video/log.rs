//! Parses the log of ffmpeg with `-loglevel level+info` and the filter `showinfo`: times, sizes, errors.

use crate::error::Error;
use crate::frame::check_size;
use crate::source::picture::FirstSize;
use crate::source::selection::Selection;
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;

/// Maximum length of a line; a longer one is split, so that it cannot exhaust memory.
const MAX_LINE_BYTES: u64 = 1 << 16;

/// Assumed duration of a frame without a time stamp.
const DEFAULT_FRAME_US: u64 = 40_000;

/// Decrease in microseconds that counts as a clock set back; frames out of order differ by less.
const CLOCK_RESET_US: i128 = 1_000_000;

/// Index and time of a frame, from `showinfo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub index: u64,
    pub time_us: u64,
}

/// The summary of a log.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Number of whole frames, all of one size.
    pub frames: u64,
    /// The first error message of ffmpeg.
    pub failure: Option<String>,
    /// The error of an invalid or changed frame size.
    pub size_error: Option<Error>,
}

/// Reads the log to its end, so that ffmpeg never blocks on stderr.
pub(super) struct LogReader {
    name: String,
    is_live: bool,
    /// Frames that get a stamp; stamps of others would fill the channel.
    selection: Selection,
    /// `None` after a size error, which ends the receiver.
    stamps: Option<SyncSender<Stamp>>,
    lines: Arc<AtomicU64>,
    time_base: (u64, u64),
    /// A pts and its time in microseconds.
    origin: Option<(i64, u64)>,
    last_us: u64,
    size: FirstSize,
    report: Report,
}

impl LogReader {
    /// Creates a reader that sends stamps of the selected frames of `name` and counts every line in `lines`.
    pub fn new(
        name: String,
        is_live: bool,
        selection: Selection,
        stamps: SyncSender<Stamp>,
        lines: Arc<AtomicU64>,
    ) -> Self {
        let (time_base, stamps) = ((1, 1_000_000), Some(stamps));
        let (size, report) = (FirstSize::default(), Report::default());
        Self { name, is_live, selection, stamps, lines, time_base, origin: None, last_us: 0, size, report }
    }

    /// Reads until the log ends.
    pub fn read(mut self, stderr: impl Read) -> Report {
        let mut stderr = BufReader::new(stderr);
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            match stderr.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut bytes) {
                Ok(0) | Err(_) => return self.report,
                Ok(_) => self.handle(parse(&String::from_utf8_lossy(&bytes))),
            }
        }
    }

    fn handle(&mut self, line: Line) {
        self.lines.fetch_add(1, Ordering::Relaxed);
        match line {
            Line::TimeBase(seconds, parts) => self.time_base = (seconds, parts),
            Line::Frame { pts, size } if self.stamps.is_some() => self.add_frame(pts, size),
            Line::Failure(text) => {
                self.report.failure.get_or_insert(text);
            }
            Line::Frame { .. } | Line::Other => {}
        }
    }

    fn add_frame(&mut self, pts: Option<i64>, (width, height): (u32, u32)) {
        let index = self.report.frames;
        let size = check_size(width, height).map_err(|error| error.at(&self.name));
        if let Err(error) = size.and_then(|()| self.size.check(&self.name, index, width, height)) {
            self.report.size_error = Some(error);
            self.stamps = None;
            return;
        }
        if self.is_live {
            // A stream that returns frames again has recovered.
            self.report.failure = None;
        }
        self.report.frames += 1;
        let time_us = self.time_us(pts);
        if let Some(stamps) = self.stamps.as_ref().filter(|_| self.selection.contains(index)) {
            // It fails only if the receiver was dropped; the log is read all the same.
            let _ = stamps.send(Stamp { index, time_us });
        }
    }

    /// Returns the microseconds since the first frame, computed from `pts` because `pts_time` has only six digits.
    fn time_us(&mut self, pts: Option<i64>) -> u64 {
        let next_us = self.last_us.saturating_add(DEFAULT_FRAME_US);
        self.last_us = match pts {
            Some(pts) => {
                let clock_us = self.clock_us(pts);
                if self.is_live && clock_us < i128::from(self.last_us) - CLOCK_RESET_US {
                    // Otherwise the time would not advance until the clock has caught up.
                    self.origin = Some((pts, next_us));
                    next_us
                } else {
                    u64::try_from(clock_us.max(self.last_us.into())).unwrap_or(u64::MAX)
                }
            }
            None if self.report.frames <= 1 => 0,
            None => next_us,
        };
        self.last_us
    }

    /// Returns the time of `pts` on the clock of the video, in microseconds.
    fn clock_us(&mut self, pts: i64) -> i128 {
        let (seconds, parts) = self.time_base;
        let (origin, base_us) = *self.origin.get_or_insert((pts, 0));
        let ticks = i128::from(pts) - i128::from(origin);
        i128::from(base_us) + ticks.saturating_mul(1_000_000).saturating_mul(seconds.into()) / i128::from(parts)
    }
}

/// One line of the log.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    /// Seconds per tick, as a fraction.
    TimeBase(u64, u64),
    Frame {
        pts: Option<i64>,
        size: (u32, u32),
    },
    Failure(String),
    Other,
}

fn parse(line: &str) -> Line {
    let (context, level, text) = split(line.trim_end());
    match level {
        "error" | "fatal" | "panic" => Line::Failure(text.to_owned()),
        "warning" if is_damage(text) => Line::Failure(text.to_owned()),
        "info" if context.starts_with("Parsed_showinfo") => show_info(text).unwrap_or(Line::Other),
        _ => Line::Other,
    }
}

/// Returns whether a warning of ffmpeg means that pictures are lost.
fn is_damage(text: &str) -> bool {
    text.contains("Packet corrupt") || text.contains("corrupt input packet") || text.contains("corrupt decoded frame")
}

/// Splits `[context @ 0x…] [level] text` into the first context, level and text; there may be no or several contexts.
fn split(line: &str) -> (&str, &str, &str) {
    let (mut context, mut rest) = ("", line);
    while let Some((bracket, after)) = rest.strip_prefix('[').and_then(|inner| inner.split_once("] ")) {
        if ["panic", "fatal", "error", "warning", "info"].contains(&bracket) {
            return (context, bracket, after);
        }
        context = if context.is_empty() { bracket } else { context };
        rest = after;
    }
    (context, "", rest)
}

fn show_info(text: &str) -> Option<Line> {
    if let Some(time_base) = text.strip_prefix("config in time_base: ") {
        let (seconds, parts) = time_base.split(',').next()?.split_once('/')?;
        let parts = parts.parse().ok().filter(|&parts| parts > 0)?;
        return Some(Line::TimeBase(seconds.parse().ok()?, parts));
    }
    text.strip_prefix("n:")?;
    let (width, height) = value(text, " s:")?.split_once('x')?;
    let size = (width.parse().ok()?, height.parse().ok()?);
    Some(Line::Frame { pts: value(text, " pts:")?.parse().ok(), size })
}

/// Returns the word after `key` and optional spaces.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.split_once(key)?.1.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;

    fn read(log: &str, is_live: bool, selection: Selection) -> (Vec<Stamp>, Report) {
        let (sender, stamps) = sync_channel(64);
        let reader = LogReader::new("a.mp4".to_owned(), is_live, selection, sender, Arc::default());
        let report = reader.read(log.as_bytes());
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
        let (stamps, report) = read(&log, false, Selection::All);
        assert_eq!(stamps, [Stamp { index: 0, time_us: 0 }, Stamp { index: 1, time_us: 33_333 }]);
        assert_eq!((report.frames, report.failure), (2, None));
    }

    #[test]
    fn only_selected_frames_get_stamps() {
        let log: String = (0..9).map(|i| frame_line(&(i * 512).to_string(), "64x48")).collect();
        let (stamps, report) = read(&(TIME_BASE.to_owned() + &log), false, Selection::Only(vec![3, 6]));
        assert_eq!(stamps, [Stamp { index: 3, time_us: 100_000 }, Stamp { index: 6, time_us: 200_000 }]);
        assert_eq!(report.frames, 9);
    }

    #[test]
    fn missing_or_decreasing_times_never_go_back() {
        let log: String = ["NOPTS", "NOPTS", "5", "0"].iter().map(|pts| frame_line(pts, "64x48")).collect();
        let times: Vec<u64> = read(&log, false, Selection::All).0.iter().map(|stamp| stamp.time_us).collect();
        assert_eq!(times, [0, 40_000, 40_000, 40_000]);
    }

    #[test]
    fn a_stream_continues_when_its_clock_is_set_back() {
        let pts = ["15360", "30720", "-55296000", "-55280640", "-55281664"];
        let log: String = pts.iter().map(|pts| frame_line(pts, "64x48")).collect();
        let times = |is_live| -> Vec<u64> {
            let log = TIME_BASE.to_owned() + &log;
            read(&log, is_live, Selection::All).0.iter().map(|stamp| stamp.time_us).collect()
        };
        assert_eq!(times(true), [0, 1_000_000, 1_040_000, 2_040_000, 2_040_000]);
        // In a file, the time waits for the clock.
        assert_eq!(times(false), [0, 1_000_000, 1_000_000, 1_000_000, 1_000_000]);
    }

    #[test]
    fn the_first_error_of_a_file_counts_and_a_stream_recovers() {
        let log = format!(
            "{0}[h264 @ 0x1] [error] first\n[error] second\n[out#0 @ 0x1] [h264 @ 0x2] [fatal] third\n{0}",
            frame_line("0", "64x48")
        );
        assert_eq!(read(&log, false, Selection::All).1.failure.as_deref(), Some("first"));
        assert_eq!(read(&log, true, Selection::All).1.failure, None);
        assert_eq!(read(&(log + "[error] lost\n"), true, Selection::All).1.failure.as_deref(), Some("lost"));
    }

    #[test]
    fn a_change_of_size_ends_the_stamps() {
        let log = [frame_line("0", "64x48"), frame_line("1", "32x48"), frame_line("2", "64x48")].concat();
        let (stamps, report) = read(&log, false, Selection::All);
        assert_eq!((stamps.len(), report.frames), (1, 1));
        assert!(report.size_error.is_some_and(|error| error.to_string().contains("frame 1 of 32x48")));
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
            assert_eq!(parse(line), Line::Other, "{line}");
        }
        assert_eq!(
            parse("[in @ 0x5] [warning] corrupt input packet in stream 0"),
            Line::Failure("corrupt input packet in stream 0".to_owned())
        );
    }
}
