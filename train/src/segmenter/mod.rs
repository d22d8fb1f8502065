//! The person segmenter: a small U-Net trained on pantomime, whose masks are exact.
//!
//! Read it in the order a segmenter is made: [`Settings`] say how; a [`batch`] is drawn, rendered, [`warp`]ed, disguised by
//! a [`pattern`] or [`decoy`] and taken by a [`camera`]; the [`network`] is taught by a [`trainer`]; [`export()`] writes it
//! for figureground's engines; an [`PersonSegmenter`](crate::person_segmenter::PersonSegmenter) looks through the exported file at clips that are
//! [`held_out()`] and at [`real`] ones.

pub mod batch;
pub mod camera;
pub mod convolution;
pub mod decoy;
pub mod export;
pub mod held_out;
pub mod loss;
pub mod moments;
pub mod network;
pub mod normal;
pub mod overlap;
pub mod pattern;
pub mod real;
pub mod settings;
pub mod trainer;
pub mod warp;

pub use export::export;
pub use held_out::{HeldOut, held_out};
pub use network::{Network, Sizes};
pub use overlap::Overlap;
pub use real::real_iou;
pub use settings::Settings;
pub use trainer::Trainer;

use crate::loss_curve::LossCurve;
use figureground::model::write::WeightPrecision as Precision;
use figureground::{Error, Result, Stage};
use std::ops::ControlFlow;
use std::path::Path;

/// File name of what an interrupted run goes on from.
pub const CHECKPOINT: &str = "segmenter.checkpoint";
/// File name of the losses.
pub const CURVE: &str = "curve.csv";

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Steps taken.
    pub step: usize,
    /// Steps of the whole run.
    pub steps: usize,
    /// Loss of the last one.
    pub loss: f32,
}

/// Trains a segmenter and writes it to the folder `out`, which is made where there is none: `segmenter.onnx` with its
/// weights beside it, `segmenter.toml` and `curve.csv`. A run that was interrupted there goes on from its checkpoint.
/// `progress` hears of every step and may break the run off; nothing is lost then.
///
/// # Errors
/// When a file cannot be written, the checkpoint is of other settings, or training diverges.
pub fn train(settings: &Settings, out: &Path, progress: &mut dyn FnMut(Step) -> ControlFlow<()>) -> Result<()> {
    std::fs::create_dir_all(out).map_err(|e| {
        let expected = format!("to make {}", out.display());
        Error::new(Stage::Training, expected, e, "check the directory's permissions")
    })?;
    let checkpoint = out.join(CHECKPOINT);
    let mut trainer = Trainer::new(settings)?;
    if checkpoint.is_file() {
        trainer = trainer.load(&checkpoint)?;
    }
    let mut curve = LossCurve::open(&out.join(CURVE), trainer.step)?;
    while trainer.step < settings.steps {
        let rate = settings.learning_rate_at(trainer.step);
        let loss = trainer.step()?;
        curve.push(trainer.step, 0, rate, loss)?;
        let flow = progress(Step { step: trainer.step, steps: settings.steps, loss });
        if flow.is_break() || trainer.step.is_multiple_of(settings.checkpoint.max(1)) {
            keep(&trainer, &mut curve, settings, out)?;
        }
        if flow.is_break() {
            return Ok(());
        }
    }
    keep(&trainer, &mut curve, settings, out)
}

/// Writes everything there is so far.
fn keep(trainer: &Trainer, curve: &mut LossCurve, settings: &Settings, out: &Path) -> Result<()> {
    export(&trainer.settled()?, &settings.sizes, Precision::F16, out)?;
    curve.flush()?;
    trainer.save(&out.join(CHECKPOINT))
}
