//! `figureground validate` and `merge`: how biased a model is on a labelled set, and what its gate buys.

use super::counterfactual_args::{CounterfactualArgs, SURVEY, open};
use super::interrupt;
use super::progress::Progress;
use super::{Exit, ModelArgs, report};
use clap::Args;
use figureground::bundle::Bundle;
use figureground::engine::Backend;
use figureground::evaluate::counterfactual::{Compositor, CounterfactualSet, SetKind, frame_segmenter};
use figureground::evaluate::dataset::{Dataset, Format, LabelledClip, Shard};
use figureground::evaluate::metrics::{self, Measures};
use figureground::evaluate::report::ReportExample;
use figureground::evaluate::{ClipOpener, Journal, PointingGame, Record, RunInfo, ScoringWorker, read_journal, score};
use figureground::gate::ScoreKind;
use figureground::pipeline::{FrameRecording, Pipeline};
use figureground::source::{Source, SourceOptions};
use figureground::{Error, Result, Stage};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

pub const EXAMPLES: &str = "Examples:
  figureground validate mimetics --format mimetics --bundle my-bundle --out mimetics-report
  figureground validate clips --format folder --bundle my-bundle --out report --shard 1/4
  figureground merge report-1 report-2 report-3 report-4 --bundle my-bundle --out report

What is done is kept: the same command again goes on where it ended.";

/// Clips in the report's gallery.
const GALLERY: usize = 6;
const RECORDS: &str = "records.jsonl";

#[derive(Debug, Args)]
pub struct Validate {
    /// The folder of the set.
    data: PathBuf,
    /// How it is laid out.
    #[arg(long, value_enum)]
    format: Format,
    /// The file that lists its clips [default: the only such file in DATA].
    #[arg(long, value_name = "FILE")]
    annotations: Option<PathBuf>,
    /// Masks made elsewhere, as seg/CLASS/CLIP/%06d.png with obj beside seg, or CLASS/CLIP/%06d.png with a folder objects in it,
    /// and boxes.json [default: the bundle's segmenter].
    #[arg(long, value_name = "DIR")]
    masks: Option<PathBuf>,
    /// Where records.jsonl, report.json and report.html go.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Only every N-th clip, from the K-th on.
    #[arg(long, value_name = "K/N", default_value = "1/1")]
    shard: Shard,
    /// Clips at a time, each with models of its own.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// Frames a second of clips that are folders of pictures.
    #[arg(long, default_value_t = SourceOptions::default().fps, value_parser = super::run::positive)]
    fps: f64,
    /// Also scores what is made of the clips, as they are made: all, or some of human-only, background-only, swap-random,
    /// swap-close, swap-far, swap-same, scuba, scufo, conflfg.
    #[arg(long, value_name = "SET,...", value_delimiter = ',', value_parser = parse_selection)]
    counterfactual: Vec<SetSelection>,
    /// Also plays the pointing game: whether a vision transformer's encoder looks at the person most.
    #[arg(long)]
    pointing: bool,
    #[command(flatten)]
    models: ModelArgs,
    #[command(flatten)]
    counterfactual_args: CounterfactualArgs,
}

/// Names of sets, or all of them.
#[derive(Clone, Debug)]
struct SetSelection(Vec<SetKind>);

fn parse_selection(text: &str) -> core::result::Result<SetSelection, String> {
    if text == "all" {
        return Ok(SetSelection(SetKind::ALL.into()));
    }
    let names = || SetKind::ALL.map(SetKind::name).join(", ");
    let found = SetKind::ALL.into_iter().find(|set| set.name() == text);
    found.map(|set| SetSelection(vec![set])).ok_or_else(|| format!("all, or of {}", names()))
}

/// Records of twins by the names of their scripts.
type CounterfactualClips = BTreeMap<String, Vec<Record>>;

/// What all record files of one run share.
struct ValidationRun<'a> {
    validate: &'a Validate,
    bundle: &'a Bundle,
    info: RunInfo,
    /// Loaded when there is work for them.
    pipelines: Vec<Pipeline>,
    progress: &'a Progress,
}

/// Clips as they are.
struct ClipFiles {
    fps: f64,
}

/// Clips as a script has them.
struct CounterfactualFiles<'a> {
    compositor: Compositor<'a>,
    script: &'a CounterfactualSet<'a>,
}

