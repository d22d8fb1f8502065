//! Clips to records, several at a time.

use super::dataset::LabelledClip;
use super::metrics::Classes;
use super::{ClipOutcome, PointingGame, Record};
use crate::error::{Error, Result, Stage};
use crate::pipeline::{Pipeline, Window};
use crate::source::Source;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// What opens clips, or what is made of them.
pub trait ClipOpener: Send {
    /// The frames of `clip`.
    ///
    /// # Errors
    /// When it cannot be read.
    fn open<'s>(&'s mut self, clip: &'s LabelledClip) -> Result<Box<dyn Source + 's>>;
}

/// What scores clips on one thread.
#[derive(Debug)]
pub struct ScoringWorker<'a, O> {
    /// From frames to verdicts.
    pub pipeline: &'a mut Pipeline,
    /// From clips to frames.
    pub opener: O,
    /// Plays the pointing game; the pipeline has to keep pictures then.
    pub pointer: Option<PointingGame>,
}

/// Scores `clips` on as many threads as there are `workers`; each record goes to `each` as it is done, in the order in which
/// they are done. Nothing is held but what the workers hold and one record a thread.
///
/// # Errors
/// When a model fails, or `each` does: what cannot be read of a clip is a record.
pub fn score<O: ClipOpener>(
    clips: &[LabelledClip],
    workers: &mut [ScoringWorker<'_, O>],
    each: &mut dyn FnMut(Record) -> Result<ControlFlow<()>>,
) -> Result<()> {
    spread(clips, workers, record, each)
}

/// Does `work` on every clip, on as many threads as there are `workers`, and gives what comes of it to `each` as it is done.
///
/// # Errors
/// The first of `work` and `each`; what is under way then is finished and forgotten.
pub fn spread<W: Send, T: Send>(
    clips: &[LabelledClip],
    workers: &mut [W],
    work: impl Fn(&LabelledClip, &mut W) -> Result<T> + Sync,
    each: &mut dyn FnMut(T) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::sync_channel(workers.len());
    std::thread::scope(|scope| {
        for worker in workers {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                while let Some(clip) = clips.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let done = work(clip, worker);
                    let failed = done.is_err();
                    // Nobody takes it any more once `each` has had enough.
                    if sender.send(done).is_err() || failed {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut ended = Ok(());
        for done in &receiver {
            match done.and_then(&mut *each) {
                Ok(ControlFlow::Continue(())) => continue,
                Ok(ControlFlow::Break(())) => {}
                Err(error) => ended = Err(error),
            }
            break;
        }
        next.store(clips.len(), Ordering::Relaxed);
        // Threads that still work give their last to nobody.
        drop(receiver);
        ended
    })
}

/// The record of `clip`.
fn record<O: ClipOpener>(clip: &LabelledClip, worker: &mut ScoringWorker<'_, O>) -> Result<Record> {
    let classes = Classes::new(worker.pipeline.names());
    let mut pointing = None;
    let outcome = match &clip.path {
        None => ClipOutcome::Missing,
        Some(_) if classes.index(&clip.label).is_none() => ClipOutcome::Mislabelled,
        Some(_) => outcome(clip, worker, &mut pointing).or_else(unreadable).map_err(|e| e.at(&clip.id))?,
    };
    let (id, truth, strata) = (clip.id.clone(), clip.label.clone(), clip.strata.clone());
    Ok(Record { clip: id, truth, strata, pointing, outcome })
}

fn outcome<O: ClipOpener>(
    clip: &LabelledClip,
    worker: &mut ScoringWorker<'_, O>,
    pointing: &mut Option<f32>,
) -> Result<ClipOutcome> {
    let mut source = worker.opener.open(clip)?;
    if clip.least_frames > 1 {
        let frames = source.count()?;
        if frames < clip.least_frames {
            return Ok(ClipOutcome::TooShort(frames));
        }
    }
    let name = source.name().to_owned();
    let (mut scored, pointer) = (None, &mut worker.pointer);
    let watched = worker.pipeline.watch(source.as_mut(), Window::Clip, &mut |outcome| {
        scored = Some(ClipOutcome::scored(&name, outcome)?);
        if let Some(pointer) = pointer {
            *pointing = pointer.play(&outcome.pictures)?;
        }
        Ok(ControlFlow::Continue(()))
    });
    // Damage behind the last frame that was needed costs no verdict.
    if scored.is_none() {
        watched?;
    }
    scored.ok_or_else(|| Error::new(Stage::Pipeline, "a window", "none", "report this"))
}

/// What went wrong with the clip is told in its record; what went wrong with anything else ends the run.
fn unreadable(error: Error) -> Result<ClipOutcome> {
    match error.stage() {
        Stage::Source | Stage::Frame | Stage::Preprocess => Ok(ClipOutcome::Unreadable(error.to_string())),
        _ => Err(error),
    }
}
