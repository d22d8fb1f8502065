//! The papers' tables, row by row.

mod epochs;
mod preset;
mod result;
mod rows;
mod test_set;

pub mod report;

pub use preset::{Plan, Preset};
pub use result::RowResult;
pub use rows::{Experiment, Row, fusion_name, rows};

use crate::batch_sampler::ClassBatches;
use crate::clip::{ClipRenderer, Masks, ProcessedClip};
use crate::conventions;
use crate::evaluate::Evaluator;
use crate::evaluate::backgrounds::Source;
use crate::evaluate::metrics::{accuracy, contrastive_accuracy};
use crate::evaluate::stimulus::{BackgroundOnly, OverBackground, SingleView, StillFrame, Stimulus};
use crate::pair::{ClipPair, Sizes, seeded, weights};
use crate::parallel_encoder::ParallelEncoder;
use crate::person_segmenter::SegmenterFiles;
use crate::splits::{self, RHO, Split};
use crate::trainer::{Optimiser, Settings, Trainer};
use burn::tensor::{Device, Tensor};
use epochs::Epochs;
use figureground::Result;
use figureground::bundle::tokenizer::Tokenizer;
use figureground::preprocess;
use figureground::view::View;
use indicatif::ProgressBar;
use pantomime::{Context, ClassGroup};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Instant;
use test_set::{TestSet, test_sets};

/// Everything rows share.
#[derive(Debug)]
pub struct Reproduction<'a> {
    /// Size of the reproduction.
    pub preset: Preset,
    /// Folder of the base pair that every row starts from.
    pub base: PathBuf,
    /// Where checkpoints of unfinished rows are.
    pub work: PathBuf,
    /// Where results go.
    pub results: PathBuf,
    /// What trains.
    pub device: Device,
    /// What encodes.
    pub encoder: &'a ParallelEncoder,
    /// Whose masks make the views of the tables; without it only exact masks do.
    pub segmenter_files: Option<SegmenterFiles>,
    /// What the machine is called in results.
    pub machine: String,
}