#[derive(Debug, Args)]
pub struct Merge {
    /// What `validate --shard` wrote.
    #[arg(required = true, value_name = "DIR")]
    shards: Vec<PathBuf>,
    /// The bundle whose gate judges the records [default: the built-in bundle].
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// Where the whole goes.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl Validate {
    pub fn run(&self, progress: &Progress) -> Result<Exit> {
        let bundle = self.models.open()?;
        let dataset = Dataset::open(self.format, &self.data, self.annotations.as_deref())?;
        let dataset = self.masks.iter().try_fold(dataset, |set, masks| set.with_masks(masks))?;
        let dataset = self.counterfactual_args.remove_person(dataset)?;
        let info = RunInfo::new(bundle.label_bank()?.names(), bundle.fingerprint()?, &dataset);
        let clips = dataset.clone().shard(self.shard).clips;
        super::make_directory(&self.out)?;
        let mut run = ValidationRun { validate: self, bundle: &bundle, info, pipelines: Vec::new(), progress };
        let files = || Ok(ClipFiles { fps: self.fps });
        let records = run.records(&clips, RECORDS, None, files)?;
        let twins = self.twins(&dataset, &clips, &mut run)?;
        // The gallery has a pipeline of its own.
        let ValidationRun { info, pipelines, .. } = run;
        drop(pipelines);
        let measures = measures(&bundle, &info, records.values(), &twins)?;
        let gallery = self.gallery(&bundle, &clips, &records)?;
        let title = self.data.file_name().unwrap_or(self.data.as_os_str()).to_string_lossy();
        figureground::evaluate::report::write(&self.out, &title, clips.len(), &measures, &gallery)?;
        tell(progress, &self.out, clips.len(), &measures);
        Ok(Exit::Done)
    }

    /// Records of the counterfactual twins of `clips`, by the names of their scripts.
    fn twins(
        &self,
        dataset: &Dataset,
        clips: &[LabelledClip],
        run: &mut ValidationRun<'_>,
    ) -> Result<CounterfactualClips> {
        let sets = self.sets();
        if sets.is_empty() {
            return Ok(CounterfactualClips::new());
        }
        let (jobs, threads) = (usize::from(self.jobs), self.models.threads());
        let place = (self.out.as_path(), self.fps);
        let ground = self.counterfactual_args.prepare(dataset, run.bundle, place, (jobs, threads), run.progress)?;
        let opener = |clip: &LabelledClip| open(clip, self.fps);
        let is_mine = |clip: &LabelledClip| clips.binary_search_by(|mine| mine.id.cmp(&clip.id)).is_ok();
        let mut twins = CounterfactualClips::new();
        for script in ground.scripts(&sets, self.counterfactual_args.seed(), dataset) {
            let mut paired = script.clips(dataset);
            paired.retain(is_mine);
            let stand = || {
                let segmenter = frame_segmenter(run.bundle, (threads / jobs).max(1))?;
                Ok(CounterfactualFiles { compositor: Compositor::new(segmenter, &opener), script: &script })
            };
            let file = format!("{}.jsonl", script.name());
            let made = run.records(&paired, &file, Some(script.fingerprint()), stand)?;
            twins.insert(script.name(), made.into_values().collect());
        }
        Ok(twins)
    }

    /// What is to be made, each once.
    fn sets(&self) -> Vec<SetKind> {
        let mut sets: Vec<SetKind> =
            self.counterfactual.iter().flat_map(|parse_selection| parse_selection.0.clone()).collect();
        sets.sort();
        sets.dedup();
        sets
    }

    fn pipeline(&self, bundle: &Bundle, jobs: usize, keep: FrameRecording) -> Result<Pipeline> {
        let mut choice = self.models.choice();
        if self.masks.is_some() && choice.backend == Backend::Auto {
            choice.backend = Backend::Cpu;
        }
        choice.threads = (choice.threads / jobs.max(1)).max(1);
        Pipeline::load(bundle, &choice, keep)
    }

