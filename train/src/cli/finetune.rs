//! `figureground-train finetune`.

use super::test_sets::TestSets;
use super::{Machine, Progress};
use clap::{Args, ValueEnum};
use figureground::Result;
use figureground_train::batch_sampler::{Augmentation, ClassBatches};
use figureground_train::conventions;
use figureground_train::masking_ratio::MaskingRatio;
use figureground_train::objective::{Albar, Objective};
use figureground_train::pair::{ClipPair, Fusion, Sizes, seeded, weights};
use figureground_train::splits::{self, Split};
use figureground_train::trainer::{Optimiser, Settings, Trainer};
use pantomime::{Context, ClassGroup};
use std::path::PathBuf;

pub const EXAMPLES: &str = "Example:
  figureground-train finetune --from base --fusion temporal --ratio .33:.67 --out masked";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Loss {
    InfoNce,
    CrossEntropy,
    Albar,
}

#[derive(Debug, Args)]
pub struct Finetune {
    /// Folder of the pair to start from.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// Folder for checkpoints, curve, and at the end the pair in Hugging Face's layout.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How frame embeddings become one.
    #[arg(long, value_enum, default_value_t = Fusion::Mean)]
    fusion: Fusion,
    /// Masking ratio, none:background or none:box:shape:background+object.
    #[arg(long, default_value_t = MaskingRatio::NONE)]
    ratio: MaskingRatio,
    /// What is minimised.
    #[arg(long, value_enum, default_value_t = Loss::InfoNce)]
    objective: Loss,
    /// Weights of ALBAR's terms, adversarial:entropy:penalty; the default is what ALBAR used for HMDB51.
    #[arg(long, default_value_t = Albar::HMDB51, value_name = "WEIGHTS")]
    albar: Albar,
    /// Clips a class.
    #[arg(long, default_value_t = 16, value_name = "N")]
    shots: usize,
    /// How often each is seen.
    #[arg(long, default_value_t = 12, value_name = "N")]
    epochs: usize,
    /// Clips of a step.
    #[arg(long, default_value_t = 32, value_name = "N")]
    batch: usize,
    /// The largest learning rate.
    #[arg(long, default_value_t = 3e-4)]
    learning_rate: f64,
    /// Train on base and novel classes.
    #[arg(long)]
    all_classes: bool,
    /// Seed of clips, order, masks and colours.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Clips a class on which each epoch is examined; 0 examines nothing.
    #[arg(long, default_value_t = 8, value_name = "N")]
    examined: usize,
}

impl Finetune {
    pub fn run(&self, machine: &Machine, progress: &Progress) -> Result<()> {
        let sizes = Sizes::MINIATURE;
        let device = machine.device()?;
        let encoder = machine.encoder(&device, &sizes)?;
        let preprocess = conventions::preprocess(&sizes)?;
        let renderer = conventions::renderer(&preprocess, sizes.frames)?;
        let part = (!self.all_classes).then_some(ClassGroup::Base);
        let (specs, labels) = splits::acting(part, Context::In, self.shots, Split::Training, self.seed);
        let clips = renderer.film(&specs, &progress.bar("filming"))?;
        let tokenizer = conventions::tokenizer(&sizes)?;
        let prompts = conventions::prompts(&tokenizer, splits::actions(part).into_iter().map(|action| action.name()))?;
        let batch_sampler = ClassBatches {
            clips: &clips,
            labels: &labels,
            prompts: &prompts,
            sizes,
            batch: self.batch,
            augmentation: Augmentation::masked(self.ratio),
            seed: self.seed,
        };
        let settings = Settings {
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
        let test_sets = TestSets::film(part, self.examined, self.seed, &sizes, &encoder, progress)?;
        test_sets.train(Trainer::new(pair, settings, sizes, &encoder, &device), &batch_sampler, &self.out)
    }
}
