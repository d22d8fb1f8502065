//! `figureground-train pretrain`.

use super::device_args::DeviceArgs;
use super::progress::Progress;
use super::test_sets::TestSets;
use clap::{Args, ValueEnum};
use figureground::Result;
use figureground_train::augmentation::Augmentation;
use figureground_train::batch_sampler::CaptionBatches;
use figureground_train::conventions;
use figureground_train::masking_ratio::MaskingRatio;
use figureground_train::objective::Objective;
use figureground_train::pair::{ClipPair, PairSizes, seeded, weights};
use figureground_train::splits::{ClipSelection, PretrainingClips, RHO, Split};
use figureground_train::trainer::PairTrainer;
use figureground_train::training_settings::{Optimiser, TrainingSettings};
use pantomime::{ClassGroup, Context};
use std::path::PathBuf;

pub const EXAMPLES: &str = "Example:
  figureground-train pretrain --out base
  figureground-train pretrain --from base --context in --posture 0 --ratio .33:.67 --out masked";

/// Relation of scene and action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SceneContext {
    /// Any scene
    Free,
    /// Mostly the home scene of the action
    In,
}

fn probability(text: &str) -> std::result::Result<f64, String> {
    let value = text.parse().ok().filter(|value| (0.0..=1.0).contains(value));
    value.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

#[derive(Debug, Args)]
pub struct Pretrain {
    /// Folder for checkpoints, the loss curve, and finally the pair in Hugging Face's layout.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Folder of a pair to start from [default: random weights].
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Number of training clips.
    #[arg(long, default_value_t = 20_000, value_name = "N")]
    clips: usize,
    /// Relation of scene and action in these clips.
    #[arg(long, value_enum, default_value_t = SceneContext::Free)]
    context: SceneContext,
    /// Probability that an action in context is in its home scene.
    #[arg(long, default_value_t = RHO, value_parser = probability)]
    rho: f64,
    /// Masking ratio, none:background or none:box:shape:background+object.
    #[arg(long, default_value_t = MaskingRatio::NONE)]
    ratio: MaskingRatio,
    /// Rendered frames per clip; a step uses one of them.
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    frames: u32,
    /// Number of epochs; each uses one frame per clip.
    #[arg(long, default_value_t = 12, value_name = "N")]
    epochs: usize,
    /// Test clips per class after each epoch; 0 skips the test.
    #[arg(long, alias = "examined", default_value_t = 8, value_name = "N")]
    test_clips: usize,
    /// Clips per step.
    #[arg(long, default_value_t = 128, value_name = "N")]
    batch: usize,
    /// The largest learning rate.
    #[arg(long, default_value_t = 5e-3)]
    learning_rate: f64,
    /// Weight of the loss of the posture head, which predicts joints and is not written.
    #[arg(long, default_value_t = 1.0)]
    posture: f32,
    /// Seed of clips, weights and order.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl Pretrain {
    pub fn run(&self, device_args: &DeviceArgs, progress: &Progress) -> Result<()> {
        let sizes = PairSizes::MINIATURE;
        let device = device_args.device()?;
        let encoder = device_args.encoder(&device, &sizes)?;
        let context = match self.context {
            SceneContext::Free => Context::Free,
            SceneContext::In => Context::In,
        };
        let specs = PretrainingClips { count: self.clips, context, rho: self.rho, seed: self.seed }.specs();
        let preprocess = conventions::preprocess(&sizes)?;
        let clips =
            conventions::renderer(&preprocess, self.frames as usize)?.render(&specs, &progress.bar("rendering"))?;
        let tokenizer = conventions::tokenizer(&sizes)?;
        let batch_sampler = CaptionBatches {
            clips: &clips,
            tokenizer: &tokenizer,
            sizes,
            batch_size: self.batch,
            augmentation: Augmentation::masked(self.ratio),
            seed: self.seed,
        };
        let settings = TrainingSettings {
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
        let selection = ClipSelection {
            group: Some(ClassGroup::Base),
            clips_per_class: self.test_clips,
            split: Split::Testing,
            seed: self.seed,
        };
        let test_sets = TestSets::render(selection, &sizes, &encoder, progress)?;
        test_sets.train(PairTrainer::new(pair, settings, sizes, &encoder, &device), &batch_sampler, &self.out)
    }
}
