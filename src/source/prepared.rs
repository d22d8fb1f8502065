//! A clip whose sampled frames were decoded before a pipeline asks for them.

use super::held_frames::HeldFrames;
use super::selection::Selection;
use super::{Source, SourceHealth};
use crate::error::{Error, Result, Stage};
use crate::frame::Frame;
use std::time::{Duration, Instant};

/// The sampled frames of another source, which can go to another thread.
#[derive(Debug)]
pub struct PreparedClip {
    name: String,
    /// Number of frames of the clip.
    count: u64,
    frames: HeldFrames,
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
        let mut frames = HeldFrames::default();
        let damage = loop {
            match source.next_frame() {
                Ok(Some(frame)) => frames.push(&frame),
                Ok(None) => break None,
                Err(error) if frames.len() < chosen => return Err(error),
                Err(error) => break Some(error),
            }
        };
        let (name, health) = (source.name().to_owned(), source.health());
        Ok(Self { name, count, frames, damage, health, decoded_in: began.elapsed() })
    }
}

impl Source for PreparedClip {
    fn name(&self) -> &str {
        &self.name
    }

    fn next_frame(&mut self) -> Result<Option<Frame<'_>>> {
        match self.frames.next() {
            Some(frame) => Ok(Some(frame)),
            None => self.damage.take().map_or(Ok(None), Err),
        }
    }

    fn count(&mut self) -> Result<u64> {
        self.frames.rewind(Selection::All);
        Ok(self.count)
    }

    fn select(&mut self, indices: &[u64]) -> Result<()> {
        if let Some(missing) = indices.iter().find(|index| !self.frames.holds(**index)) {
            let got = format_args!("frame {missing} of {}", self.name);
            return Err(Error::new(Stage::Source, "frames that were decoded in advance", got, "open the clip again"));
        }
        self.frames.rewind(Selection::only(indices)?);
        Ok(())
    }

    fn decoded_in(&self) -> Option<Duration> {
        Some(self.decoded_in)
    }

    fn health(&self) -> SourceHealth {
        self.health
    }
}
