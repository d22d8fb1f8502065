//! A run over the clips of a data set, several at a time.

use super::dataset::{Dataset, LabelledClip};
use super::progress::{ClipReader, Progress, check};
use crate::bundle::Bundle;
use crate::error::Result;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// Settings of a run over a data set.
#[derive(Clone, Debug)]
pub struct RunSettings {
    /// Output directory; created if missing.
    pub out: PathBuf,
    /// Clips processed at a time, each by models of its own; at least 1.
    pub jobs: usize,
    /// CPU threads, divided among the jobs.
    pub threads: usize,
    /// Frames per second of clips that are folders of pictures.
    pub fps: f64,
    /// Whether pixels of videos that are not square are stretched to the shape in which players show them.
    pub stretch: bool,
}

impl RunSettings {
    /// Returns the CPU threads of one job, at least one.
    pub(super) fn threads_per_job(&self) -> usize {
        (self.threads / self.jobs.max(1)).max(1)
    }
}

/// A run over a data set: its bundle, clips, settings and progress.
#[derive(Clone, Copy, Debug)]
pub struct DatasetRun<'a> {
    /// The bundle.
    pub bundle: &'a Bundle,
    /// The data set.
    pub dataset: &'a Dataset,
    /// Output directory, jobs, threads and frame rate.
    pub settings: &'a RunSettings,
    /// Receives the progress; `&()` ignores it.
    pub progress: &'a dyn Progress,
}

/// A part of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task<'a> {
    /// Name for the progress.
    pub name: &'a str,
    /// Number of clips, with those that an earlier run completed.
    pub total: usize,
    /// Clips that are left to do.
    pub clips: &'a [LabelledClip],
}

impl<'a> DatasetRun<'a> {
    /// Returns a reader of the run's clips.
    pub(super) fn reader(&self) -> ClipReader<'a> {
        ClipReader { fps: self.settings.fps, stretch: self.settings.stretch, progress: self.progress }
    }

    /// Runs `work` on every clip of `task`, on one thread per worker, and passes each result to `each` as it arrives.
    ///
    /// # Errors
    /// Returns the first error of `work` or `each`, or an error if the run is cancelled.
    pub(super) fn for_each_clip<W: Send, T: Send>(
        &self,
        task: Task<'_>,
        workers: &mut [W],
        work: impl Fn(&LabelledClip, &mut W) -> Result<T> + Sync,
        each: impl FnMut(T) -> Result<()>,
    ) -> Result<()> {
        self.for_each_prepared_clip(task, workers, |_| (), |clip, (), worker| work(clip, worker), each)
    }

    /// Does the same, and runs `prepare` on the next clip of each worker while it works on the one before.
    ///
    /// # Errors
    /// As [`DatasetRun::for_each_clip`].
    pub(super) fn for_each_prepared_clip<W: Send, P: Send, T: Send>(
        &self,
        task: Task<'_>,
        workers: &mut [W],
        prepare: impl Fn(&LabelledClip) -> P + Sync,
        work: impl Fn(&LabelledClip, P, &mut W) -> Result<T> + Sync,
        mut each: impl FnMut(T) -> Result<()>,
    ) -> Result<()> {
        self.progress.begin(task.name, task.total, task.total.saturating_sub(task.clips.len()));
        let ended = spread(task.clips, workers, prepare, work, &mut |done| {
            check(self.progress)?;
            self.progress.step();
            each(done)
        });
        self.progress.finish();
        ended.and_then(|()| check(self.progress))
    }
}

fn spread<W: Send, P: Send, T: Send>(
    clips: &[LabelledClip],
    workers: &mut [W],
    prepare: impl Fn(&LabelledClip) -> P + Sync,
    work: impl Fn(&LabelledClip, P, &mut W) -> Result<T> + Sync,
    each: &mut dyn FnMut(T) -> Result<()>,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::sync_channel(workers.len());
    let prepare = &prepare;
    std::thread::scope(|scope| {
        for worker in workers {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                let begin = || {
                    let clip = clips.get(next.fetch_add(1, Ordering::Relaxed))?;
                    Some((clip, scope.spawn(move || prepare(clip))))
                };
                let mut ahead = begin();
                while let Some((clip, preparing)) = ahead {
                    // A panic there is one here.
                    let prepared = preparing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                    ahead = begin();
                    let done = work(clip, prepared, worker);
                    let failed = done.is_err();
                    if sender.send(done).is_err() || failed {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let ended = receiver.iter().try_for_each(|done| done.and_then(&mut *each));
        // After an error, threads complete their clip; its result is dropped.
        next.store(clips.len(), Ordering::Relaxed);
        drop(receiver);
        ended
    })
}
