//! A range of the frames of a longer source.

use super::Source;
use crate::error::{Error, Result, Stage};
use crate::frame::Frame;

/// `count` frames of a source from `offset` on, as a clip whose indices and times begin at 0.
pub struct FrameRange<'a> {
    source: Box<dyn Source + 'a>,
    offset: u64,
    count: u64,
    /// Time of the first frame of the range in microseconds, once a frame was read.
    start_us: Option<u64>,
}

impl core::fmt::Debug for FrameRange<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("FrameRange").field("source", &self.source.name()).field("offset", &self.offset).finish()
    }
}

impl<'a> FrameRange<'a> {
    /// Creates the range.
    ///
    /// # Errors
    /// Returns an error if the source is shorter or the range is empty.
    pub fn new(mut source: Box<dyn Source + 'a>, offset: u64, count: u64) -> Result<Self> {
        let total = source.count()?;
        if count == 0 || offset.checked_add(count).is_none_or(|end| end > total) {
            let expected = format!("{count} frames from {offset} on in {}", source.name());
            return Err(Error::new(Stage::Source, expected, format_args!("{total} frames"), "correct the range"));
        }
        Ok(Self { source, offset, count, start_us: None })
    }
}

impl Source for FrameRange<'_> {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn next_frame(&mut self) -> Result<Option<Frame<'_>>> {
        let offset = self.offset;
        let Some(frame) = self.source.next_frame()? else { return Ok(None) };
        let start_us = *self.start_us.get_or_insert_with(|| {
            // Extrapolates to the first frame of the range, which may not be selected.
            let index = frame.index().max(1);
            (u128::from(frame.time_us()) * u128::from(offset) / u128::from(index)) as u64
        });
        Ok(Some(frame.renumbered(frame.index() - offset, frame.time_us().saturating_sub(start_us))))
    }

    fn count(&mut self) -> Result<u64> {
        self.select(&(0..self.count).collect::<Vec<u64>>())?;
        Ok(self.count)
    }

    fn select(&mut self, indices: &[u64]) -> Result<()> {
        self.source.select(&indices.iter().map(|index| index + self.offset).collect::<Vec<u64>>())
    }
}
