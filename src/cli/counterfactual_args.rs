//! How counterfactual clips are made, for the commands that write or score them.

use super::built_in;
use super::interrupt::{self, Interruptible};
use super::progress::Progress;
use clap::Args;
use figureground::bundle::Bundle;
use figureground::evaluate::counterfactual::{
    BackgroundSource, ClipStatistics, CounterfactualSet, Inpainter, Pairing, PersonSegmenter, SceneClassifier, SetKind,
    SetStatistics, StatisticsEntry, StatisticsHeader, frame_segmenter, list_name, read_list,
};
use figureground::evaluate::dataset::{Dataset, LabelledClip};
use figureground::evaluate::{Journal, spread};
use figureground::source::{Source, SourceOptions};
use figureground::{Error, Result, Stage};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Where surveys are kept, where nothing else is said.
pub const SURVEY: &str = "survey.jsonl";

#[derive(Debug, Args)]
#[command(next_help_heading = "Counterfactual clips")]
pub struct CounterfactualArgs {
    /// What everything random follows from.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// A folder of pictures that SCUBA, SCUFO and ConflFG put behind people; may be given several times [default:
    /// stripes].
    #[arg(long, value_name = "DIR")]
    backgrounds: Vec<PathBuf>,
    /// An ONNX inpainter for what no frame shows: picture and mask to picture, as LaMa [default: colours flow in].
    #[arg(long, value_name = "FILE")]
    inpainter: Option<PathBuf>,
    /// Frames without the person, made elsewhere, as inp/CLASS/CLIP/%06d.jpg or CLASS/CLIP/%06d.jpg.
    #[arg(long, value_name = "DIR", conflicts_with = "inpainter")]
    inpainted: Option<PathBuf>,
    /// An ONNX classifier of scenes, such as one of Places365, that says which places are alike [default: the built-in
    /// encoder].
    #[arg(long, value_name = "FILE")]
    scenes: Option<PathBuf>,
    /// HAT's own list of swaps, actionswap_{rand,close,far,same}_{1..3}.pickle; may be given several times.
    #[arg(long, value_name = "FILE")]
    swaps: Vec<PathBuf>,
    /// Where it is kept how much of each clip the person covers and where it plays [default: survey.jsonl in OUT].
    #[arg(long, value_name = "FILE")]
    survey: Option<PathBuf>,
}

/// What all scripts of a run share.
pub struct SetBuilder {
    surveys: SetStatistics,
    inpainter: Inpainter,
    backdrops: Vec<BackgroundSource>,
    lists: BTreeMap<(SetKind, u32), Pairing>,
}

impl CounterfactualArgs {
    /// What everything random follows from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The set with what was inpainted elsewhere.
    pub fn remove_person(&self, dataset: Dataset) -> Result<Dataset> {
        self.inpainted.iter().try_fold(dataset, |set, folder| set.with_inpainted(folder))
    }

    /// Looks at every clip of `dataset` that was not looked at yet.
    ///
    /// # Errors
    /// When a model, a list or a folder cannot be read, or the survey cannot be written.
    pub fn prepare(
        &self,
        dataset: &Dataset,
        bundle: &Bundle,
        (out, fps): (&Path, f64),
        (jobs, threads): (usize, usize),
        progress: &Progress,
    ) -> Result<SetBuilder> {
        let inpainter = self.inpainter.as_deref().map_or(Ok(Inpainter::Smooth), Inpainter::open)?;
        let backdrops = match self.backgrounds.as_slice() {
            [] => vec![BackgroundSource::Stripes],
            folders => folders.iter().map(|folder| BackgroundSource::open(folder)).collect::<Result<_>>()?,
        };
        let list = |path: &PathBuf| Ok((list_name(path)?, read_list(path)?));
        let lists = self.swaps.iter().map(list).collect::<Result<_>>()?;
        let surveys = self.survey(dataset, bundle, (out, fps), (jobs, threads), progress)?;
        Ok(SetBuilder { surveys, inpainter, backdrops, lists })
    }

