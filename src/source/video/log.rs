//! What ffmpeg says on stderr with `-loglevel level+info` and the filter `showinfo`: times, sizes, errors.

use crate::error::Error;
use crate::frame::check_size;
use crate::source::picture::FirstSize;
use crate::source::selection::Selection;
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;

/// A longer line is taken for several: no line may fill the memory.
const MAX_LINE_BYTES: u64 = 1 << 16;

/// How long a frame without a time stamp is taken to last.
const FRAME_TIME_WHEN_NONE_US: u64 = 40_000;

/// How far a stream's clock has to fall, in microseconds, to count as set back: frames come out of order by less.
const SET_BACK_US: i128 = 1_000_000;

/// Index and time of a frame, from `showinfo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub index: u64,
    pub time_us: u64,
}

/// What the whole log amounts to.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Whole frames shown, all of one size.
    pub frames: u64,
    /// The first error in ffmpeg's own words.
    pub trouble: Option<String>,
    /// Why frames are not taken over though ffmpeg decodes them: their size.
    pub refusal: Option<Error>,
}

/// Reads the log to its end, so that ffmpeg never waits for its stderr.
pub(super) struct Listener {
    name: String,
    is_live: bool,
    /// Only these are stamped: others would pile up between two wanted frames.
    wanted: Selection,
    /// `None` once frames are refused, which ends the reading side.
    stamps: Option<SyncSender<Stamp>>,
    lines: Arc<AtomicU64>,
    time_base: (u64, u64),
    /// Which pts stands at how many microseconds.
    origin: Option<(i64, u64)>,
    last_us: u64,
    size: FirstSize,
    report: Report,
}

impl Listener {
    /// A listener that stamps the `wanted` frames of `name` and counts every line in `lines`.
    pub fn new(
        name: String,
        is_live: bool,
        wanted: Selection,
        stamps: SyncSender<Stamp>,
        lines: Arc<AtomicU64>,
    ) -> Self {
        let (time_base, stamps) = ((1, 1_000_000), Some(stamps));
        let (size, report) = (FirstSize::default(), Report::default());
        Self { name, is_live, wanted, stamps, lines, time_base, origin: None, last_us: 0, size, report }
    }

    /// Listens until the log ends.
    pub fn listen(mut self, stderr: impl Read) -> Report {
        let mut stderr = BufReader::new(stderr);
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            match stderr.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut bytes) {
                Ok(0) | Err(_) => return self.report,
                Ok(_) => self.hear(parse(&String::from_utf8_lossy(&bytes))),
            }
        }
    }

    fn hear(&mut self, line: Line) {
        self.lines.fetch_add(1, Ordering::Relaxed);
        match line {
            Line::TimeBase(seconds, parts) => self.time_base = (seconds, parts),
            Line::Frame { pts, size } if self.stamps.is_some() => self.show(pts, size),
            Line::Trouble(text) => {
                self.report.trouble.get_or_insert(text);
            }
            Line::Frame { .. } | Line::Other => {}
        }
    }

    fn show(&mut self, pts: Option<i64>, (width, height): (u32, u32)) {
        let index = self.report.frames;
        let size = check_size(width, height).map_err(|error| error.at(&self.name));
        if let Err(refusal) = size.and_then(|()| self.size.check(&self.name, index, width, height)) {
            self.report.refusal = Some(refusal);
            self.stamps = None;
            return;
        }
        if self.is_live {
            // A stream that shows frames again has got over its trouble.
            self.report.trouble = None;
        }
        self.report.frames += 1;
        let time_us = self.time_us(pts);
        if let Some(stamps) = self.stamps.as_ref().filter(|_| self.wanted.contains(index)) {
            // Fails only when nobody reads frames any more; the log is drained all the same.
            let _ = stamps.send(Stamp { index, time_us });
        }
    }

    /// Microseconds since the first frame. From `pts`, since `pts_time` has only six digits.
    fn time_us(&mut self, pts: Option<i64>) -> u64 {
        let next_us = self.last_us.saturating_add(FRAME_TIME_WHEN_NONE_US);
        self.last_us = match pts {
            Some(pts) => {
                let own_us = self.own_us(pts);
                if self.is_live && own_us < i128::from(self.last_us) - SET_BACK_US {
                    // It would else stand still until it has caught up.
                    self.origin = Some((pts, next_us));
                    next_us
                } else {
                    u64::try_from(own_us.max(self.last_us.into())).unwrap_or(u64::MAX)
                }
            }
            None if self.report.frames <= 1 => 0,
            None => next_us,
        };
        self.last_us
    }

    /// Where `pts` stands by the video's own clock, in microseconds.
    fn own_us(&mut self, pts: i64) -> i128 {
        let (seconds, parts) = self.time_base;
        let (origin, base_us) = *self.origin.get_or_insert((pts, 0));
        let ticks = i128::from(pts) - i128::from(origin);
        i128::from(base_us) + ticks.saturating_mul(1_000_000).saturating_mul(seconds.into()) / i128::from(parts)
    }
}

/// One line of the log.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    /// Seconds a tick, as a fraction.
    TimeBase(u64, u64),
    Frame {
        pts: Option<i64>,
        size: (u32, u32),
    },
    Trouble(String),
    Other,
}

