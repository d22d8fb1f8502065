//! A source in memory.

use super::Source;
use super::held_frames::HeldFrames;
use super::selection::Selection;
use crate::error::{Error, Result, Stage};
use crate::frame::Frame;

/// Frames of another source, read into memory to be scored repeatedly.
#[derive(Debug)]
pub struct RecordedSource {
    name: String,
    frames: HeldFrames,
    /// Number of frames of the original source.
    total: u64,
}

impl RecordedSource {
    /// Reads the frames with these ascending `indices` from `source`, which has `total` frames.
    ///
    /// # Errors
    /// Returns an error if the source cannot be read or has no frames.
    pub fn read(source: &mut dyn Source, indices: &[u64], total: u64) -> Result<Self> {
        source.select(indices)?;
        let mut frames = HeldFrames::default();
        while let Some(frame) = source.next_frame()? {
            frames.push(&frame);
        }
        if frames.len() == 0 {
            let got = format!("none in {}", source.name());
            return Err(Error::new(Stage::Source, "frames to record", got, "pass a source with frames"));
        }
        Ok(Self { name: source.name().to_owned(), frames, total })
    }
}

impl Source for RecordedSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn next_frame(&mut self) -> Result<Option<Frame<'_>>> {
        Ok(self.frames.next())
    }

    fn count(&mut self) -> Result<u64> {
        self.frames.rewind(Selection::All);
        Ok(self.total)
    }

    fn select(&mut self, indices: &[u64]) -> Result<()> {
        self.frames.rewind(Selection::only(indices)?);
        Ok(())
    }
}