    /// The clips whose labels the background dominates most, with their views.
    fn gallery(
        &self,
        bundle: &Bundle,
        clips: &[LabelledClip],
        records: &BTreeMap<String, Record>,
    ) -> Result<Vec<ReportExample>> {
        let names = bundle.label_bank()?.names().to_vec();
        let (mut scored, _) = metrics::clips(records.values(), &names, &bundle.manifest().gate)?;
        scored.sort_by(|a, b| {
            let dominance = |clip: &metrics::ScoredClip| clip.scores.get(ScoreKind::LogRatio);
            dominance(b).total_cmp(&dominance(a)).then_with(|| a.name.cmp(&b.name))
        });
        scored.truncate(GALLERY);
        if scored.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = self.pipeline(bundle, 1, FrameRecording::On)?;
        let mut examples = Vec::new();
        for shown in &scored {
            let Some(clip) = clips.iter().find(|clip| clip.id == shown.name) else { continue };
            let Some(record) = records.get(&clip.id) else { continue };
            let made = open(clip, self.fps)
                .and_then(|source| figureground::evaluate::report::example(record, &mut pipeline, source));
            match made {
                Ok(made) => examples.extend(made),
                // Its record is there; a picture of it is only for looking at.
                Err(error) => report(&error),
            }
        }
        Ok(examples)
    }
}

impl ValidationRun<'_> {
    /// The records of `clips` in the file of this name: those that are there, and those that are missing made.
    fn records<O: ClipOpener>(
        &mut self,
        clips: &[LabelledClip],
        file: &str,
        twins: Option<String>,
        opener: impl Fn() -> Result<O>,
    ) -> Result<BTreeMap<String, Record>> {
        let path = self.validate.out.join(file);
        let (mut journal, there) =
            Journal::<Record>::open(&path, &RunInfo { twins: twins.clone(), ..self.info.clone() })?;
        // What was missing or damaged may be there by now.
        let points = self.validate.pointing && twins.is_none();
        let is_done = |clip: &&LabelledClip| {
            let has_all = |record: &Record| !points || record.pointing.is_some() || !record.outcome.is_scored();
            there.get(&clip.id).is_some_and(|record| !record.outcome.may_change() && has_all(record))
        };
        let left: Vec<LabelledClip> = clips.iter().filter(|clip| !is_done(clip)).cloned().collect();
        drop(there);
        let bar = self.progress.clips(clips.len() as u64, (clips.len() - left.len()) as u64);
        bar.set_message(file.trim_end_matches(".jsonl").to_owned());
        let jobs = usize::from(self.validate.jobs).min(left.len());
        while self.pipelines.len() < jobs {
            let keep = if self.validate.pointing { FrameRecording::On } else { FrameRecording::Off };
            self.pipelines.push(self.validate.pipeline(self.bundle, jobs, keep)?);
        }
        let pointer = || points.then(|| PointingGame::new(self.bundle)).transpose();
        let worker = |pipeline| Ok(ScoringWorker { pipeline, opener: opener()?, pointer: pointer()? });
        let mut workers = self.pipelines.iter_mut().take(jobs).map(worker).collect::<Result<Vec<_>>>()?;
        score(&left, &mut workers, &mut |record| {
            if interrupt::is_interrupted() {
                return Ok(ControlFlow::Break(()));
            }
            bar.inc(1);
            journal.add(&record).map(|()| ControlFlow::Continue(()))
        })?;
        bar.finish_and_clear();
        interrupt::check()?;
        // Another shard's records may lie in the same file.
        let mut records = read_journal::<Record>(&path)?.entries;
        records.retain(|id, _| clips.binary_search_by(|clip| clip.id.cmp(id)).is_ok());
        Ok(records)
    }
}

impl ClipOpener for ClipFiles {
    fn open<'s>(&'s mut self, clip: &'s LabelledClip) -> Result<Box<dyn Source + 's>> {
        open(clip, self.fps)
    }
}

impl ClipOpener for CounterfactualFiles<'_> {
    fn open<'s>(&'s mut self, clip: &'s LabelledClip) -> Result<Box<dyn Source + 's>> {
        Ok(Box::new(self.compositor.twin(self.script, clip)?))
    }
}

