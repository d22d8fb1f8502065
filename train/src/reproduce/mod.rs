//! The papers' tables, row by row.

mod epochs;
mod exam;
mod outcome;
mod preset;
mod rows;

pub mod report;

pub use outcome::Outcome;
pub use preset::{Plan, Preset};
pub use rows::{Experiment, Row, fusion_name, rows};

use crate::casting::{self, Purpose, RHO};
use crate::evaluate::Examiner;
use crate::evaluate::backdrops::Source;
use crate::evaluate::metrics::{accuracy, contrastive_accuracy};
use crate::evaluate::showing::{Backdrop, Before, OneView, Showing, Still};
use crate::eye::Segmentation;
use crate::footage::{Footage, Masks, Studio};
use crate::lessons::ClassLessons;
use crate::pair::{ClipPair, Sizes, seeded, weights};
use crate::recipe;
use crate::shards::Shards;
use crate::trainer::{Optimiser, Settings, Trainer};
use burn::tensor::{Device, Tensor};
use epochs::Epochs;
use exam::{Exam, exams};
use figureground::Result;
use figureground::bundle::tokenizer::Tokenizer;
use figureground::preprocess;
use figureground::view::View;
use indicatif::ProgressBar;
use pantomime::{Context, Part};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Everything rows share.
#[derive(Debug)]
pub struct Laboratory<'a> {
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
    pub shards: &'a Shards,
    /// Whose masks make the views of the tables; without it only exact masks do.
    pub segmentation: Option<Segmentation>,
    /// What the machine is called in results.
    pub machine: String,
}

