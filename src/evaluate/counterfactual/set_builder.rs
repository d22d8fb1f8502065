//! Prepares counterfactual sets: inpainter, backgrounds, lists of swaps and clip statistics.

use super::{
    BackgroundSource, ClipStatistics, CounterfactualSet, Inpainter, Pairing, PersonSegmenter, SceneClassifier, SetKind,
    SetSpec, SetStatistics, StatisticsEntry, StatisticsHeader, frame_segmenter, list_name, read_list,
};
use crate::bundle::checksum;
use crate::error::Result;
use crate::evaluate::dataset::{Dataset, LabelledClip};
use crate::evaluate::dataset_run::{DatasetRun, Task};
use crate::evaluate::file_identity::KnownFiles;
use crate::evaluate::{FileIdentities, Journal};
use crate::model::external_files;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Names of the cache file of clip statistics in an output directory: today's, and that of older versions.
pub const STATISTICS_FILES: [&str; 2] = ["clip-statistics.jsonl", "survey.jsonl"];

/// Draws of each kind of swap (HAT).
const SWAP_DRAWS: u32 = 3;

/// Settings of counterfactual sets.
#[derive(Clone, Debug, Default)]
pub struct SetSettings {
    /// Seed for everything drawn at random.
    pub seed: u64,
    /// Folders of still background pictures; stripes if empty.
    pub backgrounds: Vec<PathBuf>,
    /// ONNX inpainter; `None` interpolates the colours around a hole.
    pub inpainter: Option<PathBuf>,
    /// ONNX scene classifier; `None` is the built-in bundle.
    pub scenes: Option<PathBuf>,
    /// HAT's lists of swaps; a kind of swap without a list is drawn.
    pub swaps: Vec<PathBuf>,
    /// Cache file for each clip's person area and scene; `None` is `clip-statistics.jsonl` in the output directory.
    pub statistics: Option<PathBuf>,
}

/// Builds the counterfactual sets of a run.
#[derive(Debug)]
pub struct SetBuilder {
    seed: u64,
    statistics: SetStatistics,
    inpainter: Inpainter,
    backgrounds: Vec<BackgroundSource>,
    /// HAT's lists by kind and draw.
    lists: BTreeMap<(SetKind, u32), Pairing>,
    /// Checksum of the files of inpainter and backgrounds.
    sources: String,
}

impl SetBuilder {
    /// Reads what `settings` name, and computes the statistics of every clip that the cache file lacks.
    ///
    /// # Errors
    /// Returns an error if a model, a list or a folder cannot be read, if the cache file cannot be written, or if the
    /// run is cancelled.
    pub fn new(run: DatasetRun<'_>, settings: &SetSettings) -> Result<Self> {
        let inpainter = settings.inpainter.as_deref().map_or(Ok(Inpainter::Smooth), Inpainter::open)?;
        let backgrounds = match settings.backgrounds.as_slice() {
            [] => vec![BackgroundSource::Stripes],
            folders => folders.iter().map(|folder| BackgroundSource::open(folder)).collect::<Result<_>>()?,
        };
        let list = |path: &PathBuf| Ok((list_name(path)?, read_list(path)?));
        let lists = settings.swaps.iter().map(list).collect::<Result<_>>()?;
        let statistics = statistics(run, settings)?;
        let sources = sources(settings, &backgrounds)?;
        Ok(Self { seed: settings.seed, statistics, inpainter, backgrounds, lists, sources })
    }

    /// Returns the sets of these `kinds`: three draws of a swap, or one per list; one set per source of still
    /// backgrounds.
    pub fn sets<'a>(&'a self, kinds: &[SetKind], dataset: &'a Dataset) -> Vec<CounterfactualSet<'a>> {
        let mut sets = Vec::new();
        for &kind in kinds {
            let set = |draw: u32, backgrounds: &BackgroundSource| {
                let spec = SetSpec { kind, draw, seed: self.seed, backgrounds: backgrounds.clone() };
                let set = CounterfactualSet::new(spec, dataset, &self.statistics, &self.inpainter);
                set.with_sources(self.sources.clone())
            };
            if kind.has_still_background() {
                sets.extend(self.backgrounds.iter().map(|backgrounds| set(1, backgrounds)));
            } else if kind.is_swap() {
                let mut draws: Vec<u32> = self.lists.keys().filter(|list| list.0 == kind).map(|list| list.1).collect();
                if draws.is_empty() {
                    draws.extend(1..=SWAP_DRAWS);
                }
                for draw in draws {
                    let drawn = set(draw, &BackgroundSource::Stripes);
                    sets.push(match self.lists.get(&(kind, draw)) {
                        Some(list) => drawn.with_pairing(self.of_known_clips(list)),
                        None => drawn,
                    });
                }
            } else {
                sets.push(set(1, &BackgroundSource::Stripes));
            }
        }
        sets
    }