impl Merge {
    pub fn run(&self, progress: &Progress) -> Result<Exit> {
        let bundle = self.bundle.as_deref().map_or_else(super::built_in::bundle, Bundle::open)?;
        let mut files: BTreeMap<String, (RunInfo, BTreeMap<String, Record>)> = BTreeMap::new();
        for shard in &self.shards {
            for file in record_files(shard)? {
                let path = shard.join(&file);
                let found = read_journal::<Record>(&path)?;
                match files.entry(file) {
                    Entry::Vacant(place) => drop(place.insert((found.head, found.entries))),
                    Entry::Occupied(mut there) if there.get().0 == found.head => {
                        there.get_mut().1.extend(found.entries)
                    }
                    Entry::Occupied(_) => {
                        let got = format!("{}, which is of another bundle or set", path.display());
                        return Err(Error::new(Stage::DataSet, "shards of one run", got, "merge those of one run"));
                    }
                }
            }
        }
        super::make_directory(&self.out)?;
        for (file, (info, records)) in &mut files {
            self.join(file, info, records)?;
        }
        let Some((info, records)) = files.remove(RECORDS) else { return Ok(Exit::Done) };
        if info.bundle != bundle.fingerprint()? {
            let next = "pass --bundle with the one that the records were made with";
            return Err(Error::new(Stage::DataSet, "the records' bundle", "another one", next));
        }
        if records.len() < info.clips {
            log::warn!("{} of {} clips have records: other shards are missing", records.len(), info.clips);
        }
        let name = |file: String| file.trim_end_matches(".jsonl").to_owned();
        let twins = files.into_iter().map(|(file, (_, records))| (name(file), records.into_values().collect()));
        let measures = measures(&bundle, &info, records.values(), &twins.collect())?;
        figureground::evaluate::report::write(&self.out, "merged", info.clips, &measures, &[])?;
        tell(progress, &self.out, info.clips, &measures);
        Ok(Exit::Done)
    }

    /// Adds `records` to the file of this name, and what that has already to them.
    fn join(&self, file: &str, info: &RunInfo, records: &mut BTreeMap<String, Record>) -> Result<()> {
        let (mut journal, there) = Journal::<Record>::open(&self.out.join(file), info)?;
        for record in records.values().filter(|record| !there.contains_key(&record.clip)) {
            journal.add(record)?;
        }
        for (clip, record) in there {
            records.entry(clip).or_insert(record);
        }
        Ok(())
    }
}

/// The names of the files of records in a folder; those of the clips as they are has to be among them.
fn record_files(folder: &Path) -> Result<Vec<String>> {
    let unreadable = |e: &dyn core::fmt::Display| {
        let got = format!("{}: {e}", folder.display());
        Error::new(Stage::DataSet, "a folder that validate wrote", got, "check the path")
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| unreadable(&e))? {
        let name = entry.map_err(|e| unreadable(&e))?.file_name().to_string_lossy().into_owned();
        files.extend((name.ends_with(".jsonl") && name != SURVEY).then_some(name));
    }
    if files.iter().all(|file| file != RECORDS) {
        return Err(unreadable(&format!("no {RECORDS}")));
    }
    Ok(files)
}

fn measures<'a>(
    bundle: &Bundle,
    info: &RunInfo,
    records: impl Iterator<Item = &'a Record>,
    twins: &CounterfactualClips,
) -> Result<Measures> {
    let gate = &bundle.manifest().gate;
    let (clips, unscored) = metrics::clips(records, &info.classes, gate)?;
    let twin =
        |(name, records): (&String, &Vec<Record>)| Ok((name.clone(), metrics::clips(records, &info.classes, gate)?.0));
    let twins = twins.iter().map(twin).collect::<Result<BTreeMap<String, Vec<metrics::ScoredClip>>>>()?;
    Ok(Measures::of(&clips, unscored, &info.classes, &twins))
}

/// The headline, for people.
fn tell(progress: &Progress, out: &Path, listed: usize, measures: &Measures) {
    let percent = |name: &str| measures.metrics.get(name).map_or(f64::NAN, |e| e.value * 100.0);
    let verdict = |name: &str| measures.verdicts.get(name).map_or(f64::NAN, |e| e.value * 100.0);
    progress.status(&format!(
        "{} of {listed} clips: top1 {:.1} %, P-top1 {:.1} %, B-top1 {:.1} %; flagged {:.1} %, of right ones {:.1} %\n{}",
        measures.clips,
        percent("top1"),
        percent("p_top1"),
        percent("b_top1"),
        verdict("flagged"),
        verdict("right_flagged"),
        out.join("report.html").display(),
    ));
    let unscored = listed.saturating_sub(measures.clips);
    if unscored > 0 {
        log::warn!("{unscored} clips were not scored: report.json names them and says why");
    }
}
