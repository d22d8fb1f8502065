//! Reproduces the papers' tables, row by row.

mod epoch_accuracies;
mod preset;
mod result;
mod row_scorer;
mod rows;
mod test_set;

pub mod report;

pub use preset::{Preset, RowSettings};
pub use result::RowResult;
pub use rows::{Experiment, TableRow, fusion_name, rows};

use crate::batch_sampler::ClassBatches;
use crate::clip::ClipRenderer;
use crate::conventions;
use crate::evaluate::Evaluator;
use crate::evaluate::accuracy::accuracy;
use crate::pair::{ClipPair, PairSizes, seeded, weights};
use crate::parallel_encoder::ParallelEncoder;
use crate::segmenter_files::SegmenterFiles;
use crate::splits::{self, ClipSelection, RHO, Split};
use crate::trainer::{AfterEpoch, PairTrainer};
use crate::training_settings::{Optimiser, TrainingSettings};
use burn::tensor::Device;
use epoch_accuracies::EpochAccuracies;
use figureground::Result;
use figureground::preprocess::PreprocessSettings;
use figureground::view::View;
use indicatif::ProgressBar;
use pantomime::{ClassGroup, Context};
use row_scorer::RowScorer;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Instant;
use test_set::{TestSet, TestSetRenderer};

/// Settings that all rows share.
#[derive(Debug)]
pub struct Reproduction<'a> {
    /// Size of the reproduction.
    pub preset: Preset,
    /// Folder of the base pair that every row starts from.
    pub base: PathBuf,
    /// Folder of checkpoints of unfinished rows.
    pub work: PathBuf,
    /// Folder of results.
    pub results: PathBuf,
    /// Device for training.
    pub device: Device,
    /// The encoder.
    pub encoder: &'a ParallelEncoder,
    /// Segmenter whose masks make the views; without it, only exact masks do.
    pub segmenter_files: Option<SegmenterFiles>,
    /// Name of the machine in results.
    pub machine: String,
}

/// One row with one seed.
struct RowRun<'a> {
    row: &'a TableRow,
    seed: u64,
    sizes: PairSizes,
    preprocess: PreprocessSettings,
    /// Folder of checkpoints.
    folder: PathBuf,
}

