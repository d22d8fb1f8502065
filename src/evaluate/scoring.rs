//! Clips to records, several at a time.

use super::dataset::Clip;
use super::metrics::Classes;
use super::{Outcome, Record};
use crate::error::{Error, Result, Stage};
use crate::pipeline::{Pipeline, Window};
use crate::source::Source;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// What opens the file or folder of a clip.
pub type Open<'a> = dyn Fn(&Path) -> Result<Box<dyn Source>> + Sync + 'a;

/// Scores `clips` on as many threads as there are `pipelines`; each record goes to `each` as it is done, in the order in which
/// they are done. Nothing is held but what the pipelines hold and one record a thread.
///
/// # Errors
/// When a model fails, or `each` does: what cannot be read of a clip is a record.
pub fn score(
    clips: &[Clip],
    pipelines: &mut [Pipeline],
    open: &Open<'_>,
    each: &mut dyn FnMut(Record) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::sync_channel(pipelines.len());
    std::thread::scope(|scope| {
        for pipeline in pipelines {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while let Some(clip) = clips.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let record = record(clip, pipeline, open);
                    let failed = record.is_err();
                    // Nobody takes it any more once `each` has had enough.
                    if sender.send(record).is_err() || failed {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut ended = Ok(());
        for record in &receiver {
            match record.and_then(&mut *each) {
                Ok(ControlFlow::Continue(())) => continue,
                Ok(ControlFlow::Break(())) => {}
                Err(error) => ended = Err(error),
            }
            break;
        }
        next.store(clips.len(), Ordering::Relaxed);
        // Threads that still work give their last records to nobody.
        drop(receiver);
        ended
    })
}

/// The record of `clip`.
fn record(clip: &Clip, pipeline: &mut Pipeline, open: &Open<'_>) -> Result<Record> {
    let outcome = match &clip.path {
        None => Outcome::Missing,
        Some(_) if Classes::new(pipeline.names()).index(&clip.label).is_none() => Outcome::Mislabelled,
        Some(path) => outcome(clip, path, pipeline, open).or_else(unreadable).map_err(|error| error.at(&clip.id))?,
    };
    Ok(Record { clip: clip.id.clone(), truth: clip.label.clone(), strata: clip.strata.clone(), outcome })
}

fn outcome(clip: &Clip, path: &Path, pipeline: &mut Pipeline, open: &Open<'_>) -> Result<Outcome> {
    let mut source = open(path)?;
    if clip.least_frames > 1 {
        let frames = source.count()?;
        if frames < clip.least_frames {
            return Ok(Outcome::TooShort(frames));
        }
    }
    let name = source.name().to_owned();
    let mut scored = None;
    let watched = pipeline.watch(source.as_mut(), Window::Clip, &mut |outcome| {
        scored = Some(Outcome::scored(&name, outcome)?);
        Ok(ControlFlow::Continue(()))
    });
    // Damage behind the last frame that was needed costs no verdict.
    if scored.is_none() {
        watched?;
    }
    scored.ok_or_else(|| Error::new(Stage::Pipeline, "a window", "none", "report this"))
}

/// What went wrong with the clip is told in its record; what went wrong with anything else ends the run.
fn unreadable(error: Error) -> Result<Outcome> {
    match error.stage() {
        Stage::Source | Stage::Frame | Stage::Preprocess => Ok(Outcome::Unreadable(error.to_string())),
        _ => Err(error),
    }
}
