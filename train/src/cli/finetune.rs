//! `figureground-train finetune`.

use super::device_args::DeviceArgs;
use super::progress::Progress;
use super::test_sets::TestSets;
use clap::{Args, ValueEnum};
use figureground::Result;
use figureground_train::augmentation::Augmentation;
use figureground_train::batch_sampler::ClassBatches;
use figureground_train::conventions;
use figureground_train::masking_ratio::MaskingRatio;
use figureground_train::objective::{Albar, Objective};
use figureground_train::pair::{ClipPair, FusionKind, PairSizes, seeded, weights};
use figureground_train::splits::{self, ClipSelection, Split};
use figureground_train::trainer::PairTrainer;
use figureground_train::training_settings::{Optimiser, TrainingSettings};
use pantomime::{ClassGroup, Context};
use std::path::PathBuf;

pub const EXAMPLES: &str = "Example:
  figureground-train finetune --from base --fusion temporal --ratio .33:.67 --out masked";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Loss {
    /// Contrastive loss between clips and texts
    InfoNce,
    /// Cross-entropy over the texts of all classes
    CrossEntropy,
    /// Cross-entropy with ALBAR's adversarial terms
    Albar,
}

#[derive(Debug, Args)]
pub struct Finetune {
    /// Folder of the pair to start from.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// Folder for checkpoints, the loss curve, and finally the pair in Hugging Face's layout.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Fusion of frame embeddings.
    #[arg(long, value_enum, default_value_t = FusionKind::Mean)]
    fusion: FusionKind,
    /// Masking ratio, none:background or none:box:shape:background+object.
    #[arg(long, default_value_t = MaskingRatio::NONE)]
    ratio: MaskingRatio,
    /// The loss.
    #[arg(long, value_enum, default_value_t = Loss::InfoNce)]
    objective: Loss,
    /// Weights of ALBAR's terms, adversarial:entropy:penalty; the default is ALBAR's for HMDB51.
    #[arg(long, default_value_t = Albar::HMDB51, value_name = "WEIGHTS")]
    albar: Albar,
    /// Training clips per class.
    #[arg(long, default_value_t = 16, value_name = "N")]
    shots: usize,
    /// Number of epochs.
    #[arg(long, default_value_t = 12, value_name = "N")]
    epochs: usize,
    /// Clips per step.
    #[arg(long, default_value_t = 32, value_name = "N")]
    batch: usize,
    /// The largest learning rate.
    #[arg(long, default_value_t = 3e-4)]
    learning_rate: f64,
    /// Train on novel classes as well as base classes.
    #[arg(long)]
    all_classes: bool,
    /// Seed of clips, order, masks and colours.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Test clips per class after each epoch; 0 skips the test.
    #[arg(long, alias = "examined", default_value_t = 8, value_name = "N")]
    test_clips: usize,
}

impl Finetune {
    pub fn run(&self, device_args: &DeviceArgs, progress: &Progress) -> Result<()> {
        let sizes = PairSizes::MINIATURE;
        let device = device_args.device()?;
        let encoder = device_args.encoder(&device, &sizes)?;
        let preprocess = conventions::preprocess(&sizes)?;
        let renderer = conventions::renderer(&preprocess, sizes.frames)?;
        let group = (!self.all_classes).then_some(ClassGroup::Base);
        let selection = ClipSelection { group, clips_per_class: self.shots, split: Split::Training, seed: self.seed };
        let specs = selection.actions(Context::In);
        let clips = renderer.render(&specs.specs, &progress.bar("rendering"))?;
        let tokenizer = conventions::tokenizer(&sizes)?;
        let prompts = conventions::prompts(&tokenizer, &splits::action_names(group))?;
        let batch_sampler = ClassBatches {
            clips: &clips,
            labels: &specs.labels,
            prompts: &prompts,
            sizes,
            batch_size: self.batch,
            augmentation: Augmentation::masked(self.ratio),
            seed: self.seed,
        };
        let settings = TrainingSettings {
            epochs: self.epochs,
            learning_rate: self.learning_rate,
            warmup_epochs: 1.0,
            optimiser: Optimiser::AdamW,
            weight_decay: 0.05,
            objective: match self.objective {
                Loss::InfoNce => Objective::InfoNce,
                Loss::CrossEntropy => Objective::CrossEntropy,
                Loss::Albar => Objective::Albar(self.albar),
            },
            posture: 0.0,
        };
        let autodiff = device.clone().autodiff();
        let pair = seeded(self.seed, &autodiff, || {
            ClipPair::new(&sizes, &autodiff).with_fusion(self.fusion, &sizes, &autodiff)
        });
        let pair = weights::read(pair, &sizes, &self.from)?;
        let selection = ClipSelection { clips_per_class: self.test_clips, split: Split::Testing, ..selection };
        let test_sets = TestSets::render(selection, &sizes, &encoder, progress)?;
        test_sets.train(PairTrainer::new(pair, settings, sizes, &encoder, &device), &batch_sampler, &self.out)
    }
}
