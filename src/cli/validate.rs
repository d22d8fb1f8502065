//! `figureground validate` and `merge`: how biased a model is on a labelled set, and what its gate buys.

use super::interrupt::{self, Interruptible};
use super::progress::Progress;
use super::{Exit, Models, report};
use clap::Args;
use figureground::bundle::Bundle;
use figureground::evaluate::dataset::{Clip, Dataset, Format, Shard};
use figureground::evaluate::metrics::{self, Measures};
use figureground::evaluate::report::Exhibit;
use figureground::evaluate::{Record, RecordFile, RunInfo, read_records, score};
use figureground::gate::ScoreKind;
use figureground::pipeline::{Keep, Pipeline};
use figureground::source::{self, Source, SourceOptions};
use figureground::{Error, Result, Stage};
use std::collections::BTreeMap;
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
    #[command(flatten)]
    models: Models,
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
        let info = RunInfo::new(bundle.label_bank()?.names(), bundle.fingerprint()?, &dataset);
        let clips = dataset.shard(self.shard).clips;
        make(&self.out)?;
        let path = self.out.join(RECORDS);
        let (mut file, there) = RecordFile::open(&path, &info)?;
        // What was missing or damaged may be there by now.
        let is_done = |clip: &&Clip| there.get(&clip.id).is_some_and(|record| !record.outcome.may_change());
        let left: Vec<Clip> = clips.iter().filter(|clip| !is_done(clip)).cloned().collect();
        drop(there);
        let bar = progress.clips(clips.len() as u64, (clips.len() - left.len()) as u64);
        let jobs = usize::from(self.jobs).min(left.len());
        let mut pipelines =
            (0..jobs).map(|_| self.pipeline(&bundle, jobs, Keep::Numbers)).collect::<Result<Vec<Pipeline>>>()?;
        score(&left, &mut pipelines, &|path| self.open(path), &mut |record| {
            if interrupt::raised() {
                return Ok(ControlFlow::Break(()));
            }
            bar.inc(1);
            file.add(&record).map(|()| ControlFlow::Continue(()))
        })?;
        bar.finish_and_clear();
        drop(pipelines);
        interrupt::check()?;
        // Another shard's records may lie in the same file.
        let mut records = read_records(&path)?.records;
        records.retain(|id, _| clips.binary_search_by(|clip| clip.id.cmp(id)).is_ok());
        let measures = measures(&bundle, &info, records.values())?;
        let gallery = self.gallery(&bundle, &clips, &records)?;
        let title = self.data.file_name().unwrap_or(self.data.as_os_str()).to_string_lossy();
        figureground::evaluate::report::write(&self.out, &title, clips.len(), &measures, &gallery)?;
        tell(progress, &self.out, clips.len(), &measures);
        Ok(Exit::Done)
    }

    fn pipeline(&self, bundle: &Bundle, jobs: usize, keep: Keep) -> Result<Pipeline> {
        let mut choice = self.models.choice();
        choice.threads = (choice.threads / jobs.max(1)).max(1);
        Pipeline::load(bundle, &choice, keep)
    }

    fn open(&self, path: &Path) -> Result<Box<dyn Source>> {
        let options = SourceOptions { fps: self.fps, ..SourceOptions::default() };
        Ok(Box::new(Interruptible(source::open(path.as_os_str(), &options)?)))
    }

    /// The clips whose labels the background dominates most, with their views.
    fn gallery(&self, bundle: &Bundle, clips: &[Clip], records: &BTreeMap<String, Record>) -> Result<Vec<Exhibit>> {
        let names = bundle.label_bank()?.names().to_vec();
        let (mut scored, _) = metrics::clips(records.values(), &names, &bundle.manifest().gate)?;
        scored.sort_by(|a, b| {
            let dominance = |clip: &metrics::Clip| clip.scores.get(ScoreKind::LogRatio);
            dominance(b).total_cmp(&dominance(a)).then_with(|| a.name.cmp(&b.name))
        });
        scored.truncate(GALLERY);
        if scored.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = self.pipeline(bundle, 1, Keep::Pictures)?;
        let mut exhibits = Vec::new();
        for shown in &scored {
            let Some(clip) = clips.iter().find(|clip| clip.id == shown.name) else { continue };
            let Some(path) = &clip.path else { continue };
            let made = self.open(path).and_then(|mut source| {
                figureground::evaluate::report::exhibit(&clip.id, &clip.label, &mut pipeline, source.as_mut())
            });
            match made {
                Ok(made) => exhibits.extend(made),
                // Its record is there; a picture of it is only for looking at.
                Err(error) => report(&error),
            }
        }
        Ok(exhibits)
    }
}

impl Merge {
    pub fn run(&self, progress: &Progress) -> Result<Exit> {
        let bundle = self.bundle.as_deref().map_or_else(super::built_in::bundle, Bundle::open)?;
        let mut all: Option<(RunInfo, BTreeMap<String, Record>)> = None;
        for shard in &self.shards {
            let path = shard.join(RECORDS);
            let found = read_records(&path)?;
            match &mut all {
                None => all = Some((found.info, found.records)),
                Some((info, records)) if *info == found.info => records.extend(found.records),
                Some(_) => {
                    let got = format!("{}, which is of another bundle or set", path.display());
                    return Err(Error::new(Stage::DataSet, "shards of one run", got, "merge those of one run"));
                }
            }
        }
        let Some((info, records)) = all else { return Ok(Exit::Done) };
        if info.bundle != bundle.fingerprint()? {
            let next = "pass --bundle with the one that the records were made with";
            return Err(Error::new(Stage::DataSet, "the records' bundle", "another one", next));
        }
        if records.len() < info.clips {
            log::warn!("{} of {} clips have records: other shards are missing", records.len(), info.clips);
        }
        make(&self.out)?;
        let path = self.out.join(RECORDS);
        let (mut file, mut there) = RecordFile::open(&path, &info)?;
        for record in records.values().filter(|record| !there.contains_key(&record.clip)) {
            file.add(record)?;
        }
        there.extend(records);
        let records = there;
        let measures = measures(&bundle, &info, records.values())?;
        figureground::evaluate::report::write(&self.out, "merged", info.clips, &measures, &[])?;
        tell(progress, &self.out, info.clips, &measures);
        Ok(Exit::Done)
    }
}

fn measures<'a>(bundle: &Bundle, info: &RunInfo, records: impl Iterator<Item = &'a Record>) -> Result<Measures> {
    let (clips, unscored) = metrics::clips(records, &info.classes, &bundle.manifest().gate)?;
    Ok(Measures::of(&clips, unscored, &info.classes))
}

fn make(directory: &Path) -> Result<()> {
    std::fs::create_dir_all(directory).map_err(|e| {
        let expected = format!("to make the directory {}", directory.display());
        Error::new(Stage::Sink, expected, e, "check its parent's permissions")
    })
}

/// The headline, for people.
fn tell(progress: &Progress, out: &Path, listed: usize, measures: &Measures) {
    let percent = |name: &str| measures.metrics.get(name).map_or(f64::NAN, |e| e.value * 100.0);
    let verdict = |name: &str| measures.verdicts.get(name).map_or(f64::NAN, |e| e.value * 100.0);
    progress.done(&format!(
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
