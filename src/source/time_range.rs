//! Finds the frames of a range of seconds.

use super::{FrameRange, Source};
use crate::error::{Error, Result, Stage};

/// A file may end this much before its range, in microseconds: lists round to whole seconds.
const SHORTER_US: u64 = 500_000;

/// Returns the frames of `source` that are captured from `start_us` on and before `end_us`, in microseconds since its
/// first frame, as a clip. Reads the source to `end_us` once for its frame times.
///
/// # Errors
/// Returns an error if the range is empty, if the source cannot be read, or if it ends more than half a second early.
pub fn time_range<'a>(mut source: Box<dyn Source + 'a>, [start_us, end_us]: [u64; 2]) -> Result<FrameRange<'a>> {
    let (mut first_us, mut last_us, mut interval_us, mut frames) = (None, 0, 0, 0u64);
    let mut range: Option<[u64; 2]> = None;
    while let Some(frame) = source.next_frame()? {
        let first_us = *first_us.get_or_insert(frame.time_us());
        let time_us = frame.time_us().saturating_sub(first_us);
        (interval_us, last_us) = (time_us.saturating_sub(last_us), last_us.max(time_us));
        frames += 1;
        if time_us >= end_us {
            last_us = end_us;
            break;
        }
        if time_us >= start_us {
            let [begin, end] = range.get_or_insert([frame.index(); 2]);
            (*begin, *end) = (frame.index().min(*begin), frame.index().max(*end));
        }
    }
    // The last frame is shown as long as the one before it.
    let length_us = last_us + if frames > 1 { interval_us } else { 0 };
    match range {
        Some([begin, end]) if length_us.saturating_add(SHORTER_US) >= end_us => {
            FrameRange::new(source, begin, end - begin + 1)
        }
        _ => {
            let seconds = |us: u64| us as f64 / 1e6;
            let expected = format!("a clip from {} s to {} s", seconds(start_us), seconds(end_us));
            let got = format!("{}, which has {:.1} s", source.name(), seconds(length_us));
            let next =
                "download the whole video, or name a file that is cut already ID_START_END, with six digits each";
            Err(Error::new(Stage::Source, expected, got, next))
        }
    }
}
