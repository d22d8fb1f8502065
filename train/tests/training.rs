//! A training run as a whole: that it learns, that a killed one ends as if it had not been killed, and that a broken
//! checkpoint is passed over.

use burn::tensor::Device;
use figureground::bundle::tokenizer::Tokenizer;
use figureground_train::batch_sampler::{Augmentation, Batch, BatchSampler, ClassBatches};
use figureground_train::clip::ProcessedClip;
use figureground_train::conventions;
use figureground_train::objective::{Albar, Objective};
use figureground_train::pair::weights::{self, Weights};
use figureground_train::pair::{ClipPair, Fusion, Sizes, Tower, seeded};
use figureground_train::parallel_encoder::ParallelEncoder;
use figureground_train::splits::{self, Split};
use figureground_train::trainer::{Optimiser, Settings, Trainer};
use indicatif::ProgressBar;
use pantomime::{Context, ClassGroup};
use std::path::Path;
use std::sync::LazyLock;

const SIZES: Sizes = Sizes {
    image_size: 32,
    patch_size: 16,
    vision: Tower { width: 16, layers: 1, heads: 2 },
    text: Tower { width: 16, layers: 1, heads: 2 },
    context: 24,
    merges: 200,
    projection: 16,
    frames: 2,
};

/// Clips with their classes, and the classes' prompts.
struct Clips {
    clips: Vec<ProcessedClip>,
    labels: Vec<usize>,
    prompts: Vec<Vec<i64>>,
}

/// Two clips of each base class, in context.
static CLIPS: LazyLock<Clips> = LazyLock::new(|| {
    let preprocess = conventions::preprocess(&SIZES).unwrap();
    let (specs, labels) = splits::acting(Some(ClassGroup::Base), Context::In, 2, Split::Training, 1);
    let renderer = conventions::renderer(&preprocess, SIZES.frames).unwrap();
    let clips = renderer.film(&specs, &ProgressBar::hidden()).unwrap();
    let tokenizer = Tokenizer::new(Some(SIZES.merges), SIZES.context).unwrap();
    let prompts = splits::actions(Some(ClassGroup::Base)).iter().map(|a| tokenizer.encode(&a.name())).collect();
    Clips { clips, labels, prompts }
});

fn batch_sampler() -> ClassBatches<'static> {
    let Clips { clips, labels, prompts } = &*CLIPS;
    ClassBatches {
        clips,
        labels,
        prompts,
        sizes: SIZES,
        batch: 12,
        augmentation: Augmentation::masked("1:1".parse().unwrap()),
        seed: 5,
    }
}

fn settings(epochs: usize, objective: Objective) -> Settings {
    Settings {
        epochs,
        learning_rate: 3e-3,
        warmup_epochs: 1.0,
        optimiser: Optimiser::AdamW,
        weight_decay: 0.01,
        objective,
        posture: 0.0,
    }
}

fn pair(fusion: Fusion) -> ClipPair {
    let device = Device::flex().autodiff();
    seeded(3, &device, || ClipPair::new(&SIZES, &device).with_fusion(fusion, &SIZES, &device))
}

/// Trains into `directory`; gives the weights. `stop_after` ends the run behind that epoch, as a kill would.
fn train(settings: Settings, fusion: Fusion, directory: &Path, stop_after: Option<usize>) -> Option<Weights> {
    let device = Device::flex();
    let encoder = ParallelEncoder::new(2, 8, &device, &SIZES).unwrap();
    let trainer = Trainer::new(pair(fusion), settings, SIZES, &encoder, &device);
    let stopped = || figureground::Error::new(figureground::Stage::Training, "to go on", "a kill", "run it again");
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
    train(settings(12, Objective::InfoNce), Fusion::Mean, folder.path(), None).unwrap();
    let losses = losses(folder.path());
    let mean = |losses: &[f32]| losses.iter().sum::<f32>() / losses.len() as f32;
    assert_eq!(losses.len(), 36);
    assert!(mean(&losses[30..]) < mean(&losses[..6]) - 0.1, "{losses:?}");
}

