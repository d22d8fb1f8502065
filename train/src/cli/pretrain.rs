//! `figureground-train pretrain`.

use super::test_sets::TestSets;
use super::{Machine, Progress};
use clap::Args;
use figureground::Result;
use figureground_train::batch_sampler::{Augmentation, CaptionBatches};
use figureground_train::conventions;
use figureground_train::objective::Objective;
use figureground_train::pair::{ClipPair, Sizes, seeded, weights};
use figureground_train::splits;
use figureground_train::trainer::{Optimiser, Settings, Trainer};
use pantomime::ClassGroup;
use std::path::PathBuf;

pub const EXAMPLES: &str = "Example:
  figureground-train pretrain --out base";

#[derive(Debug, Args)]
pub struct Pretrain {
    /// Folder for checkpoints, curve, and at the end the pair in Hugging Face's layout.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Folder of a pair to go on from [default: random weights].
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Clips to learn from.
    #[arg(long, default_value_t = 20_000, value_name = "N")]
    clips: usize,
    /// Frames that are filmed of each; a step sees one of them.
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    frames: u32,
    /// How often a frame of each is seen.
    #[arg(long, default_value_t = 12, value_name = "N")]
    epochs: usize,
    /// Clips a class on which each epoch is examined; 0 examines nothing.
    #[arg(long, default_value_t = 8, value_name = "N")]
    examined: usize,
    /// Clips of a step.
    #[arg(long, default_value_t = 128, value_name = "N")]
    batch: usize,
    /// The largest learning rate.
    #[arg(long, default_value_t = 5e-3)]
    learning_rate: f64,
    /// Weight of a head that finds joints and is thrown away: CLIP saw 400 million pictures.
    #[arg(long, default_value_t = 1.0)]
    posture: f32,
    /// Seed of clips, weights and order.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl Pretrain {
    pub fn run(&self, machine: &Machine, progress: &Progress) -> Result<()> {
        let sizes = Sizes::MINIATURE;
        let device = machine.device()?;
        let encoder = machine.encoder(&device, &sizes)?;
        let specs = splits::pretraining(self.clips, self.seed);
        let preprocess = conventions::preprocess(&sizes)?;
        let clips = conventions::renderer(&preprocess, self.frames as usize)?.film(&specs, &progress.bar("filming"))?;
        let tokenizer = conventions::tokenizer(&sizes)?;
        let batch_sampler = CaptionBatches {
            clips: &clips,
            tokenizer: &tokenizer,
            sizes,
            batch: self.batch,
            augmentation: Augmentation::PLAIN,
            seed: self.seed,
        };
        let settings = Settings {
            epochs: self.epochs,
            learning_rate: self.learning_rate,
            warmup_epochs: 0.2,
            optimiser: Optimiser::Muon,
            weight_decay: 0.05,
            objective: Objective::InfoNce,
            posture: self.posture,
        };
        let autodiff = device.clone().autodiff();
        let pair =
            seeded(self.seed, &autodiff, || ClipPair::new(&sizes, &autodiff).with_posture_head(&sizes, &autodiff));
        let pair = match &self.from {
            Some(from) => weights::read(pair, &sizes, from)?,
            None => pair,
        };
        let test_sets = TestSets::film(Some(ClassGroup::Base), self.examined, self.seed, &sizes, &encoder, progress)?;
        test_sets.train(Trainer::new(pair, settings, sizes, &encoder, &device), &batch_sampler, &self.out)
    }
}
