//! Frames in memory, of which a selection is lent in order.

use super::selection::Selection;
use crate::frame::{Frame, FrameBuffer};

/// Copies of frames, with those that are selected and the next one to lend.
#[derive(Debug, Default)]
pub(super) struct HeldFrames {
    frames: Vec<FrameBuffer>,
    next: usize,
    selection: Selection,
}

impl HeldFrames {
    /// Adds a copy of `frame` at the end.
    pub fn push(&mut self, frame: &Frame<'_>) {
        let mut buffer = FrameBuffer::default();
        buffer.copy_from(frame);
        self.frames.push(buffer);
    }

    /// Returns the number of frames.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Returns whether the frame with this index is held.
    pub fn holds(&self, index: u64) -> bool {
        self.frames.iter().filter_map(FrameBuffer::frame).any(|frame| frame.index() == index)
    }

    /// Lends the frames of `selection` from the first one on.
    pub fn rewind(&mut self, selection: Selection) {
        (self.next, self.selection) = (0, selection);
    }

    /// Returns the next selected frame.
    pub fn next(&mut self) -> Option<Frame<'_>> {
        let selection = &self.selection;
        let left = self.frames.iter().skip(self.next);
        let mut found = left.enumerate().filter_map(|(skipped, buffer)| Some((skipped, buffer.frame()?)));
        let (skipped, frame) = found.find(|(_, frame)| selection.contains(frame.index()))?;
        self.next += skipped + 1;
        Some(frame)
    }
}