fn parse(line: &str) -> Line {
    let (context, level, text) = split(line.trim_end());
    match level {
        "error" | "fatal" | "panic" => Line::Trouble(text.to_owned()),
        "warning" if is_damage(text) => Line::Trouble(text.to_owned()),
        "info" if context.starts_with("Parsed_showinfo") => show_info(text).unwrap_or(Line::Other),
        _ => Line::Other,
    }
}

/// What ffmpeg only warns of, though pictures are lost.
fn is_damage(text: &str) -> bool {
    text.contains("Packet corrupt") || text.contains("corrupt input packet") || text.contains("corrupt decoded frame")
}

/// First bracket, level and text of `[context @ 0x…] [level] text`; there may be none or several contexts.
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

/// The word after `key`, which may stand apart from it.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.split_once(key)?.1.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;

    fn listen(log: &str, is_live: bool, wanted: Selection) -> (Vec<Stamp>, Report) {
        let (sender, stamps) = sync_channel(64);
        let listener = Listener::new("a.mp4".to_owned(), is_live, wanted, sender, Arc::default());
        let report = listener.listen(log.as_bytes());
        (stamps.iter().collect(), report)
    }

    fn shown(pts: &str, size: &str) -> String {
        format!(
            "[Parsed_showinfo_0 @ 0x5] [info] n:   0 pts: {pts:>6} pts_time:1.00000e+06 pos:  48 fmt:yuv420p \
             sar:1/1 s:{size} i:P iskey:1 type:I \n"
        )
    }

    const TIME_BASE: &str = "[Parsed_showinfo_0 @ 0x5] [info] config in time_base: 1/15360, frame_rate: 30/1\n\
        [Parsed_showinfo_0 @ 0x5] [info] config out time_base: 0/0, frame_rate: 0/0\n";

    #[test]
    fn times_begin_at_0_and_are_exact_far_into_a_stream() {
        let log = [TIME_BASE.to_owned(), shown("1536000512", "64x48"), shown("1536001024", "64x48")].concat();
        let (stamps, report) = listen(&log, false, Selection::All);
        assert_eq!(stamps, [Stamp { index: 0, time_us: 0 }, Stamp { index: 1, time_us: 33_333 }]);
        assert_eq!((report.frames, report.trouble), (2, None));
    }

    #[test]
    fn only_wanted_frames_are_stamped_with_their_own_times() {
        let log: String = (0..9).map(|i| shown(&(i * 512).to_string(), "64x48")).collect();
        let (stamps, report) = listen(&(TIME_BASE.to_owned() + &log), false, Selection::Only(vec![3, 6]));
        assert_eq!(stamps, [Stamp { index: 3, time_us: 100_000 }, Stamp { index: 6, time_us: 200_000 }]);
        assert_eq!(report.frames, 9);
    }

    #[test]
    fn frames_without_or_with_falling_times_never_go_back() {
        let log: String = ["NOPTS", "NOPTS", "5", "0"].iter().map(|pts| shown(pts, "64x48")).collect();
        let times: Vec<u64> = listen(&log, false, Selection::All).0.iter().map(|stamp| stamp.time_us).collect();
        assert_eq!(times, [0, 40_000, 40_000, 40_000]);
    }

    #[test]
    fn a_stream_whose_clock_is_set_back_goes_on_from_where_it_was() {
        let pts = ["15360", "30720", "-55296000", "-55280640", "-55281664"];
        let log: String = pts.iter().map(|pts| shown(pts, "64x48")).collect();
        let times = |is_live| -> Vec<u64> {
            let log = TIME_BASE.to_owned() + &log;
            listen(&log, is_live, Selection::All).0.iter().map(|stamp| stamp.time_us).collect()
        };
        assert_eq!(times(true), [0, 1_000_000, 1_040_000, 2_040_000, 2_040_000]);
        // What is wrong in a file stays in its place.
        assert_eq!(times(false), [0, 1_000_000, 1_000_000, 1_000_000, 1_000_000]);
    }

    #[test]
    fn the_first_error_of_a_file_counts_and_a_stream_gets_over_it() {
        let log = format!(
            "{0}[h264 @ 0x1] [error] first\n[error] second\n[out#0 @ 0x1] [h264 @ 0x2] [fatal] third\n{0}",
            shown("0", "64x48")
        );
        assert_eq!(listen(&log, false, Selection::All).1.trouble.as_deref(), Some("first"));
        assert_eq!(listen(&log, true, Selection::All).1.trouble, None);
        assert_eq!(listen(&(log + "[error] lost\n"), true, Selection::All).1.trouble.as_deref(), Some("lost"));
    }

    #[test]
    fn a_change_of_size_ends_the_stamps() {
        let log = [shown("0", "64x48"), shown("1", "32x48"), shown("2", "64x48")].concat();
        let (stamps, report) = listen(&log, false, Selection::All);
        assert_eq!((stamps.len(), report.frames), (1, 1));
        assert!(report.refusal.is_some_and(|error| error.to_string().contains("frame 1 of 32x48")));
    }

    #[test]
    fn lines_that_only_look_alike_are_passed_over() {
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
            Line::Trouble("corrupt input packet in stream 0".to_owned())
        );
    }
}
