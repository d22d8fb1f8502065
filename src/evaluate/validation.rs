//! Validation: scores the clips of a data set and their counterfactual clips, and writes records and a report.

use super::counterfactual::{Compositor, CounterfactualSet, SetBuilder, SetKind, SetSettings, frame_segmenter};
use super::dataset::{LabelledClip, Shard};
use super::dataset_run::{DatasetRun, Task};
use super::file_identity::{Inputs, KnownFiles};
use super::metrics::{self, AttributionMeasures, CrossedGrid, Measures, PermutedFlags, ScoredClip};
use super::progress::{ClipReader, check};
use super::rejudge::rejudge;
use super::report::{self, Made, Origin, Report, ReportExample};
use super::scoring::{ClipOpener, ReadAhead, ScoringWorker};
use super::{Journal, JournalContents, PointingGame, Record, RunInfo, RunModels, RunProbe, read_journal};
use crate::bundle::Bundle;
use crate::engine::{Backend, BackendOptions, Precision};
use crate::error::{Error, Result, Setting, Stage};
use crate::file::{create_directory, remove_stale_files};
use crate::gate::GateSettings;
use crate::pipeline::{FrameRecording, Pipeline, ProbeSettings};
use crate::source::Source;
use crate::view::View;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// File of the records of the clips themselves.
pub(super) const RECORDS: &str = "records.jsonl";
/// Clips among the report's examples.
const EXAMPLES: usize = 6;

/// Settings of a validation run.
#[derive(Clone, Debug)]
pub struct ValidationSettings {
    /// Title of the report: the name of the data set.
    pub title: String,
    /// The command line, for the report.
    pub command: String,
    /// Part of the data set to score.
    pub shard: Shard,
    /// Where models run. With masks of the data set, `Auto` is the CPU.
    pub backend: Backend,
    /// How a GPU stores numbers.
    pub precision: Precision,
    /// Whether to play the pointing game.
    pub pointing: bool,
    /// How clips are probed; `None` for not at all.
    pub probe: Option<ProbeSettings>,
    /// Counterfactual sets to score.
    pub counterfactual: Vec<SetKind>,
    /// How these sets are made.
    pub sets: SetSettings,
}

/// Result of a validation run, or of a merge of its shards.
#[derive(Clone, Debug)]
pub struct Validation {
    /// Clips of the run, with those that could not be scored.
    pub listed: usize,
    /// All measures.
    pub measures: Measures,
    /// The report's page.
    pub page: PathBuf,
}

/// Scores a shard of the data set and writes `records.jsonl`, one `.jsonl` file per counterfactual set, `records.csv`,
/// `report.json` and `report.html` to the output directory. Records of an earlier run are kept; only missing ones are
/// made.
///
/// # Errors
/// Returns an error if a model, a setting or a file fails, or if the run is cancelled. A clip that cannot be read is a
/// record.
pub fn validate(run: DatasetRun<'_>, settings: &ValidationSettings) -> Result<Validation> {
    let info = RunInfo::new(run.bundle.label_bank()?.names(), run.bundle.fingerprint()?, run.dataset);
    let info = RunInfo { probe: settings.probe.as_ref().map(RunProbe::new), ..info };
    let clips = run.dataset.clone().shard(settings.shard).clips;
    create_directory(&run.settings.out)?;
    remove_stale_files(&run.settings.out);
    let mut scorer = Scorer { run, settings, info, pipelines: Vec::new(), files: KnownFiles::default() };
    scorer.info.models = Some(RunModels::new(scorer.backend()?, settings.precision, run.settings));
    let records = scorer.records(&clips, RECORDS, None, LabelledClip::inputs, || Ok(run.reader()))?;
    let counterfactual = scorer.counterfactual_records(&clips)?;
    // Frees the models before the examples load theirs.
    scorer.pipelines.clear();
    let scored = ScoredRun::new(run.bundle, &scorer.info, &records, &counterfactual)?;
    let examples = scorer.examples(&clips, &records, &scored.clips)?;
    let origin = Origin {
        name: settings.title.clone(),
        shard: Some(settings.shard),
        command: settings.command.clone(),
        seed: (!counterfactual.is_empty()).then_some(settings.sets.seed),
        shards: Vec::new(),
    };
    scored.write(&run.settings.out, clips.len(), origin, &examples)
}

