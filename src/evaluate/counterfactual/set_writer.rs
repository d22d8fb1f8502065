//! Writes counterfactual sets to files.

use super::{ClipFormat, ClipWriter, Compositor, CounterfactualSet, SetBuilder, SetKind, SetSettings, frame_segmenter};
use crate::error::{Error, Result, Setting, Stage};
use crate::evaluate::dataset::LabelledClip;
use crate::evaluate::dataset_run::{DatasetRun, Task};
use crate::file::create_directory;

/// Settings of a set that is written to files.
#[derive(Clone, Debug)]
pub struct WriteSettings {
    /// Kind of the set.
    pub kind: SetKind,
    /// File format of the clips.
    pub format: ClipFormat,
    /// How the set is made.
    pub sets: SetSettings,
}

/// Counts of the clips of a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetCounts {
    /// Clips that are written, by this run or an earlier one.
    pub written: usize,
    /// Clips that the set cannot be made from.
    pub left_out: usize,
    /// Clips that could not be read.
    pub unreadable: usize,
}

/// Writes all sets of a kind to the output directory: one set directly, several each to a folder of its name. Clips
/// that an earlier run wrote are kept.
///
/// # Errors
/// Returns an error if a model, a setting or a file fails, if no clip can be made, or if the run is cancelled.
pub fn write_sets(run: DatasetRun<'_>, settings: &WriteSettings) -> Result<SetCounts> {
    let out = &run.settings.out;
    create_directory(out)?;
    let builder = SetBuilder::new(run, &settings.sets)?;
    let sets = builder.sets(&[settings.kind], run.dataset);
    let threads = run.settings.threads_per_job();
    let compositor = |_| Ok(Compositor::new(frame_segmenter(run.bundle, threads)?, run.reader()));
    let mut compositors: Vec<Compositor<'_>> = (0..run.settings.jobs).map(compositor).collect::<Result<_>>()?;
    let mut all = SetCounts::default();
    for set in &sets {
        let out = if sets.len() == 1 { out.clone() } else { out.join(set.name()) };
        create_directory(&out)?;
        let counts = write(run, set, &ClipWriter::new(&out, settings.format), &mut compositors)?;
        all.written += counts.written;
        all.left_out += counts.left_out;
        all.unreadable += counts.unreadable;
    }
    if all.written == 0 {
        return Err(nothing_written(all));
    }
    Ok(all)
}

fn write(
    run: DatasetRun<'_>,
    set: &CounterfactualSet<'_>,
    writer: &ClipWriter,
    compositors: &mut [Compositor<'_>],
) -> Result<SetCounts> {
    let clips = set.clips(run.dataset);
    let mut counts = SetCounts { left_out: run.dataset.clips.len() - clips.len(), ..SetCounts::default() };
    let write = |clip: &LabelledClip, compositor: &mut Compositor<'_>| match writer.write(clip, set, compositor) {
        Err(error) if !error.is_input() => Err(error.at(&clip.id)),
        written => Ok(written.map_err(|error| error.at(&clip.id))),
    };
    let task = Task { name: &set.name(), total: clips.len(), clips: &clips };
    run.for_each_clip(task, compositors, write, |written| {
        match written {
            Ok(_) => counts.written += 1,
            Err(error) => {
                run.progress.clip_failed(&error);
                counts.unreadable += 1;
            }
        }
        Ok(())
    })?;
    Ok(counts)
}

fn nothing_written(counts: SetCounts) -> Error {
    let got = format!("{} clips that the set cannot be made from, {} not read", counts.left_out, counts.unreadable);
    let next = "choose a bundle whose segmenter knows these people; the clip statistics have what it found";
    Error::new(Stage::DataSet, "clips whose person covers 5 to 50 % of every frame", got, next).about(Setting::Bundle)
}