#[test]
fn a_killed_run_ends_with_the_same_weights_and_the_same_curve() {
    let (whole, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let settings = settings(4, Objective::InfoNce);
    let expected = train(settings, Fusion::Temporal, whole.path(), None).unwrap();
    assert!(train(settings, Fusion::Temporal, killed.path(), Some(1)).is_none());
    let got = train(settings, Fusion::Temporal, killed.path(), None).unwrap();
    assert_eq!(expected, got);
    assert_eq!(losses(whole.path()), losses(killed.path()));
}

#[test]
fn a_half_written_checkpoint_is_passed_over_for_the_one_before_it() {
    let (whole, broken) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let settings = settings(4, Objective::InfoNce);
    let expected = train(settings, Fusion::Mean, whole.path(), None).unwrap();
    assert!(train(settings, Fusion::Mean, broken.path(), Some(2)).is_none());
    let mut checkpoints: Vec<_> = std::fs::read_dir(broken.path()).unwrap().map(|e| e.unwrap().path()).collect();
    checkpoints.retain(|path| path.is_dir());
    checkpoints.sort();
    assert_eq!(checkpoints.len(), 2, "the newest and the one before it are kept");
    let weights = checkpoints[1].join("pair.burnpack");
    let bytes = std::fs::read(&weights).unwrap();
    std::fs::write(&weights, &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(expected, train(settings, Fusion::Mean, broken.path(), None).unwrap());
}

#[test]
fn checkpoints_of_a_run_with_other_settings_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    train(settings(1, Objective::InfoNce), Fusion::Mean, folder.path(), None).unwrap();
    assert!(train(settings(2, Objective::InfoNce), Fusion::Mean, folder.path(), None).is_none());
}

#[test]
fn checkpoints_of_a_run_with_other_lessons_or_from_other_weights_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(1, Objective::InfoNce);
    train(settings, Fusion::Mean, folder.path(), None).unwrap();
    let device = Device::flex();
    let encoder = ParallelEncoder::new(2, 8, &device, &SIZES).unwrap();
    let again = |pair: ClipPair, batch_sampler: &ClassBatches<'_>| {
        let trainer = Trainer::new(pair, settings, SIZES, &encoder, &device);
        trainer.run(batch_sampler, folder.path(), &ProgressBar::hidden(), &mut |_, _| Ok(())).is_ok()
    };
    let other_weights = seeded(4, &device.clone().autodiff(), || ClipPair::new(&SIZES, &device.clone().autodiff()));
    assert!(again(pair(Fusion::Mean), &batch_sampler()));
    assert!(!again(other_weights, &batch_sampler()));
    assert!(!again(pair(Fusion::Mean), &ClassBatches { augmentation: Augmentation::PLAIN, ..batch_sampler() }));
    assert!(!again(pair(Fusion::Mean), &ClassBatches { seed: 6, ..batch_sampler() }));
}

#[test]
fn shards_give_the_gradients_of_one_whole_graph() {
    let device = Device::flex();
    let batch: Batch = batch_sampler().batch(0, 0).unwrap();
    let gradients = |threads: usize, most: usize| {
        let encoder = ParallelEncoder::new(threads, most, &device, &SIZES).unwrap();
        let trainer = Trainer::new(
            pair(Fusion::Temporal),
            settings(1, Objective::Albar(Albar::HMDB51)),
            SIZES,
            &encoder,
            &device,
        );
        let (loss, _) = trainer.loss_and_gradients(&batch);
        loss
    };
    let (one, many) = (gradients(1, 1000), gradients(2, 5));
    assert!((one - many).abs() < 1e-4 * one.abs(), "{one} {many}");
}

#[test]
fn a_pair_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let written = pair(Fusion::Temporal);
    weights::write(&written, &SIZES, folder.path()).unwrap();
    let device = Device::flex().autodiff();
    let fresh = seeded(4, &device, || ClipPair::new(&SIZES, &device).with_fusion(Fusion::Temporal, &SIZES, &device));
    let read = weights::read(fresh, &SIZES, folder.path()).unwrap();
    assert_eq!(weights::collect(&written, &SIZES), weights::collect(&read, &SIZES));

    let plain = Device::flex();
    let outside = seeded(6, &plain, || ClipPair::new(&SIZES, &plain).with_fusion(Fusion::Temporal, &SIZES, &plain));
    let outside = weights::read(outside, &SIZES, folder.path()).unwrap();
    assert_eq!(weights::collect(&written, &SIZES), weights::collect(&outside, &SIZES), "to look, not to train");

    let other = Sizes { projection: 8, ..SIZES };
    let small = seeded(5, &device, || ClipPair::new(&other, &device));
    let error = weights::read(small, &other, folder.path()).unwrap_err().to_string();
    assert!(error.contains("projection") && error.contains('8') && error.contains("16"), "{error}");
}
