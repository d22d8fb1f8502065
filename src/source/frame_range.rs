//! A part of a longer source.

use super::Source;
use crate::error::{Error, Result, Stage};
use crate::frame::Frame;

/// `count` frames of a source from `offset` on, as a clip of their own: frames and times begin at 0.
pub struct FrameRange<'a> {
    source: Box<dyn Source + 'a>,
    offset: u64,
    count: u64,
    /// The time of the first frame, once one was lent.
    began: Option<u64>,
}

impl core::fmt::Debug for FrameRange<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("FrameRange").field("source", &self.source.name()).field("offset", &self.offset).finish()
    }
}

impl<'a> FrameRange<'a> {
    /// The part of `source`.
    ///
    /// # Errors
    /// When the source is shorter.
    pub fn new(mut source: Box<dyn Source + 'a>, offset: u64, count: u64) -> Result<Self> {
        let there = source.count()?;
        if count == 0 || offset.checked_add(count).is_none_or(|end| end > there) {
            let expected = format!("{count} frames from {offset} on in {}", source.name());
            return Err(Error::new(Stage::Source, expected, format_args!("{there} frames"), "correct the list"));
        }
        Ok(Self { source, offset, count, began: None })
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
        let began = *self.began.get_or_insert_with(|| {
            // Frames in front of the first that was lent would have come at the same pace.
            let index = frame.index().max(1);
            (u128::from(frame.time_us()) * u128::from(offset) / u128::from(index)) as u64
        });
        Ok(Some(frame.renumbered(frame.index() - offset, frame.time_us().saturating_sub(began))))
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
    fn a_part_is_a_clip_that_begins_at_its_first_frame() {
        let folder = tempfile::tempdir().unwrap();
        for index in 0..9u8 {
            image::GrayImage::from_pixel(20, 16, image::Luma([index]))
                .save(folder.path().join(format!("{index}.png")))
                .unwrap();
        }
        let whole = || open(folder.path().as_os_str(), &SourceOptions::default()).unwrap();
        let mut span = FrameRange::new(whole(), 3, 4).unwrap();
        assert_eq!(span.count().unwrap(), 4);
        let mut seen = Vec::new();
        while let Some(frame) = span.next_frame().unwrap() {
            seen.push((frame.index(), frame.time_us(), frame.pixels()[0]));
        }
        assert_eq!(seen, [(0, 0, 3), (1, 40_000, 4), (2, 80_000, 5), (3, 120_000, 6)]);
        span.select(&[1, 3]).unwrap();
        assert_eq!(span.next_frame().unwrap().unwrap().pixels()[0], 4);
        assert_eq!(span.next_frame().unwrap().unwrap().index(), 3);
        assert!(span.next_frame().unwrap().is_none());
        assert!(FrameRange::new(whole(), 6, 4).is_err() && FrameRange::new(whole(), 0, 0).is_err());
    }
}
