//! A clip whose sampled frames were decoded before a pipeline asks for them.

use super::selection::Selection;
use super::{Source, SourceHealth};
use crate::error::{Error, Result, Stage};
use crate::frame::{Frame, FrameBuffer};
use std::time::{Duration, Instant};

/// The sampled frames of another source, which can go to another thread.
#[derive(Debug)]
pub struct PreparedClip {
    name: String,
    /// Number of frames of the clip.
    count: u64,
    frames: Vec<FrameBuffer>,
    next: usize,
    selection: Selection,
    /// Damage behind the last frame.
    damage: Option<Error>,
    health: SourceHealth,
    decoded_in: Duration,
}

impl PreparedClip {
    /// Decodes the frames of `source` that `choose` chooses among as many as it has.
    ///
    /// # Errors
    /// Returns an error if the source cannot be read, or is damaged before the last of these frames.
    pub fn read(source: &mut dyn Source, choose: &mut dyn FnMut(u64) -> Vec<u64>) -> Result<Self> {
        let began = Instant::now();
        let mut chosen = 0;
        let count = source.sample(&mut |count| {
            let indices = choose(count);
            chosen = indices.len();
            indices
        })?;
        let mut frames = Vec::with_capacity(chosen);
        let damage = loop {
            match source.next_frame() {
                Ok(Some(frame)) => {
                    let mut buffer = FrameBuffer::default();
                    buffer.copy_from(&frame);
                    frames.push(buffer);
                }
                Ok(None) => break None,
                Err(error) if frames.len() < chosen => return Err(error),
                Err(error) => break Some(error),
            }
        };
        let (name, health) = (source.name().to_owned(), source.health());
        let selection = Selection::All;
        Ok(Self { name, count, frames, next: 0, selection, damage, health, decoded_in: began.elapsed() })
    }
}

impl Source for PreparedClip {
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
        self.damage.take().map_or(Ok(None), Err)
    }

    fn count(&mut self) -> Result<u64> {
        (self.next, self.selection) = (0, Selection::All);
        Ok(self.count)
    }

    fn select(&mut self, indices: &[u64]) -> Result<()> {
        let is_held =
            |index: &&u64| self.frames.iter().any(|frame| frame.frame().is_some_and(|f| f.index() == **index));
        if let Some(missing) = indices.iter().find(|index| !is_held(index)) {
            let got = format_args!("frame {missing} of {}", self.name);
            return Err(Error::new(Stage::Source, "frames that were decoded in advance", got, "open the clip again"));
        }
        (self.next, self.selection) = (0, Selection::only(indices)?);
        Ok(())
    }

    fn decoded_in(&self) -> Option<Duration> {
        Some(self.decoded_in)
    }

    fn health(&self) -> SourceHealth {
        self.health
    }
}