impl Reproduction<'_> {
    /// Runs all `rows` with all `seeds` and writes their results; those that are there already are kept. `bar` makes a bar
    /// for each.
    ///
    /// # Errors
    /// When training fails or a file cannot be written.
    pub fn run(&self, rows: &[Row], seeds: Range<u64>, bar: &dyn Fn(&str) -> ProgressBar) -> Result<()> {
        let mut sat: Option<(_, Vec<TestSet>)> = None;
        for row in rows {
            let test_set = (row.experiment, row.frames, row.sampler);
            for seed in seeds.clone().filter(|seed| !self.outcome_path(row, *seed).is_file()) {
                // Rows of an experiment come one after the other, and sit the same test_sets.
                let test_sets = match sat.take() {
                    Some((other, test_sets)) if other == test_set => test_sets,
                    _ => self.test_sets(row, &bar(row.experiment.name()))?,
                };
                self.run_one(row, seed, &test_sets, &bar(&format!("{} {seed}", row.name)))?;
                sat = Some((test_set, test_sets));
            }
        }
        Ok(())
    }

    fn outcome_path(&self, row: &Row, seed: u64) -> PathBuf {
        RowResult::path(&self.results, self.preset.name(), &row.name, seed)
    }

    fn test_sets(&self, row: &Row, bar: &ProgressBar) -> Result<Vec<TestSet>> {
        let sizes = self.sizes(row);
        let preprocess = conventions::preprocess(&sizes)?;
        let segmenter_files = self.segmenter_files.as_ref().filter(|_| row.experiment != Experiment::Objects);
        let renderer =
            ClipRenderer { segmenter_files, sampler: row.sampler, ..conventions::renderer(&preprocess, row.frames)? };
        test_sets(row.experiment, self.preset, &renderer, &conventions::tokenizer(&sizes)?, bar)
    }

    fn sizes(&self, row: &Row) -> Sizes {
        Sizes { frames: row.frames, ..self.preset.sizes() }
    }

    fn run_one(&self, row: &Row, seed: u64, test_sets: &[TestSet], bar: &ProgressBar) -> Result<()> {
        let start = Instant::now();
        let sizes = self.sizes(row);
        let preprocess = conventions::preprocess(&sizes)?;
        let tokenizer = conventions::tokenizer(&sizes)?;
        let renderer = ClipRenderer { sampler: row.sampler, ..conventions::renderer(&preprocess, row.frames)? };
        let evaluator = self.evaluator(row, &sizes, &preprocess);
        let mut epochs = Epochs::open(&self.folder(row, seed))?;
        let pair = self.train(row, seed, &renderer, &tokenizer, bar, &mut |epoch, pair| {
            let test_set = &test_sets[0];
            let texts = evaluator.texts(pair, &test_set.prompts);
            let said =
                evaluator.predictions(evaluator.clips(pair, &test_set.clips, &evaluator.view(View::Full))?, &texts);
            epochs.note(epoch, accuracy(&said, &test_set.labels))
        })?;
        let mut scores = BTreeMap::new();
        for test_set in test_sets {
            evaluate_row(&evaluator, row.experiment, &pair, test_set, &mut scores)?;
        }
        if row.experiment == Experiment::Albar {
            counterfactual(&evaluator, &pair, &test_sets[0], &preprocess, seed, &mut scores)?;
        }
        let outcome = RowResult {
            row: row.name.clone(),
            seed,
            preset: self.preset.name().to_owned(),
            epochs: epochs.top1,
            scores,
            seconds: start.elapsed().as_secs_f64(),
            machine: self.machine.clone(),
        };
        outcome.write(&self.results)?;
        let folder = self.folder(row, seed);
        if let Err(e) = std::fs::remove_dir_all(&folder) {
            log::warn!("{} stays: {e}", folder.display());
        }
        Ok(())
    }

    fn folder(&self, row: &Row, seed: u64) -> PathBuf {
        self.work.join(format!("{}.{seed}", row.name.replace(':', "-").replace('/', "_")))
    }

    fn evaluator(&self, row: &Row, sizes: &Sizes, preprocess: &preprocess::PreprocessSettings) -> Evaluator<'_> {
        let objects = row.experiment == Experiment::Objects;
        Evaluator {
            encoder: self.encoder,
            sizes: *sizes,
            fill: conventions::fill(preprocess),
            object_fill: objects.then(|| conventions::object_fill(preprocess)),
        }
    }

    fn train(
        &self,
        row: &Row,
        seed: u64,
        renderer: &ClipRenderer<'_>,
        tokenizer: &Tokenizer,
        bar: &ProgressBar,
        after_epoch: &mut dyn FnMut(usize, &ClipPair) -> Result<()>,
    ) -> Result<ClipPair> {
        let sizes = self.sizes(row);
        let plan = self.preset.plan(row.experiment, row.fusion);
        let part = Some(ClassGroup::Base);
        let ((specs, labels), names): (_, Vec<String>) = match row.experiment {
            Experiment::Objects => (
                splits::handling(part, RHO, plan.shots, Split::Training, seed),
                splits::handlings(part).iter().map(|handling| handling.name()).collect(),
            ),
            _ => (
                splits::acting(part, Context::In, plan.shots, Split::Training, seed),
                splits::actions(part).iter().map(|action| action.name()).collect(),
            ),
        };
        bar.set_message("training clips");
        let clips = renderer.film(&specs, bar)?;
        let prompts = conventions::prompts(tokenizer, names)?;
        let batch_sampler = ClassBatches {
            clips: &clips,
            labels: &labels,
            prompts: &prompts,
            sizes,
            batch: plan.batch,
            augmentation: row.augmentation,
            seed,
        };
        let settings = Settings {
            epochs: plan.epochs,
            learning_rate: plan.learning_rate,
            warmup_epochs: 1.0,
            optimiser: Optimiser::AdamW,
            weight_decay: 0.05,
            objective: row.objective,
            posture: 0.0,
        };
        let autodiff = self.device.clone().autodiff();
        let pair =
            seeded(seed, &autodiff, || ClipPair::new(&sizes, &autodiff).with_fusion(row.fusion, &sizes, &autodiff));
        let pair = weights::read(pair, &sizes, &self.base)?;
        Trainer::new(pair, settings, sizes, self.encoder, &self.device).run(
            &batch_sampler,
            &self.folder(row, seed),
            bar,
            after_epoch,
        )
    }
}