    fn survey(
        &self,
        dataset: &Dataset,
        bundle: &Bundle,
        (out, fps): (&Path, f64),
        (jobs, threads): (usize, usize),
        progress: &Progress,
    ) -> Result<SetStatistics> {
        let path = self.survey.clone().unwrap_or_else(|| out.join(SURVEY));
        let threads = (threads / jobs).max(1);
        let scenes = || match &self.scenes {
            Some(path) => SceneClassifier::open(path, threads),
            None => SceneClassifier::of_bundle(&built_in::bundle()?, threads),
        };
        let has_masks = dataset.clips.iter().any(|clip| clip.masks.is_some());
        let segmenter = if has_masks { "masks of the set".to_owned() } else { bundle.fingerprint()? };
        let info = StatisticsHeader::new(dataset, segmenter, &scenes()?);
        let (mut journal, mut there) = Journal::<StatisticsEntry>::open(&path, &info)?;
        let is_left =
            |clip: &&LabelledClip| clip.path.is_some() && there.get(&clip.id).is_none_or(|it| it.sight.is_err());
        let left: Vec<LabelledClip> = dataset.clips.iter().filter(is_left).cloned().collect();
        let bar = progress.clips(dataset.clips.len() as u64, (dataset.clips.len() - left.len()) as u64);
        bar.set_message("survey");
        let worker = |_| Ok((frame_segmenter(bundle, threads)?, scenes()?));
        let mut workers: Vec<(PersonSegmenter, SceneClassifier)> =
            (0..jobs.min(left.len())).map(worker).collect::<Result<_>>()?;
        let look = |clip: &LabelledClip, (segmenter, scenes): &mut (PersonSegmenter, SceneClassifier)| {
            let sight = open(clip, fps).and_then(|mut source| ClipStatistics::of(source.as_mut(), segmenter, scenes));
            let sight = match sight {
                Err(error) if !is_of_clip(&error) => return Err(error.at(&clip.id)),
                sight => sight.map_err(|error| error.to_string()),
            };
            Ok(StatisticsEntry { clip: clip.id.clone(), sight })
        };
        spread(&left, &mut workers, look, &mut |survey: StatisticsEntry| {
            if interrupt::is_interrupted() {
                return Ok(ControlFlow::Break(()));
            }
            bar.inc(1);
            journal.add(&survey)?;
            there.insert(survey.clip.clone(), survey);
            Ok(ControlFlow::Continue(()))
        })?;
        bar.finish_and_clear();
        interrupt::check()?;
        for (clip, why) in there.iter().filter_map(|(clip, survey)| Some((clip, survey.sight.as_ref().err()?))) {
            log::warn!("{clip} is left out of counterfactual sets: {why}");
        }
        Ok(SetStatistics::new(dataset, there))
    }
}

impl SetBuilder {
    /// The scripts of `sets`: swaps three times, as HAT draws them, or as often as there are lists of them, and what has a
    /// still background once for each source of such.
    pub fn scripts<'a>(&'a self, sets: &[SetKind], seed: u64, dataset: &'a Dataset) -> Vec<CounterfactualSet<'a>> {
        let mut scripts = Vec::new();
        for &set in sets {
            let script = |draw: u32, backdrops: &BackgroundSource| {
                CounterfactualSet::new((set, draw), seed, backdrops.clone(), dataset, &self.surveys, &self.inpainter)
            };
            if set.has_backdrop() {
                scripts.extend(self.backdrops.iter().map(|backdrops| script(1, backdrops)));
            } else if set.is_swap() {
                let mut draws: Vec<u32> = self.lists.keys().filter(|list| list.0 == set).map(|list| list.1).collect();
                if draws.is_empty() {
                    draws.extend(1..=3);
                }
                for draw in draws {
                    let drawn = script(draw, &BackgroundSource::Stripes);
                    scripts.push(match self.lists.get(&(set, draw)) {
                        Some(list) => drawn.with_pairing(self.known(list)),
                        None => drawn,
                    });
                }
            } else {
                scripts.push(script(1, &BackgroundSource::Stripes));
            }
        }
        scripts
    }

    /// The part of a list whose clips are there.
    fn known(&self, list: &Pairing) -> Pairing {
        let is_there = |clip: &String| self.surveys.clips.contains_key(clip);
        let pairing: Pairing = list
            .iter()
            .filter(|(clip, other)| is_there(clip) && other.as_ref().is_none_or(is_there))
            .map(|(clip, other)| (clip.clone(), other.clone()))
            .collect();
        if pairing.len() < list.len() {
            log::warn!("{} of a list's {} swaps are of clips that are there", pairing.len(), list.len());
        }
        pairing
    }
}

/// Opens a clip, so that ctrl-C ends it.
pub fn open(clip: &LabelledClip, fps: f64) -> Result<Box<dyn Source>> {
    Ok(Box::new(Interruptible(clip.open(&SourceOptions { fps, ..SourceOptions::default() })?)))
}

/// Whether an error is about a clip and not about a model or disk.
pub fn is_of_clip(error: &Error) -> bool {
    matches!(error.stage(), Stage::Source | Stage::Frame | Stage::Preprocess)
}