    /// Returns the part of a list whose clips have statistics.
    fn of_known_clips(&self, list: &Pairing) -> Pairing {
        let is_known = |clip: &String| self.statistics.clips.contains_key(clip);
        let pairing: Pairing = list
            .iter()
            .filter(|(clip, other)| is_known(clip) && other.as_ref().is_none_or(is_known))
            .map(|(clip, other)| (clip.clone(), other.clone()))
            .collect();
        if pairing.len() < list.len() {
            log::warn!("{} of a list's {} swaps are of clips of this data set", pairing.len(), list.len());
        }
        pairing
    }
}

/// Returns a checksum of the files of the inpainter and of the backgrounds.
fn sources(settings: &SetSettings, backgrounds: &[BackgroundSource]) -> Result<String> {
    let mut files: Vec<PathBuf> = settings.inpainter.iter().cloned().collect();
    if let Some(model) = &settings.inpainter {
        files.extend(external_files(model)?.into_iter().map(|data| model.with_file_name(data)));
    }
    for source in backgrounds {
        if let BackgroundSource::Pictures { paths, .. } = source {
            files.extend(paths.iter().cloned());
        }
    }
    let mut parts = Vec::new();
    for file in &files {
        parts.push(file.file_name().unwrap_or_default().to_string_lossy().into_owned());
        parts.push(checksum::of_file(file)?);
    }
    Ok(checksum::of_parts(parts.iter().map(String::as_str)))
}

/// Returns the cache file of clip statistics in the directory `out`.
fn statistics_file(out: &Path) -> PathBuf {
    let [file, older] = STATISTICS_FILES.map(|name| out.join(name));
    if !file.exists() && older.exists() { older } else { file }
}

/// Returns the statistics of all clips, after it has computed those that the cache file lacks.
fn statistics(run: DatasetRun<'_>, settings: &SetSettings) -> Result<SetStatistics> {
    let (dataset, threads) = (run.dataset, run.settings.threads_per_job());
    let path = settings.statistics.clone().unwrap_or_else(|| statistics_file(&run.settings.out));
    let scenes = || match &settings.scenes {
        Some(path) => SceneClassifier::open(path, threads),
        None => SceneClassifier::built_in(threads),
    };
    let segmenter = if dataset.has_masks() { "masks of the set".to_owned() } else { run.bundle.fingerprint()? };
    let header = StatisticsHeader::new(dataset, segmenter, &scenes()?);
    let (mut journal, mut entries) = Journal::<StatisticsEntry>::open(&path, &header)?;
    let files = KnownFiles::default();
    let is_current = |clip: &LabelledClip| {
        let Some(entry) = entries.get(&clip.id).filter(|entry| entry.statistics.is_ok()) else { return false };
        // A file that cannot be read is reported when the clip is.
        files.difference(&clip.inputs(), &entry.files).is_ok_and(|difference| difference.is_none())
    };
    let is_missing = |clip: &&LabelledClip| clip.path.is_some() && !is_current(clip);
    let missing: Vec<LabelledClip> = dataset.clips.iter().filter(is_missing).cloned().collect();
    let worker = |_| Ok((frame_segmenter(run.bundle, threads)?, scenes()?));
    let mut workers: Vec<(PersonSegmenter, SceneClassifier)> =
        (0..run.settings.jobs.min(missing.len())).map(worker).collect::<Result<_>>()?;
    let measure = |clip: &LabelledClip, (segmenter, scenes): &mut (PersonSegmenter, SceneClassifier)| {
        let mut identities = FileIdentities::new();
        let mut measured = || {
            identities = files.identities(&clip.inputs())?;
            ClipStatistics::of(run.reader().open(clip)?.as_mut(), segmenter, scenes)
        };
        let statistics = match measured() {
            Err(error) if !error.is_input() => return Err(error.at(&clip.id)),
            statistics => statistics.map_err(|error| error.to_string()),
        };
        Ok(StatisticsEntry { clip: clip.id.clone(), files: identities, statistics })
    };
    let task = Task { name: "clip statistics", total: dataset.clips.len(), clips: &missing };
    run.for_each_clip(task, &mut workers, measure, |entry| {
        journal.add(&entry)?;
        entries.insert(entry.clip.clone(), entry);
        Ok(())
    })?;
    for (clip, error) in entries.iter().filter_map(|(clip, entry)| Some((clip, entry.statistics.as_ref().err()?))) {
        log::warn!("{clip} is left out of counterfactual sets: {error}");
    }
    Ok(SetStatistics::new(dataset, entries))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_file_of_an_older_version_is_used_until_there_is_a_new_one() {
        let out = tempfile::tempdir().unwrap();
        let [file, older] = STATISTICS_FILES.map(|name| out.path().join(name));
        assert_eq!(statistics_file(out.path()), file);
        std::fs::write(&older, "").unwrap();
        assert_eq!(statistics_file(out.path()), older);
        std::fs::write(&file, "").unwrap();
        assert_eq!(statistics_file(out.path()), file);
    }
}
