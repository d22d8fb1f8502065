//! The person segmenter: a small U-Net trained on pantomime, whose masks are exact.
//!
//! In the order of the data: a [`batch`] is rendered, transformed by a [`warp`], covered by a [`pattern`] or [`decoy`]
//! and changed by [`colour_augmentation`]; the [`trainer`] trains the [`network`]; [`export()`] writes it for
//! figureground's engines; a [`PersonSegmenter`](figureground::segment::PersonSegmenter) tests the exported file on
//! [`held_out()`] clips and on [`real`] ones.

pub mod batch;
pub mod colour_augmentation;
pub mod convolution;
pub mod decoy;
pub mod export;
pub mod held_out;
pub mod loss;
pub mod moments;
pub mod network;
pub mod normalisation;
pub mod overlap;
pub mod pattern;
pub mod real;
pub mod settings;
pub mod trainer;
pub mod warp;

pub use export::export;
pub use held_out::{HeldOut, held_out};
pub use network::{Network, NetworkSizes};
pub use overlap::Overlap;
pub use real::{SIDE as REAL_SIDE, real_iou};
pub use settings::SegmenterTrainingSettings;
pub use trainer::SegmenterTrainer;

use crate::loss_curve::LossCurve;
use figureground::model::write::WeightPrecision;
use figureground::{Error, Result, Stage};
use std::ops::ControlFlow;
use std::path::Path;

/// File name of the checkpoint.
pub const CHECKPOINT: &str = "segmenter.checkpoint";
/// File name of the loss curve.
pub const CURVE: &str = "curve.csv";

/// Progress of a training run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainingProgress {
    /// Number of finished steps.
    pub step: usize,
    /// Number of steps of the run.
    pub steps: usize,
    /// Loss of the last step.
    pub loss: f32,
}

/// Trains a segmenter and writes it to the folder `out`, which is created if it does not exist: `segmenter.onnx`, its
/// weights, `segmenter.toml` and `curve.csv`. An interrupted run is resumed from its checkpoint. `progress` is called
/// after every step and may interrupt the run.
///
/// # Errors
/// Returns an error if a file cannot be written, the checkpoint is of a network of other sizes, or the loss is not
/// finite.
pub fn train(
    settings: &SegmenterTrainingSettings,
    out: &Path,
    progress: &mut dyn FnMut(TrainingProgress) -> ControlFlow<()>,
) -> Result<()> {
    std::fs::create_dir_all(out).map_err(|e| {
        let expected = format!("a writable folder {}", out.display());
        Error::caused(Stage::Training, expected, e, "check the directory's permissions")
    })?;
    let checkpoint = out.join(CHECKPOINT);
    let mut trainer = SegmenterTrainer::new(settings)?;
    if checkpoint.is_file() {
        trainer = trainer.load(&checkpoint)?;
    }
    let mut curve = LossCurve::open(&out.join(CURVE), trainer.step)?;
    while trainer.step < settings.steps {
        let rate = settings.learning_rate_at(trainer.step);
        let loss = trainer.step()?;
        curve.push(trainer.step, 0, rate, loss)?;
        let flow = progress(TrainingProgress { step: trainer.step, steps: settings.steps, loss });
        if flow.is_break() || trainer.step.is_multiple_of(settings.checkpoint.max(1)) {
            write(&trainer, &mut curve, settings, out)?;
        }
        if flow.is_break() {
            return Ok(());
        }
    }
    write(&trainer, &mut curve, settings, out)
}

/// Writes segmenter, loss curve and checkpoint.
fn write(
    trainer: &SegmenterTrainer,
    curve: &mut LossCurve,
    settings: &SegmenterTrainingSettings,
    out: &Path,
) -> Result<()> {
    export(&trainer.folded_network()?, &settings.sizes, WeightPrecision::F16, out)?;
    curve.flush()?;
    trainer.save(&out.join(CHECKPOINT))
}
