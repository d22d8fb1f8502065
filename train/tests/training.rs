//! Tests whole training runs: the loss falls, a killed run is resumed exactly, and a damaged checkpoint is skipped.

use burn::tensor::Device;
use figureground::bundle::tokenizer::Tokenizer;
use figureground_train::augmentation::Augmentation;
use figureground_train::batch_sampler::{BatchSampler, ClassBatches, ClipBatch};
use figureground_train::clip::ProcessedClip;
use figureground_train::conventions;
use figureground_train::objective::{Albar, Objective};
use figureground_train::pair::weights::{self, Weights};
use figureground_train::pair::{ClipPair, FusionKind, PairSizes, Tower, seeded};
use figureground_train::parallel_encoder::ParallelEncoder;
use figureground_train::splits::{self, ClipSelection, Split};
use figureground_train::trainer::PairTrainer;
use figureground_train::training_settings::{Optimiser, TrainingSettings};
use indicatif::ProgressBar;
use pantomime::{ClassGroup, Context};
use std::path::Path;
use std::sync::LazyLock;

const SIZES: PairSizes = PairSizes {
    image_size: 32,
    patch_size: 16,
    vision: Tower { width: 16, layers: 1, heads: 2 },
    text: Tower { width: 16, layers: 1, heads: 2 },
    context: 24,
    merges: 200,
    projection: 16,
    frames: 2,
};

/// Clips with their classes, and the prompts of the classes.
struct Clips {
    clips: Vec<ProcessedClip>,
    labels: Vec<usize>,
    prompts: Vec<Vec<i64>>,
}

/// Two clips of each base class, in context.
static CLIPS: LazyLock<Clips> = LazyLock::new(|| {
    let preprocess = conventions::preprocess(&SIZES).unwrap();
    let group = Some(ClassGroup::Base);
    let selection = ClipSelection { group, clips_per_class: 2, split: Split::Training, seed: 1 };
    let specs = selection.actions(Context::In);
    let renderer = conventions::renderer(&preprocess, SIZES.frames).unwrap();
    let clips = renderer.render(&specs.specs, &ProgressBar::hidden()).unwrap();
    let tokenizer = Tokenizer::new(Some(SIZES.merges), SIZES.context).unwrap();
    let prompts = splits::action_names(group).iter().map(|name| tokenizer.encode(name)).collect();
    Clips { clips, labels: specs.labels, prompts }
});

fn batch_sampler() -> ClassBatches<'static> {
    let Clips { clips, labels, prompts } = &*CLIPS;
    ClassBatches {
        clips,
        labels,
        prompts,
        sizes: SIZES,
        batch_size: 12,
        augmentation: Augmentation::masked("1:1".parse().unwrap()),
        seed: 5,
    }
}

fn settings(epochs: usize, objective: Objective) -> TrainingSettings {
    TrainingSettings {
        epochs,
        learning_rate: 3e-3,
        warmup_epochs: 1.0,
        optimiser: Optimiser::AdamW,
        weight_decay: 0.01,
        objective,
        posture: 0.0,
    }
}

fn pair(fusion: FusionKind) -> ClipPair {
    let device = Device::flex().autodiff();
    seeded(3, &device, || ClipPair::new(&SIZES, &device).with_fusion(fusion, &SIZES, &device))
}

/// Trains in `directory` and returns the weights. The run fails after the epoch `stop_after`, as by a kill.
fn train(
    settings: TrainingSettings,
    fusion: FusionKind,
    directory: &Path,
    stop_after: Option<usize>,
) -> Option<Weights> {
    let device = Device::flex();
    let encoder = ParallelEncoder::new(2, 8, &device, &SIZES).unwrap();
    let trainer = PairTrainer::new(pair(fusion), settings, SIZES, &encoder, &device);
    let stopped =
        || figureground::Error::new(figureground::Stage::Training, "a run to the end", "a kill", "run it again");
    let mut after = |epoch: usize, _: &ClipPair| match stop_after {
        Some(last) if epoch > last => Err(stopped()),
        _ => Ok(()),
    };
    let pair = trainer.run(&batch_sampler(), directory, &ProgressBar::hidden(), &mut after).ok()?;
    Some(weights::collect(&pair, &SIZES))
}

fn losses(directory: &Path) -> Vec<f32> {
    let text = std::fs::read_to_string(directory.join("curve.csv")).unwrap();
    text.lines().skip(1).map(|row| row.rsplit(',').next().unwrap().parse().unwrap()).collect()
}

#[test]
fn the_loss_falls() {
    let folder = tempfile::tempdir().unwrap();
    train(settings(12, Objective::InfoNce), FusionKind::Mean, folder.path(), None).unwrap();
    let losses = losses(folder.path());
    let mean = |losses: &[f32]| losses.iter().sum::<f32>() / losses.len() as f32;
    assert_eq!(losses.len(), 36);
    assert!(mean(&losses[30..]) < mean(&losses[..6]) - 0.1, "{losses:?}");
}

