//! Reads frames in batches and segments them.

use super::PersonSegmenter;
use crate::error::{Error, Result};
use crate::frame::{Frame, FrameBuffer};
use crate::mask::Shape;
use crate::source::Source;

/// Frames per batch.
const FRAMES: usize = 8;

/// The next frames of a source, with the person's shape in each. An error of the source is returned after its last
/// whole frame.
#[derive(Debug, Default)]
pub(super) struct SegmentedFrames {
    frames: Vec<FrameBuffer>,
    people: Vec<Shape>,
    /// Number of these that were returned.
    returned: usize,
    ended: bool,
    error: Option<Error>,
}

impl SegmentedFrames {
    /// Drops the buffered frames, after the source was selected anew.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Returns the next frame of `source`.
    ///
    /// # Errors
    /// Returns an error if the source cannot be read, or if the segmenter fails.
    pub fn next(
        &mut self,
        source: &mut dyn Source,
        segmenter: &mut PersonSegmenter,
    ) -> Result<Option<(Frame<'_>, &Shape)>> {
        if self.returned == self.people.len() {
            self.read(source);
            segmenter.persons_in(self.frames.iter().filter_map(FrameBuffer::frame), &mut self.people)?;
        }
        if self.returned == self.people.len() {
            return self.error.take().map_or(Ok(None), Err);
        }
        self.returned += 1;
        let frame = self.frames.get(self.returned - 1).and_then(FrameBuffer::frame);
        Ok(frame.zip(self.people.get(self.returned - 1)))
    }

    fn read(&mut self, source: &mut dyn Source) {
        (self.returned, self.frames) = (0, Vec::with_capacity(FRAMES));
        while self.frames.len() < FRAMES && !self.ended {
            match source.next_frame() {
                Ok(Some(frame)) => {
                    let mut buffer = FrameBuffer::default();
                    buffer.copy_from(&frame);
                    self.frames.push(buffer);
                }
                Ok(None) => self.ended = true,
                Err(error) => (self.ended, self.error) = (true, Some(error)),
            }
        }
    }
}
