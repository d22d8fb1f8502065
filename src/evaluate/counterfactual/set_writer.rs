//! Writes counterfactual sets to files.

use super::set_journal::{SET_FILE, SetHeader, WrittenClip};
use super::{ClipFormat, ClipWriter, Compositor, CounterfactualSet, SetBuilder, SetKind, SetSettings, frame_segmenter};
use crate::error::{Error, Result, Setting, Stage};
use crate::evaluate::Journal;
use crate::evaluate::dataset::LabelledClip;
use crate::evaluate::dataset_run::{DatasetRun, Task};
use crate::evaluate::file_identity::{FileIdentity, Inputs, KnownFiles};
use crate::evaluate::progress::check;
use crate::file::create_directory;
use std::collections::BTreeMap;
use std::path::Path;

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
/// that an earlier run wrote from the same files are kept; others are written again.
///
/// # Errors
/// Returns an error if a model, a setting or a file fails, if a folder is of another set or another run writes to it,
/// if no clip can be made, or if the run is cancelled.
pub fn write_sets(run: DatasetRun<'_>, settings: &WriteSettings) -> Result<SetCounts> {
    let out = &run.settings.out;
    create_directory(out)?;
    check_origin(run, &ClipWriter::new(out, settings.format, run.dataset), out)?;
    let builder = SetBuilder::new(run, &settings.sets)?;
    let sets = builder.sets(&[settings.kind], run.dataset);
    let folder = |set: &CounterfactualSet<'_>| if sets.len() == 1 { out.clone() } else { out.join(set.name()) };
    // Locks all folders before anything is written.
    let mut writers: Vec<SetWriter<'_>> = Vec::new();
    for set in &sets {
        writers.push(SetWriter::open(run, set, &folder(set), settings.format)?);
    }
    let threads = run.settings.threads_per_job();
    let compositor = |_| Ok(Compositor::new(frame_segmenter(run.bundle, threads)?, run.reader()));
    let mut compositors: Vec<Compositor<'_>> = (0..run.settings.jobs).map(compositor).collect::<Result<_>>()?;
    let mut all = SetCounts::default();
    for writer in &mut writers {
        let counts = writer.write(run, &mut compositors)?;
        all.written += counts.written;
        all.left_out += counts.left_out;
        all.unreadable += counts.unreadable;
    }
    if all.written == 0 {
        return Err(nothing_written(all));
    }
    Ok(all)
}

/// Writes one set, whose folder is locked.
struct SetWriter<'a> {
    set: &'a CounterfactualSet<'a>,
    writer: ClipWriter,
    journal: Journal<WrittenClip>,
    saved: BTreeMap<String, WrittenClip>,
}

impl<'a> SetWriter<'a> {
    /// Opens or creates the folder `out` of `set`.
    ///
    /// # Errors
    /// Returns an error if the folder is of another set or has clips of unknown origin, or if another run writes to it.
    fn open(run: DatasetRun<'_>, set: &'a CounterfactualSet<'a>, out: &Path, format: ClipFormat) -> Result<Self> {
        create_directory(out)?;
        let writer = ClipWriter::new(out, format, run.dataset);
        check_origin(run, &writer, out)?;
        let header = SetHeader::new(run, set, format)?;
        let (journal, saved) = Journal::<WrittenClip>::open(&out.join(SET_FILE), &header)?;
        writer.remove_stale();
        Ok(Self { set, writer, journal, saved })
    }

    /// Writes the clips that are missing.
    fn write(&mut self, run: DatasetRun<'_>, compositors: &mut [Compositor<'_>]) -> Result<SetCounts> {
        let Self { set, writer, journal, saved } = self;
        let (clips, files) = (set.clips(run.dataset), KnownFiles::default());
        let mut counts = SetCounts { left_out: run.dataset.clips.len() - clips.len(), ..SetCounts::default() };
        let (mut missing, mut changed) = (Vec::new(), 0);
        for clip in &clips {
            check(run.progress)?;
            match saved.get(&clip.id) {
                Some(entry) if is_current(entry, &writer.path(clip), &set.inputs(clip), &files) => counts.written += 1,
                entry => {
                    changed += usize::from(entry.is_some());
                    missing.push(clip.clone());
                }
            }
        }
        if changed > 0 {
            log::warn!("{changed} clips of {} are written again: they, or what they are made of, changed", set.name());
        }
        let make = |clip: &LabelledClip, compositor: &mut Compositor<'_>| -> Result<WrittenClip> {
            let inputs = files.identities(&set.inputs(clip))?;
            writer.write(clip, set, compositor)?;
            let written = FileIdentity::of(&writer.path(clip))?;
            Ok(WrittenClip { clip: clip.id.clone(), files: inputs, written })
        };
        let write = |clip: &LabelledClip, compositor: &mut Compositor<'_>| match make(clip, compositor) {
            Err(error) if !error.is_input() => Err(error.at(&clip.id)),
            written => Ok(written.map_err(|error| error.at(&clip.id))),
        };
        let task = Task { name: &set.name(), total: clips.len(), clips: &missing };
        run.for_each_clip(task, compositors, write, |written| {
            match written {
                Ok(entry) => {
                    journal.add(&entry)?;
                    counts.written += 1;
                }
                Err(error) => {
                    run.progress.clip_failed(&error);
                    counts.unreadable += 1;
                }
            }
            Ok(())
        })?;
        Ok(counts)
    }
}

/// Checks that clips in the folder `out` are not there without the file that says what they were made from.
fn check_origin(run: DatasetRun<'_>, writer: &ClipWriter, out: &Path) -> Result<()> {
    if out.join(SET_FILE).metadata().is_ok_and(|metadata| metadata.len() > 0) {
        return Ok(());
    }
    let Some(clip) = run.dataset.clips.iter().map(|clip| writer.path(clip)).find(|path| path.exists()) else {
        return Ok(());
    };
    let got = format!("{} without a {SET_FILE} that says what it was made from", clip.display());
    let next = "choose another directory: an older version or another program wrote this one";
    Err(Error::new(Stage::DataSet, "a folder of this set", got, next).about(Setting::Out))
}

/// Returns whether the clip at `path` is the one of `entry`, made from these `inputs`.
fn is_current(entry: &WrittenClip, path: &Path, inputs: &Inputs, files: &KnownFiles) -> bool {
    let is_same = || FileIdentity::of(path).is_ok_and(|written| written.sha256 == entry.written.sha256);
    let is_written = entry.written.is_unchanged(path) || is_same();
    // A file that cannot be read is reported when the clip is made.
    is_written && files.difference(inputs, &entry.files).is_ok_and(|difference| difference.is_none())
}

fn nothing_written(counts: SetCounts) -> Error {
    let got = format!("{} clips that the set cannot be made from, {} not read", counts.left_out, counts.unreadable);
    let next = "choose a bundle whose segmenter knows these people; the clip statistics have what it found";
    Error::new(Stage::DataSet, "clips whose person covers 5 to 50 % of every frame", got, next).about(Setting::Bundle)
}
