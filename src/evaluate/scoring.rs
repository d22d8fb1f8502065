//! Scores clips: one record per clip.

use super::dataset::LabelledClip;
use super::file_identity::{FileIdentities, Inputs, KnownFiles};
use super::metrics::Classes;
use super::progress::ClipReader;
use super::{ClipOutcome, PointingGame, Record};
use crate::bundle::manifest::ClipSettings;
use crate::error::{Error, Result, Stage};
use crate::pipeline::{Pipeline, Window};
use crate::source::{PreparedClip, Source};
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

/// Reads clips ahead of the models.
#[derive(Clone, Copy)]
pub(super) struct ReadAhead<'a> {
    pub reader: ClipReader<'a>,
    /// How frames are sampled.
    pub clip: &'a ClipSettings,
    /// The files that the run has read.
    pub files: &'a KnownFiles,
}

/// A clip that was read ahead, with the identity that its files had before.
pub(super) struct ReadClip {
    files: FileIdentities,
    source: PreparedClip,
}

impl ReadAhead<'_> {
    /// Reads the sampled frames of `clip`; `None` if it has no file or must be counted first.
    pub fn read(&self, clip: &LabelledClip) -> Option<Result<ReadClip>> {
        let is_readable = clip.path.is_some() && clip.least_frames <= 1;
        is_readable.then(|| {
            let files = self.files.identities(&clip.inputs())?;
            let mut source = self.reader.open(clip)?;
            let source = PreparedClip::read(source.as_mut(), &mut |count| self.clip.distinct(count))?;
            Ok(ReadClip { files, source })
        })
    }
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
    /// Scores `clip`, which may have been read ahead. A clip that cannot be read is a record too.
    ///
    /// # Errors
    /// Returns an error if a model fails, or if the run is cancelled.
    pub fn record(&mut self, clip: &LabelledClip, ahead: Option<Result<ReadClip>>) -> Result<Record> {
        let classes = Classes::new(self.pipeline.names());
        let (mut pointing, mut files) = (None, FileIdentities::new());
        let outcome = match &clip.path {
            None => ClipOutcome::Missing,
            Some(_) if classes.index(&clip.label).is_none() => ClipOutcome::Mislabelled,
            Some(_) => match self.identified(clip, ahead, &mut files, &mut pointing) {
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
        ahead: Option<Result<ReadClip>>,
        files: &mut FileIdentities,
        pointing: &mut Option<f32>,
    ) -> Result<ClipOutcome> {
        let inputs = self.opener.inputs(clip);
        let outcome = match ahead.transpose()? {
            Some(mut read) => {
                *files = read.files;
                score(self.pipeline, &mut self.pointing_game, &mut read.source, pointing)?
            }
            None => {
                *files = self.files.identities(&inputs)?;
                self.score_opened(clip, pointing)?
            }
        };
        if let Some(difference) = self.files.difference(&inputs, files)? {
            let next = "run it again when the file is complete";
            return Err(Error::new(Stage::Source, "a file that nobody writes meanwhile", difference, next));
        }
        Ok(outcome)
    }

    fn score_opened(&mut self, clip: &LabelledClip, pointing: &mut Option<f32>) -> Result<ClipOutcome> {
        let Self { pipeline, opener, pointing_game, .. } = self;
        let mut source = opener.open(clip)?;
        if clip.least_frames > 1 {
            let frames = source.count()?;
            if frames < clip.least_frames {
                return Ok(ClipOutcome::TooShort(frames));
            }
        }
        score(pipeline, pointing_game, source.as_mut(), pointing)
    }
}

fn score(
    pipeline: &mut Pipeline,
    pointing_game: &mut Option<PointingGame>,
    source: &mut dyn Source,
    pointing: &mut Option<f32>,
) -> Result<ClipOutcome> {
    let name = source.name().to_owned();
    let mut scored = None;
    let watched = pipeline.watch(source, Window::Clip, &mut |result| {
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
