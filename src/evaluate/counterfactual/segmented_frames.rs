//! Frames read segmented, so that several are cut at a time.

use super::PersonSegmenter;
use crate::error::{Error, Result};
use crate::frame::{Frame, FrameBuffer};
use crate::mask::Shape;
use crate::source::Source;

/// Frames that are cut at a time.
const FRAMES: usize = 8;

/// The next frames of a source with the person's shape in each. What is wrong with the source is told behind its last whole
/// frame.
#[derive(Debug, Default)]
pub(super) struct SegmentedFrames {
    frames: Vec<FrameBuffer>,
    people: Vec<Shape>,
    /// How many of these were lent.
    lent: usize,
    ended: bool,
    wrong: Option<Error>,
}

impl SegmentedFrames {
    /// Forgets what was read: the source was selected anew.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// The next frame of `source`.
    ///
    /// # Errors
    /// When the source cannot be read, or the segmenter fails.
    pub fn next(
        &mut self,
        source: &mut dyn Source,
        segmenter: &mut PersonSegmenter,
    ) -> Result<Option<(Frame<'_>, &Shape)>> {
        if self.lent == self.people.len() {
            self.read(source);
            segmenter.persons_in(self.frames.iter().filter_map(FrameBuffer::frame), &mut self.people)?;
        }
        if self.lent == self.people.len() {
            return self.wrong.take().map_or(Ok(None), Err);
        }
        self.lent += 1;
        let frame = self.frames.get(self.lent - 1).and_then(FrameBuffer::frame);
        Ok(frame.zip(self.people.get(self.lent - 1)))
    }

    fn read(&mut self, source: &mut dyn Source) {
        (self.lent, self.frames) = (0, Vec::with_capacity(FRAMES));
        while self.frames.len() < FRAMES && !self.ended {
            match source.next_frame() {
                Ok(Some(frame)) => {
                    let mut buffer = FrameBuffer::default();
                    buffer.copy_from(&frame);
                    self.frames.push(buffer);
                }
                Ok(None) => self.ended = true,
                Err(error) => (self.ended, self.wrong) = (true, Some(error)),
            }
        }
    }
}