/// Records of counterfactual clips by the name of their set.
pub(super) type CounterfactualRecords = BTreeMap<String, Vec<Record>>;

/// The records of a run, judged by the bundle's gate, with their measures.
#[derive(Debug)]
pub(super) struct ScoredRun<'a> {
    bundle: &'a Bundle,
    info: &'a RunInfo,
    records: &'a BTreeMap<String, Record>,
    clips: Vec<ScoredClip>,
    measures: Measures,
}

impl<'a> ScoredRun<'a> {
    /// Judges the records and computes their measures.
    pub(super) fn new(
        bundle: &'a Bundle,
        info: &'a RunInfo,
        records: &'a BTreeMap<String, Record>,
        counterfactual: &CounterfactualRecords,
    ) -> Result<Self> {
        let gate = &bundle.manifest().gate;
        let (clips, unscored) = metrics::score_records(records.values(), &info.classes, gate)?;
        let scored = |(name, records): (&String, &Vec<Record>)| {
            Ok((name.clone(), metrics::score_records(records, &info.classes, gate)?.0))
        };
        let sets = counterfactual.iter().map(scored).collect::<Result<BTreeMap<String, Vec<ScoredClip>>>>()?;
        let attribution = attribution(&clips, records, gate)?;
        let measures = Measures { attribution, ..Measures::of(&clips, unscored, &info.classes, &sets) };
        Ok(Self { bundle, info, records, clips, measures })
    }

    /// Writes the table and the report to the directory `out`. `listed` is the number of clips that were to be scored.
    pub(super) fn write(
        self,
        out: &Path,
        listed: usize,
        origin: Origin,
        examples: &[ReportExample],
    ) -> Result<Validation> {
        let made = Made::new(self.bundle, self.info, self.records.values(), origin)?;
        report::write_table(out, self.records.values(), &self.clips, &self.info.classes)?;
        report::write(out, &Report { made: &made, listed, measures: &self.measures, examples })?;
        Ok(Validation { listed, measures: self.measures, page: out.join(report::PAGE) })
    }
}

/// Computes the measures of the crossed grid that `clips` are; `None` if they are none.
fn attribution(
    clips: &[ScoredClip],
    records: &BTreeMap<String, Record>,
    gate: &GateSettings,
) -> Result<Option<AttributionMeasures>> {
    let Some(grid) = CrossedGrid::of(clips) else { return Ok(None) };
    let records: Vec<&Record> = grid.cells.iter().filter_map(|cell| records.get(&cell.clip.name)).collect();
    Ok(Some(AttributionMeasures::of(&grid, &PermutedFlags::of(&records, gate)?)))
}

struct Scorer<'a> {
    run: DatasetRun<'a>,
    settings: &'a ValidationSettings,
    info: RunInfo,
    /// One per job, loaded when the first clip needs them.
    pipelines: Vec<Pipeline>,
    /// The files that the run has read.
    files: KnownFiles,
}

