//! A source in memory.

use super::Source;
use super::selection::Selection;
use crate::error::{Error, Result, Stage};
use crate::frame::{Frame, FrameBuffer};

/// Frames of another source, read into memory to be scored repeatedly.
#[derive(Debug)]
pub struct RecordedSource {
    name: String,
    frames: Vec<FrameBuffer>,
    /// Number of frames of the original source.
    total: u64,
    next: usize,
    selection: Selection,
}

impl RecordedSource {
    /// Reads the frames with these ascending `indices` from `source`, which has `total` frames.
    ///
    /// # Errors
    /// Returns an error if the source cannot be read or has no frames.
    pub fn read(source: &mut dyn Source, indices: &[u64], total: u64) -> Result<Self> {
        source.select(indices)?;
        let mut frames = Vec::with_capacity(indices.len());
        while let Some(frame) = source.next_frame()? {
            let mut buffer = FrameBuffer::default();
            buffer.copy_from(&frame);
            frames.push(buffer);
        }
        if frames.is_empty() {
            let got = format!("none in {}", source.name());
            return Err(Error::new(Stage::Source, "frames to record", got, "pass a source with frames"));
        }
        Ok(Self { name: source.name().to_owned(), frames, total, next: 0, selection: Selection::All })
    }
}

impl Source for RecordedSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn next_frame(&mut self) -> Result<Option<Frame<'_>>> {
        while let Some(frame) = self.frames.get(self.next).and_then(FrameBuffer::frame) {
            self.next += 1;
            if self.selection.contains(frame.index()) {
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    fn count(&mut self) -> Result<u64> {
        (self.next, self.selection) = (0, Selection::All);
        Ok(self.total)
    }

    fn select(&mut self, indices: &[u64]) -> Result<()> {
        (self.next, self.selection) = (0, Selection::only(indices)?);
        Ok(())
    }
}
