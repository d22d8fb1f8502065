//! Scores clips: one record per clip.

use super::dataset::LabelledClip;
use super::file_identity::{FileIdentities, Inputs, KnownFiles};
use super::metrics::Classes;
use super::{ClipOutcome, PointingGame, Record};
use crate::error::{Error, Result, Stage};
use crate::pipeline::{Pipeline, Window};
use crate::source::Source;
use std::ops::ControlFlow;

/// Opens a clip, or the counterfactual clip made from it.
pub(super) trait ClipOpener: Send {
    /// Opens the frames of `clip`.
    ///
    /// # Errors
    /// Returns an error if they cannot be read.
    fn open<'s>(&'s mut self, clip: &'s LabelledClip) -> Result<Box<dyn Source + 's>>;

    /// Returns the files that the frames of `clip` are read from, by their role.
    fn inputs(&self, clip: &LabelledClip) -> Inputs;
}

/// Scores clips on one thread.
#[derive(Debug)]
pub(super) struct ScoringWorker<'a, O> {
    pub pipeline: &'a mut Pipeline,
    pub opener: O,
    /// The pointing game; it needs a pipeline that records frames.
    pub pointing_game: Option<PointingGame>,
    /// The files that the run has read.
    pub files: &'a KnownFiles,
}

impl<O: ClipOpener> ScoringWorker<'_, O> {
    /// Scores `clip`. A clip that cannot be read is a record too.
    ///
    /// # Errors
    /// Returns an error if a model fails, or if the run is cancelled.
    pub fn record(&mut self, clip: &LabelledClip) -> Result<Record> {
        let classes = Classes::new(self.pipeline.names());
        let (mut pointing, mut files) = (None, FileIdentities::new());
        let outcome = match &clip.path {
            None => ClipOutcome::Missing,
            Some(_) if classes.index(&clip.label).is_none() => ClipOutcome::Mislabelled,
            Some(_) => match self.identified(clip, &mut files, &mut pointing) {
                Err(error) if error.is_input() => ClipOutcome::Unreadable(error.to_string()),
                outcome => outcome.map_err(|error| error.at(&clip.id))?,
            },
        };
        let (id, truth, strata) = (clip.id.clone(), clip.label.clone(), clip.strata.clone());
        Ok(Record { clip: id, truth, strata, pointing, files, outcome })
    }

    /// Scores `clip` and returns the identity of its `files`, which must not change meanwhile.
    fn identified(
        &mut self,
        clip: &LabelledClip,
        files: &mut FileIdentities,
        pointing: &mut Option<f32>,
    ) -> Result<ClipOutcome> {
        let inputs = self.opener.inputs(clip);
        *files = self.files.identities(&inputs)?;
        let outcome = self.score(clip, pointing)?;
        if let Some(difference) = self.files.difference(&inputs, files)? {
            let next = "run it again when the file is complete";
            return Err(Error::new(Stage::Source, "a file that nobody writes meanwhile", difference, next));
        }
        Ok(outcome)
    }

    fn score(&mut self, clip: &LabelledClip, pointing: &mut Option<f32>) -> Result<ClipOutcome> {
        let mut source = self.opener.open(clip)?;
        if clip.least_frames > 1 {
            let frames = source.count()?;
            if frames < clip.least_frames {
                return Ok(ClipOutcome::TooShort(frames));
            }
        }
        let name = source.name().to_owned();
        let (mut scored, pointing_game) = (None, &mut self.pointing_game);
        let watched = self.pipeline.watch(source.as_mut(), Window::Clip, &mut |result| {
            scored = Some(ClipOutcome::scored(&name, result)?);
            if let Some(game) = pointing_game {
                *pointing = game.play(&result.pictures)?;
            }
            Ok(ControlFlow::Continue(()))
        });
        // Damage after the last sampled frame does not invalidate the verdict.
        if scored.is_none() {
            watched?;
        }
        scored.ok_or_else(|| Error::new(Stage::Pipeline, "a window", "none", "report this"))
    }
}