/// top1 and its strata of skin and clothes; B-top1 and P-top1 by the segmenter's masks and by the exact ones, for
/// objects by the exact ones only; where frames matter, one still instead of the clip, and the scene without anybody
/// (BOR's numerator).
fn evaluate_row(
    evaluator: &Evaluator<'_>,
    experiment: Experiment,
    pair: &ClipPair,
    test_set: &TestSet,
    scores: &mut BTreeMap<String, f64>,
) -> Result<()> {
    let texts = evaluator.texts(pair, &test_set.prompts);
    let said = |stimulus: &dyn Stimulus| -> Result<Vec<usize>> {
        Ok(evaluator.predictions(evaluator.clips(pair, &test_set.clips, stimulus)?, &texts))
    };
    let mut put = |measure: &str, value: f64| scores.insert(format!("{}.{measure}", test_set.name), value);
    let whole = said(&evaluator.view(View::Full))?;
    put("top1", accuracy(&whole, &test_set.labels));
    for (index, value) in by_stratum(&whole, test_set, |clips| clips.skin) {
        put(&format!("skin.{index}"), value);
    }
    for (index, value) in by_stratum(&whole, test_set, |clips| clips.clothes) {
        put(&format!("clothes.{index}"), value);
    }
    let segmented = |view| SingleView { masks: Masks::Segmented, ..evaluator.view(view) };
    let parts = [
        ("b_top1", segmented(View::Background)),
        ("p_top1", segmented(View::Person)),
        ("b_top1_exact", evaluator.view(View::Background)),
        ("p_top1_exact", evaluator.view(View::Person)),
    ];
    for (measure, stimulus) in &parts {
        if stimulus.masks == Masks::Exact || experiment != Experiment::Objects {
            put(measure, accuracy(&said(stimulus)?, &test_set.labels));
        }
    }
    if matches!(experiment, Experiment::Cross | Experiment::Frames) {
        put("still", accuracy(&said(&StillFrame)?, &test_set.labels));
    }
    if experiment == Experiment::Frames {
        put("background", accuracy(&said(&BackgroundOnly)?, &test_set.labels));
    }
    Ok(())
}

/// Accuracy in each stratum.
fn by_stratum(said: &[usize], test_set: &TestSet, stratum: impl Fn(&ProcessedClip) -> usize) -> BTreeMap<usize, f64> {
    let mut strata: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for ((said, label), clips) in said.iter().zip(&test_set.labels).zip(&test_set.clips) {
        let (right, all) = strata.entry(stratum(clips)).or_default();
        *right += usize::from(said == label);
        *all += 1;
    }
    strata.into_iter().map(|(index, (right, all))| (index, right as f64 / all as f64)).collect()
}

/// SCUBA, SCUFO, ConflFG and contrastive accuracy before each source of backgrounds, and the means.
fn counterfactual(
    evaluator: &Evaluator<'_>,
    pair: &ClipPair,
    test_set: &TestSet,
    preprocess: &preprocess::PreprocessSettings,
    seed: u64,
    scores: &mut BTreeMap<String, f64>,
) -> Result<()> {
    let texts = evaluator.texts(pair, &test_set.prompts);
    let strangers = strangers(&test_set.labels, seed);
    let said = |stimulus: &OverBackground<'_>| -> Result<Vec<usize>> {
        let clips: Tensor<2> = evaluator.clips(pair, &test_set.clips, stimulus)?;
        Ok(evaluator.predictions(clips, &texts))
    };
    let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
    for source in Source::ALL {
        let backgrounds = source.backgrounds(&test_set.clips, preprocess, seed)?;
        let scuba = OverBackground { backgrounds: &backgrounds, still: false, intruder: None };
        let (moving, still) = (said(&scuba)?, said(&OverBackground { still: true, ..scuba.clone() })?);
        let conflict = said(&OverBackground { intruder: Some(&strangers), ..scuba })?;
        for (measure, value) in [
            ("scuba", accuracy(&moving, &test_set.labels)),
            ("scufo", accuracy(&still, &test_set.labels)),
            ("conflfg", accuracy(&conflict, &test_set.labels)),
            ("contrastive", contrastive_accuracy(&moving, &still, &test_set.labels)),
        ] {
            scores.insert(format!("{measure}.{}", source.name()), value);
            *sums.entry(measure).or_default() += value / Source::ALL.len() as f64;
        }
    }
    scores.extend(sums.into_iter().map(|(measure, mean)| (format!("{measure}.mean"), mean)));
    Ok(())
}

/// For each clip one of another class.
fn strangers(labels: &[usize], seed: u64) -> Vec<usize> {
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.shuffle(&mut rng);
    labels
        .iter()
        .map(|label| {
            let from = rng.random_range(0..order.len());
            let others = order.iter().cycle().skip(from).take(order.len());
            others.copied().find(|other| labels[*other] != *label).unwrap_or(from)
        })
        .collect()
}

/// Where results are, in a clone of the repository.
pub fn results_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("results")
}