impl Reproduction<'_> {
    /// Runs all `rows` with all `seeds` and writes their results, except those that exist already. `bar` creates a
    /// progress bar with a name.
    ///
    /// # Errors
    /// Returns an error if training fails or a file cannot be written.
    pub fn run(&self, rows: &[TableRow], seeds: Range<u64>, bar: &dyn Fn(&str) -> ProgressBar) -> Result<()> {
        let mut rendered: Option<(_, Vec<TestSet>)> = None;
        for row in rows {
            let key = (row.experiment, row.frames, row.sampler);
            for seed in seeds.clone().filter(|seed| !self.result_path(row, *seed).is_file()) {
                // Successive rows of an experiment share the rendered test sets.
                let test_sets = match rendered.take() {
                    Some((other, test_sets)) if other == key => test_sets,
                    _ => self.test_sets(row, &bar(row.experiment.name()))?,
                };
                self.run_row(row, seed, &test_sets, &bar(&format!("{} {seed}", row.name)))?;
                rendered = Some((key, test_sets));
            }
        }
        Ok(())
    }

    fn result_path(&self, row: &TableRow, seed: u64) -> PathBuf {
        RowResult::path(&self.results, self.preset.name(), &row.name, seed)
    }

    fn test_sets(&self, row: &TableRow, bar: &ProgressBar) -> Result<Vec<TestSet>> {
        let sizes = self.sizes(row);
        let preprocess = conventions::preprocess(&sizes)?;
        let segmenter_files = self.segmenter_files.as_ref().filter(|_| row.experiment != Experiment::Objects);
        let renderer =
            ClipRenderer { segmenter_files, sampler: row.sampler, ..conventions::renderer(&preprocess, row.frames)? };
        let clips_per_class = self.preset.test_clips_per_class();
        let tokenizer = conventions::tokenizer(&sizes)?;
        TestSetRenderer { clips_per_class, renderer: &renderer, tokenizer: &tokenizer, bar }.render_all(row.experiment)
    }

    fn sizes(&self, row: &TableRow) -> PairSizes {
        PairSizes { frames: row.frames, ..self.preset.sizes() }
    }

    fn run_row(&self, row: &TableRow, seed: u64, test_sets: &[TestSet], bar: &ProgressBar) -> Result<()> {
        let start = Instant::now();
        let sizes = self.sizes(row);
        let folder = self.work.join(format!("{}.{seed}", row.name.replace(':', "-").replace('/', "_")));
        let run = RowRun { row, seed, sizes, preprocess: conventions::preprocess(&sizes)?, folder };
        let evaluator = self.evaluator(&run);
        let mut epochs = EpochAccuracies::open(&run.folder)?;
        let pair = self.train(&run, bar, &mut |epoch, pair| {
            let TestSet { clips, prompts, .. } = &test_sets[0];
            let classifier = evaluator.classifier(pair, prompts);
            let predictions = evaluator.predictions(&classifier, &clips.clips, &evaluator.view(View::Full))?;
            epochs.set(epoch, accuracy(&predictions, &clips.labels))
        })?;
        let (experiment, scores) = (row.experiment, BTreeMap::new());
        let mut scorer = RowScorer { evaluator: &evaluator, pair: &pair, experiment, scores };
        test_sets.iter().try_for_each(|test_set| scorer.add_test_set(test_set))?;
        if experiment == Experiment::Albar {
            scorer.add_counterfactuals(&test_sets[0], &run.preprocess, seed)?;
        }
        let result = RowResult {
            row: row.name.clone(),
            seed,
            preset: self.preset.name().to_owned(),
            epochs: epochs.top1,
            scores: scorer.scores,
            seconds: start.elapsed().as_secs_f64(),
            machine: self.machine.clone(),
        };
        result.write(&self.results)?;
        if let Err(e) = std::fs::remove_dir_all(&run.folder) {
            log::warn!("cannot remove the checkpoints in {}: {e}", run.folder.display());
        }
        Ok(())
    }

    fn evaluator(&self, run: &RowRun<'_>) -> Evaluator<'_> {
        let objects = run.row.experiment == Experiment::Objects;
        Evaluator {
            encoder: self.encoder,
            sizes: run.sizes,
            fill: conventions::fill(&run.preprocess),
            object_fill: objects.then(|| conventions::object_fill(&run.preprocess)),
        }
    }

    fn train(&self, run: &RowRun<'_>, bar: &ProgressBar, after_epoch: &mut AfterEpoch<'_>) -> Result<ClipPair> {
        let RowRun { row, seed, sizes, preprocess, folder } = run;
        let settings = self.preset.row_settings(row.experiment, row.fusion);
        let renderer = ClipRenderer { sampler: row.sampler, ..conventions::renderer(preprocess, row.frames)? };
        let group = Some(ClassGroup::Base);
        let selection = ClipSelection { group, clips_per_class: settings.shots, split: Split::Training, seed: *seed };
        let (clips, names) = match row.experiment {
            Experiment::Objects => (selection.handlings(RHO), splits::handling_names(group)),
            _ => (selection.actions(Context::In), splits::action_names(group)),
        };
        bar.set_message("training clips");
        let batch_sampler = ClassBatches {
            clips: &renderer.render(&clips.specs, bar)?,
            labels: &clips.labels,
            prompts: &conventions::prompts(&conventions::tokenizer(sizes)?, &names)?,
            sizes: *sizes,
            batch_size: settings.batch_size,
            augmentation: row.augmentation,
            seed: *seed,
        };
        let training = TrainingSettings {
            epochs: settings.epochs,
            learning_rate: settings.learning_rate,
            warmup_epochs: 1.0,
            optimiser: Optimiser::AdamW,
            weight_decay: 0.05,
            objective: row.objective,
            posture: 0.0,
        };
        let autodiff = self.device.clone().autodiff();
        let pair =
            seeded(*seed, &autodiff, || ClipPair::new(sizes, &autodiff).with_fusion(row.fusion, sizes, &autodiff));
        let pair = weights::read(pair, sizes, &self.base)?;
        let trainer = PairTrainer::new(pair, training, *sizes, self.encoder, &self.device);
        trainer.run(&batch_sampler, folder, bar, after_epoch)
    }
}

/// Returns the folder of results in a clone of the repository.
pub fn results_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("results")
}
