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

    fn is_live(&self) -> bool {
        false
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{SourceOptions, open};

    #[test]
    fn indices_and_times_of_a_range_begin_at_0() {
        let folder = tempfile::tempdir().unwrap();
        for index in 0..9u8 {
            image::GrayImage::from_pixel(20, 16, image::Luma([index]))
                .save(folder.path().join(format!("{index}.png")))
                .unwrap();
        }
        let whole = || open(folder.path().as_os_str(), &SourceOptions::default()).unwrap();
        let mut range = FrameRange::new(whole(), 3, 4).unwrap();
        assert_eq!(range.count().unwrap(), 4);
        let mut frames = Vec::new();
        while let Some(frame) = range.next_frame().unwrap() {
            frames.push((frame.index(), frame.time_us(), frame.pixels()[0]));
        }
        assert_eq!(frames, [(0, 0, 3), (1, 40_000, 4), (2, 80_000, 5), (3, 120_000, 6)]);
        range.select(&[1, 3]).unwrap();
        assert_eq!(range.next_frame().unwrap().unwrap().pixels()[0], 4);
        assert_eq!(range.next_frame().unwrap().unwrap().index(), 3);
        assert!(range.next_frame().unwrap().is_none());
        assert!(FrameRange::new(whole(), 6, 4).is_err() && FrameRange::new(whole(), 0, 0).is_err());
    }
}