impl Scorer<'_> {
    /// Returns the name of the backend that runs the models. Loads them if only that shows whether a GPU is used.
    ///
    /// # Errors
    /// Returns an error if this build lacks the backend, or a model cannot be loaded.
    fn backend(&mut self) -> Result<&'static str> {
        let backend = self.requested_backend();
        match backend.resolve()? {
            Backend::Gpu if backend == Backend::Auto => {
                let jobs = self.run.settings.jobs;
                let pipeline = self.pipeline(jobs, self.recording())?;
                let backend = pipeline.backend();
                self.pipelines.push(pipeline);
                Ok(backend)
            }
            Backend::Gpu => Ok("gpu"),
            Backend::Auto | Backend::Cpu => Ok("cpu"),
        }
    }

    /// Returns the records of `clips` in the file of this name, after it has made those that are missing. `inputs` are
    /// the files that a record is made from.
    ///
    /// # Errors
    /// Returns an error if a saved record is of other files, or if a model or a file fails.
    fn records<O: ClipOpener>(
        &mut self,
        clips: &[LabelledClip],
        file: &str,
        counterfactual: Option<String>,
        inputs: impl Fn(&LabelledClip) -> Inputs,
        opener: impl Fn() -> Result<O>,
    ) -> Result<BTreeMap<String, Record>> {
        let path = self.run.settings.out.join(file);
        let is_plain = counterfactual.is_none();
        let points = self.settings.pointing && is_plain;
        let (mut journal, saved) = Journal::<Record>::open(&path, &RunInfo { counterfactual, ..self.info.clone() })?;
        let is_done = |clip: &&LabelledClip| {
            let is_complete = |record: &Record| !points || record.pointing.is_some() || !record.outcome.is_scored();
            let is_current = |record: &Record| record.strata == clip.strata && !record.outcome.may_change();
            saved.get(&clip.id).is_some_and(|record| is_current(record) && is_complete(record))
        };
        self.check_files(&path, clips.iter().filter(is_done), &saved, &inputs)?;
        let missing: Vec<LabelledClip> = clips.iter().filter(|clip| !is_done(clip)).cloned().collect();
        drop(saved);
        let jobs = self.run.settings.jobs.min(missing.len());
        while self.pipelines.len() < jobs {
            self.pipelines.push(self.pipeline(jobs, self.recording())?);
        }
        let pointing_game = || points.then(|| PointingGame::new(self.run.bundle)).transpose();
        let files = &self.files;
        let worker =
            |pipeline| Ok(ScoringWorker { pipeline, opener: opener()?, pointing_game: pointing_game()?, files });
        let mut workers = self.pipelines.iter_mut().take(jobs).map(worker).collect::<Result<Vec<_>>>()?;
        let task = Task { name: file.trim_end_matches(".jsonl"), total: clips.len(), clips: &missing };
        let add = |record| journal.add(&record);
        let ahead = ReadAhead { reader: self.run.reader(), clip: &self.run.bundle.manifest().clip, files };
        // Counterfactual clips are made by their worker.
        let prepare = |clip: &LabelledClip| if is_plain { ahead.read(clip) } else { None };
        let record = |clip: &LabelledClip, ahead, worker: &mut ScoringWorker<'_, O>| worker.record(clip, ahead);
        self.run.for_each_prepared_clip(task, &mut workers, prepare, record, add)?;
        // The file may hold records of other shards.
        let JournalContents { header, entries: mut records, .. } = read_journal::<Record>(&path)?;
        // Those that were saved may be of another gate.
        rejudge(&path, &header, &mut records, &self.run.bundle.manifest().gate)?;
        records.retain(|id, _| contains(clips, id));
        Ok(records)
    }

    /// Checks that the `saved` records of `clips` were made from the files that lie there now.
    fn check_files<'c>(
        &self,
        path: &Path,
        clips: impl Iterator<Item = &'c LabelledClip>,
        saved: &BTreeMap<String, Record>,
        inputs: &impl Fn(&LabelledClip) -> Inputs,
    ) -> Result<()> {
        let (mut first, mut count) = (None, 0);
        for clip in clips {
            check(self.run.progress)?;
            let Some(record) = saved.get(&clip.id).filter(|record| !record.outcome.is_unread()) else { continue };
            if let Some(difference) = self.files.difference(&inputs(clip), &record.files)? {
                count += 1;
                first.get_or_insert_with(|| format!("{:?}, {difference}", clip.id));
            }
        }
        let Some(first) = first else { return Ok(()) };
        let got = format!("{count} records of other files in {}, the first of {first}", path.display());
        let next = "choose another directory, or put the files of that run back";
        Err(Error::new(Stage::DataSet, "records of the files that lie there", got, next).about(Setting::Out))
    }

    /// Returns the records of the counterfactual clips of `clips`.
    fn counterfactual_records(&mut self, clips: &[LabelledClip]) -> Result<CounterfactualRecords> {
        let mut kinds = self.settings.counterfactual.clone();
        kinds.sort();
        kinds.dedup();
        if kinds.is_empty() {
            return Ok(CounterfactualRecords::new());
        }
        let run = self.run;
        let builder = SetBuilder::new(run, &self.settings.sets)?;
        let mut all = CounterfactualRecords::new();
        for set in builder.sets(&kinds, run.dataset) {
            let mut paired = set.clips(run.dataset);
            paired.retain(|clip| contains(clips, &clip.id));
            let opener = || {
                let segmenter = frame_segmenter(run.bundle, run.settings.threads_per_job())?;
                Ok(CounterfactualFiles { compositor: Compositor::new(segmenter, run.reader()), set: &set })
            };
            let (file, fingerprint) = (format!("{}.jsonl", set.name()), set.fingerprint());
            let records = self.records(&paired, &file, Some(fingerprint), |clip| set.inputs(clip), opener)?;
            all.insert(set.name(), records.into_values().collect());
        }
        Ok(all)
    }

    /// Returns the backend of the settings; with masks of the data set, `Auto` is the CPU.
    fn requested_backend(&self) -> Backend {
        match self.settings.backend {
            Backend::Auto if self.run.dataset.has_masks() => Backend::Cpu,
            backend => backend,
        }
    }

    fn recording(&self) -> FrameRecording {
        if self.settings.pointing { FrameRecording::On } else { FrameRecording::Off }
    }

    fn pipeline(&self, jobs: usize, recording: FrameRecording) -> Result<Pipeline> {
        let backend = self.requested_backend();
        let threads = (self.run.settings.threads / jobs.max(1)).max(1);
        let options = BackendOptions { backend, precision: self.settings.precision, threads };
        let mut pipeline = Pipeline::load(self.run.bundle, &options, recording)?;
        self.settings.probe.iter().try_for_each(|probe| pipeline.set_probe(probe))?;
        Ok(pipeline)
    }

    /// Returns the clips whose labels the background dominates most, with their views.
    fn examples(
        &self,
        clips: &[LabelledClip],
        records: &BTreeMap<String, Record>,
        scored: &[ScoredClip],
    ) -> Result<Vec<ReportExample>> {
        let mut scored: Vec<&ScoredClip> = scored.iter().collect();
        scored.sort_by(|a, b| {
            let dominance = |clip: &ScoredClip| clip.p[View::Background.index()] - clip.p[View::Person.index()];
            dominance(b).total_cmp(&dominance(a)).then_with(|| a.name.cmp(&b.name))
        });
        scored.truncate(EXAMPLES);
        if scored.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = self.pipeline(1, FrameRecording::On)?;
        let (reader, mut examples) = (self.run.reader(), Vec::new());
        for scored in scored {
            let Some(clip) = clips.iter().find(|clip| clip.id == scored.name) else { continue };
            let Some(record) = records.get(&clip.id) else { continue };
            let names = &self.info.classes;
            let example =
                reader.open(clip).and_then(|source| report::example(record, scored, names, &mut pipeline, source));
            check(self.run.progress)?;
            match example {
                Ok(example) => examples.extend(example),
                // The report lacks a picture, and no measure.
                Err(error) => self.run.progress.clip_failed(&error),
            }
        }
        Ok(examples)
    }
}

/// Returns whether `clips`, which are sorted by id, contain `id`.
fn contains(clips: &[LabelledClip], id: &str) -> bool {
    clips.binary_search_by(|clip| clip.id.as_str().cmp(id)).is_ok()
}

impl ClipOpener for ClipReader<'_> {
    fn open<'s>(&'s mut self, clip: &'s LabelledClip) -> Result<Box<dyn Source + 's>> {
        Self::open(self, clip)
    }

    fn inputs(&self, clip: &LabelledClip) -> Inputs {
        clip.inputs()
    }
}

/// Opens the clips of a counterfactual set.
struct CounterfactualFiles<'a> {
    compositor: Compositor<'a>,
    set: &'a CounterfactualSet<'a>,
}

impl ClipOpener for CounterfactualFiles<'_> {
    fn open<'s>(&'s mut self, clip: &'s LabelledClip) -> Result<Box<dyn Source + 's>> {
        Ok(Box::new(self.compositor.compose(self.set, clip)?))
    }

    fn inputs(&self, clip: &LabelledClip) -> Inputs {
        self.set.inputs(clip)
    }
}