#[test]
fn a_killed_run_ends_with_the_same_weights_and_the_same_loss_curve() {
    let (whole, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let settings = settings(4, Objective::InfoNce);
    let expected = train(settings, FusionKind::Temporal, whole.path(), None).unwrap();
    assert!(train(settings, FusionKind::Temporal, killed.path(), Some(1)).is_none());
    let got = train(settings, FusionKind::Temporal, killed.path(), None).unwrap();
    assert_eq!(expected, got);
    assert_eq!(losses(whole.path()), losses(killed.path()));
}

#[test]
fn a_truncated_checkpoint_is_skipped_for_the_one_before_it() {
    let (whole, broken) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let settings = settings(4, Objective::InfoNce);
    let expected = train(settings, FusionKind::Mean, whole.path(), None).unwrap();
    assert!(train(settings, FusionKind::Mean, broken.path(), Some(2)).is_none());
    let mut checkpoints: Vec<_> = std::fs::read_dir(broken.path()).unwrap().map(|e| e.unwrap().path()).collect();
    checkpoints.retain(|path| path.is_dir());
    checkpoints.sort();
    assert_eq!(checkpoints.len(), 2, "the newest and the one before it are kept");
    let weights = checkpoints[1].join("pair.burnpack");
    let bytes = std::fs::read(&weights).unwrap();
    std::fs::write(&weights, &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(expected, train(settings, FusionKind::Mean, broken.path(), None).unwrap());
}

#[test]
fn checkpoints_of_a_run_with_other_settings_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    train(settings(1, Objective::InfoNce), FusionKind::Mean, folder.path(), None).unwrap();
    assert!(train(settings(2, Objective::InfoNce), FusionKind::Mean, folder.path(), None).is_none());
}

#[test]
fn checkpoints_of_a_run_with_other_batches_or_initial_weights_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(1, Objective::InfoNce);
    train(settings, FusionKind::Mean, folder.path(), None).unwrap();
    let device = Device::flex();
    let encoder = ParallelEncoder::new(2, 8, &device, &SIZES).unwrap();
    let resumes = |pair: ClipPair, batch_sampler: &ClassBatches<'_>| {
        let trainer = PairTrainer::new(pair, settings, SIZES, &encoder, &device);
        trainer.run(batch_sampler, folder.path(), &ProgressBar::hidden(), &mut |_, _| Ok(())).is_ok()
    };
    let other_weights = seeded(4, &device.clone().autodiff(), || ClipPair::new(&SIZES, &device.clone().autodiff()));
    assert!(resumes(pair(FusionKind::Mean), &batch_sampler()));
    assert!(!resumes(other_weights, &batch_sampler()));
    assert!(!resumes(pair(FusionKind::Mean), &ClassBatches { augmentation: Augmentation::PLAIN, ..batch_sampler() }));
    assert!(!resumes(pair(FusionKind::Mean), &ClassBatches { seed: 6, ..batch_sampler() }));
}

#[test]
fn chunks_give_the_loss_of_one_graph() {
    let device = Device::flex();
    let batch: ClipBatch = batch_sampler().batch(0, 0).unwrap();
    let loss_with = |threads: usize, chunk_size: usize| {
        let encoder = ParallelEncoder::new(threads, chunk_size, &device, &SIZES).unwrap();
        let trainer = PairTrainer::new(
            pair(FusionKind::Temporal),
            settings(1, Objective::Albar(Albar::HMDB51)),
            SIZES,
            &encoder,
            &device,
        );
        let (loss, _) = trainer.loss_and_gradients(&batch);
        loss
    };
    let (one, many) = (loss_with(1, 1000), loss_with(2, 5));
    assert!((one - many).abs() < 1e-4 * one.abs(), "{one} {many}");
}

#[test]
fn a_pair_is_read_with_the_weights_that_were_written() {
    let folder = tempfile::tempdir().unwrap();
    let written = pair(FusionKind::Temporal);
    weights::write(&written, &SIZES, folder.path()).unwrap();
    let device = Device::flex().autodiff();
    let fresh =
        seeded(4, &device, || ClipPair::new(&SIZES, &device).with_fusion(FusionKind::Temporal, &SIZES, &device));
    let read = weights::read(fresh, &SIZES, folder.path()).unwrap();
    assert_eq!(weights::collect(&written, &SIZES), weights::collect(&read, &SIZES));

    let plain = Device::flex();
    let inference =
        seeded(6, &plain, || ClipPair::new(&SIZES, &plain).with_fusion(FusionKind::Temporal, &SIZES, &plain));
    let inference = weights::read(inference, &SIZES, folder.path()).unwrap();
    assert_eq!(weights::collect(&written, &SIZES), weights::collect(&inference, &SIZES), "without autodiff");

    let other = PairSizes { projection: 8, ..SIZES };
    let small = seeded(5, &device, || ClipPair::new(&other, &device));
    let error = weights::read(small, &other, folder.path()).unwrap_err().to_string();
    assert!(error.contains("projection") && error.contains('8') && error.contains("16"), "{error}");
}
