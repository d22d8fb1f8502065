//! A clip that repeats without end, in real time.

use super::{Source, live};
use crate::error::{Error, Result, Stage};
use crate::frame::{Frame, FrameBuffer};
use std::time::{Duration, Instant};

/// A clip in memory that repeats without end in real time, as a camera in front of a screen would see it. Frame indices
/// and times continue over all repetitions.
#[derive(Debug)]
pub struct LoopedSource {
    name: String,
    frames: Vec<FrameBuffer>,
    /// Duration of one repetition, in microseconds.
    period_us: u64,
    next_index: u64,
    /// Time of the first frame.
    began: Option<Instant>,
}

impl LoopedSource {
    /// Reads all frames of `source`.
    ///
    /// # Errors
    /// Returns an error if the source cannot be read, or has no frame.
    pub fn read(source: &mut dyn Source) -> Result<Self> {
        let mut frames = Vec::new();
        while let Some(frame) = source.next_frame()? {
            let mut buffer = FrameBuffer::default();
            buffer.copy_from(&frame);
            frames.push(buffer);
        }
        let times: Vec<u64> = frames.iter().filter_map(FrameBuffer::frame).map(|frame| frame.time_us()).collect();
        let (Some(first), Some(last)) = (times.first(), times.last()) else {
            let got = format_args!("none in {}", source.name());
            return Err(Error::new(Stage::Source, "frames to repeat", got, "pass a source with frames"));
        };
        // The last frame is shown as long as the mean one, and a still picture for one second.
        let span_us = last - first;
        let period_us = if span_us == 0 { 1_000_000 } else { span_us + span_us / (times.len() as u64 - 1) };
        Ok(Self { name: source.name().to_owned(), frames, period_us, next_index: 0, began: None })
    }

    /// Returns the frame with this index and its time over all repetitions.
    fn frame(&self, index: u64) -> Option<Frame<'_>> {
        let count = self.frames.len() as u64;
        let first = self.frames.first()?.frame()?.time_us();
        let frame = self.frames.get((index % count) as usize)?.frame()?;
        Some(frame.renumbered(index, index / count * self.period_us + frame.time_us() - first))
    }
}

impl Source for LoopedSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_live(&self) -> bool {
        true
    }

    fn next_frame(&mut self) -> Result<Option<Frame<'_>>> {
        let began = *self.began.get_or_insert_with(Instant::now);
        let index = self.next_index;
        self.next_index += 1;
        let frame = self.frame(index);
        if let Some(frame) = &frame {
            let due = began + Duration::from_micros(frame.time_us());
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        Ok(frame)
    }

    fn count(&mut self) -> Result<u64> {
        Err(live(&self.name))
    }

    fn select(&mut self, _indices: &[u64]) -> Result<()> {
        Err(live(&self.name))
    }
}