impl Laboratory<'_> {
    /// Runs all `rows` with all `seeds` and writes their results; those that are there already are kept. `bar` makes a bar
    /// for each.
    ///
    /// # Errors
    /// When training fails or a file cannot be written.
    pub fn run(&self, rows: &[Row], seeds: Range<u64>, bar: &dyn Fn(&str) -> ProgressBar) -> Result<()> {
        let mut sat: Option<(_, Vec<Exam>)> = None;
        for row in rows {
            let exam = (row.experiment, row.frames, row.sampler);
            for seed in seeds.clone().filter(|seed| !self.outcome_path(row, *seed).is_file()) {
                // Rows of an experiment come one after the other, and sit the same exams.
                let exams = match sat.take() {
                    Some((other, exams)) if other == exam => exams,
                    _ => self.exams(row, &bar(row.experiment.name()))?,
                };
                self.run_one(row, seed, &exams, &bar(&format!("{} {seed}", row.name)))?;
                sat = Some((exam, exams));
            }
        }
        Ok(())
    }

    fn outcome_path(&self, row: &Row, seed: u64) -> PathBuf {
        Outcome::path(&self.results, self.preset.name(), &row.name, seed)
    }

    fn exams(&self, row: &Row, bar: &ProgressBar) -> Result<Vec<Exam>> {
        let sizes = self.sizes(row);
        let preprocess = recipe::preprocess(&sizes)?;
        let segmentation = self.segmentation.as_ref().filter(|_| row.experiment != Experiment::Objects);
        let studio = Studio { segmentation, sampler: row.sampler, ..recipe::studio(&preprocess, row.frames)? };
        exams(row.experiment, self.preset, &studio, &recipe::tokenizer(&sizes)?, bar)
    }

    fn sizes(&self, row: &Row) -> Sizes {
        Sizes { frames: row.frames, ..self.preset.sizes() }
    }

    fn run_one(&self, row: &Row, seed: u64, exams: &[Exam], bar: &ProgressBar) -> Result<()> {
        let start = Instant::now();
        let sizes = self.sizes(row);
        let preprocess = recipe::preprocess(&sizes)?;
        let tokenizer = recipe::tokenizer(&sizes)?;
        let studio = Studio { sampler: row.sampler, ..recipe::studio(&preprocess, row.frames)? };
        let examiner = self.examiner(row, &sizes, &preprocess);
        let mut epochs = Epochs::open(&self.folder(row, seed))?;
        let pair = self.train(row, seed, &studio, &tokenizer, bar, &mut |epoch, pair| {
            let exam = &exams[0];
            let texts = examiner.texts(pair, &exam.prompts);
            let said = examiner.predictions(examiner.clips(pair, &exam.footage, &examiner.view(View::Full))?, &texts);
            epochs.note(epoch, accuracy(&said, &exam.labels))
        })?;
        let mut scores = BTreeMap::new();
        for exam in exams {
            examine(&examiner, row.experiment, &pair, exam, &mut scores)?;
        }
        if row.experiment == Experiment::Albar {
            counterfactual(&examiner, &pair, &exams[0], &preprocess, seed, &mut scores)?;
        }
        let outcome = Outcome {
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

    fn examiner(&self, row: &Row, sizes: &Sizes, preprocess: &preprocess::Settings) -> Examiner<'_> {
        let objects = row.experiment == Experiment::Objects;
        Examiner {
            shards: self.shards,
            sizes: *sizes,
            fill: recipe::fill(preprocess),
            object_fill: objects.then(|| recipe::object_fill(preprocess)),
        }
    }

    fn train(
        &self,
        row: &Row,
        seed: u64,
        studio: &Studio<'_>,
        tokenizer: &Tokenizer,
        bar: &ProgressBar,
        after_epoch: &mut dyn FnMut(usize, &ClipPair) -> Result<()>,
    ) -> Result<ClipPair> {
        let sizes = self.sizes(row);
        let plan = self.preset.plan(row.experiment, row.fusion);
        let part = Some(Part::Base);
        let ((takes, labels), names): (_, Vec<String>) = match row.experiment {
            Experiment::Objects => (
                casting::handling(part, RHO, plan.shots, Purpose::Training, seed),
                casting::handlings(part).iter().map(|handling| handling.name()).collect(),
            ),
            _ => (
                casting::acting(part, Context::In, plan.shots, Purpose::Training, seed),
                casting::actions(part).iter().map(|action| action.name()).collect(),
            ),
        };
        bar.set_message("training clips");
        let footage = studio.film(&takes, bar)?;
        let prompts = recipe::prompts(tokenizer, names)?;
        let lessons = ClassLessons {
            footage: &footage,
            labels: &labels,
            prompts: &prompts,
            sizes,
            batch: plan.batch,
            variation: row.variation,
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
        Trainer::new(pair, settings, sizes, self.shards, &self.device).run(
            &lessons,
            &self.folder(row, seed),
            bar,
            after_epoch,
        )
    }
}

/// top1 and its strata of skin and clothes; B-top1 and P-top1 by the segmenter's masks and by the exact ones, for
/// objects by the exact ones only; where frames matter, one still instead of the clip, and the scene without anybody
/// (BOR's numerator).
fn examine(
    examiner: &Examiner<'_>,
    experiment: Experiment,
    pair: &ClipPair,
    exam: &Exam,
    scores: &mut BTreeMap<String, f64>,
) -> Result<()> {
    let texts = examiner.texts(pair, &exam.prompts);
    let said = |showing: &dyn Showing| -> Result<Vec<usize>> {
        Ok(examiner.predictions(examiner.clips(pair, &exam.footage, showing)?, &texts))
    };
    let mut put = |measure: &str, value: f64| scores.insert(format!("{}.{measure}", exam.name), value);
    let whole = said(&examiner.view(View::Full))?;
    put("top1", accuracy(&whole, &exam.labels));
    for (index, value) in by_stratum(&whole, exam, |footage| footage.skin) {
        put(&format!("skin.{index}"), value);
    }
    for (index, value) in by_stratum(&whole, exam, |footage| footage.clothes) {
        put(&format!("clothes.{index}"), value);
    }
    let segmented = |view| OneView { masks: Masks::Segmented, ..examiner.view(view) };
    let parts = [
        ("b_top1", segmented(View::Background)),
        ("p_top1", segmented(View::Person)),
        ("b_top1_exact", examiner.view(View::Background)),
        ("p_top1_exact", examiner.view(View::Person)),
    ];
    for (measure, showing) in &parts {
        if showing.masks == Masks::Exact || experiment != Experiment::Objects {
            put(measure, accuracy(&said(showing)?, &exam.labels));
        }
    }
    if matches!(experiment, Experiment::Cross | Experiment::Frames) {
        put("still", accuracy(&said(&Still)?, &exam.labels));
    }
    if experiment == Experiment::Frames {
        put("backdrop", accuracy(&said(&Backdrop)?, &exam.labels));
    }
    Ok(())
}

/// Accuracy in each stratum.
fn by_stratum(said: &[usize], exam: &Exam, stratum: impl Fn(&Footage) -> usize) -> BTreeMap<usize, f64> {
    let mut strata: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for ((said, label), footage) in said.iter().zip(&exam.labels).zip(&exam.footage) {
        let (right, all) = strata.entry(stratum(footage)).or_default();
        *right += usize::from(said == label);
        *all += 1;
    }
    strata.into_iter().map(|(index, (right, all))| (index, right as f64 / all as f64)).collect()
}

/// SCUBA, SCUFO, ConflFG and contrastive accuracy before each source of backgrounds, and the means.
fn counterfactual(
    examiner: &Examiner<'_>,
    pair: &ClipPair,
    exam: &Exam,
    preprocess: &preprocess::Settings,
    seed: u64,
    scores: &mut BTreeMap<String, f64>,
) -> Result<()> {
    let texts = examiner.texts(pair, &exam.prompts);
    let strangers = strangers(&exam.labels, seed);
    let said = |showing: &Before<'_>| -> Result<Vec<usize>> {
        let clips: Tensor<2> = examiner.clips(pair, &exam.footage, showing)?;
        Ok(examiner.predictions(clips, &texts))
    };
    let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
    for source in Source::ALL {
        let backdrops = source.backdrops(&exam.footage, preprocess, seed)?;
        let scuba = Before { backdrops: &backdrops, still: false, intruder: None };
        let (moving, still) = (said(&scuba)?, said(&Before { still: true, ..scuba.clone() })?);
        let conflict = said(&Before { intruder: Some(&strangers), ..scuba })?;
        for (measure, value) in [
            ("scuba", accuracy(&moving, &exam.labels)),
            ("scufo", accuracy(&still, &exam.labels)),
            ("conflfg", accuracy(&conflict, &exam.labels)),
            ("contrastive", contrastive_accuracy(&moving, &still, &exam.labels)),
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
