//! Progress and cancellation of a run over many clips.

use super::dataset::LabelledClip;
use crate::error::{Error, Result, Stage};
use crate::frame::Frame;
use crate::source::{Source, SourceOptions};

/// Receives the progress of a run over many clips, and may cancel the run.
///
/// The methods take `&self`, because every thread of the run checks for cancellation. The progress `()` shows nothing
/// and never cancels.
pub trait Progress: core::fmt::Debug + Sync {
    /// Begins a task over `total` clips, `done` of which an earlier run completed.
    fn begin(&self, _task: &str, _total: usize, _done: usize) {}

    /// Counts one more clip of the task.
    fn step(&self) {}

    /// Ends the task.
    fn finish(&self) {}

    /// Reports the error of a clip that the run leaves out.
    fn clip_failed(&self, _error: &Error) {}

    /// Returns whether the run has to stop. It then returns an error; its results so far are saved.
    fn is_cancelled(&self) -> bool {
        false
    }
}

impl Progress for () {}

/// Returns an error if the run is cancelled.
pub(super) fn check(progress: &dyn Progress) -> Result<()> {
    if progress.is_cancelled() {
        let next = "run it again: saved results are kept";
        return Err(Error::new(Stage::Pipeline, "a run that completes", "a cancelled one", next));
    }
    Ok(())
}

/// Opens clips as sources that fail once the run is cancelled.
#[derive(Clone, Copy, Debug)]
pub struct ClipReader<'a> {
    /// Frames per second of clips that are folders of pictures.
    pub fps: f64,
    /// Whether pixels of videos that are not square are stretched.
    pub stretch: bool,
    /// The run's progress.
    pub progress: &'a dyn Progress,
}

impl<'a> ClipReader<'a> {
    /// Opens the frames of `clip`, with its masks if it has any.
    ///
    /// # Errors
    /// Returns an error if the clip has no file, or if the file or its masks cannot be read.
    pub fn open(&self, clip: &LabelledClip) -> Result<Box<dyn Source + 'a>> {
        let source = clip.open(&SourceOptions { fps: self.fps, stretch: self.stretch, ..SourceOptions::default() })?;
        Ok(Box::new(CancellableSource { source, progress: self.progress }))
    }
}

struct CancellableSource<'a> {
    source: Box<dyn Source>,
    progress: &'a dyn Progress,
}

impl Source for CancellableSource<'_> {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn is_live(&self) -> bool {
        self.source.is_live()
    }

    fn next_frame(&mut self) -> Result<Option<Frame<'_>>> {
        check(self.progress)?;
        self.source.next_frame()
    }

    fn count(&mut self) -> Result<u64> {
        let count = self.source.count()?;
        check(self.progress)?;
        Ok(count)
    }

    fn select(&mut self, indices: &[u64]) -> Result<()> {
        check(self.progress)?;
        self.source.select(indices)
    }

    fn decoded_in(&self) -> Option<std::time::Duration> {
        self.source.decoded_in()
    }

    fn sample(&mut self, choose: &mut dyn FnMut(u64) -> Vec<u64>) -> Result<u64> {
        let count = self.source.sample(choose)?;
        check(self.progress)?;
        Ok(count)
    }
}
