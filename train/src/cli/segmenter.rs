//! `figureground-train segmenter`.

use super::progress::Progress;
use clap::Args;
use figureground::Result;
use figureground::mask::Size;
use figureground::segment::{PersonSegmenter, Target};
use figureground_train::segmenter::{self, Overlap, REAL_SIDE, SegmenterTrainingSettings, held_out, real_iou};
use figureground_train::segmenter_files::SegmenterFiles;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

pub const EXAMPLES: &str = "Examples:
  figureground-train segmenter --out segmenter
  figureground-train segmenter --out segmenter --clip real.mp4 --reference models/segmenters/selfie-general.toml \\
      --reference-model selfie_segmentation.onnx";

/// Test clips per set.
const CLIPS: usize = 60;
/// Side of the pictures of test clips, in pixels.
const SIDE: u32 = 128;
/// Compared frames per real clip.
const FRAMES: u64 = 16;

#[derive(Debug, Args)]
pub struct TrainSegmenter {
    /// Folder for segmenter.onnx, segmenter.toml, loss curve and checkpoint; a finished segmenter is only measured.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Number of training steps.
    #[arg(long, default_value_t = SegmenterTrainingSettings::default().steps, value_name = "N")]
    steps: usize,
    /// Seed of pictures, weights and order.
    #[arg(long, default_value_t = SegmenterTrainingSettings::default().seed)]
    seed: u64,
    /// Real clip on which to compare the masks with those of another segmenter; repeatable.
    #[arg(long = "clip", value_name = "FILE", requires = "reference")]
    clips: Vec<PathBuf>,
    /// Manifest of the other segmenter.
    #[arg(long, value_name = "MANIFEST.toml", requires = "reference_model")]
    reference: Option<PathBuf>,
    /// Model of the other segmenter.
    #[arg(long, value_name = "FILE.onnx")]
    reference_model: Option<PathBuf>,
}

impl TrainSegmenter {
    pub fn run(&self, progress: &Progress) -> Result<()> {
        let settings =
            SegmenterTrainingSettings { steps: self.steps, seed: self.seed, ..SegmenterTrainingSettings::default() };
        let bar = progress.bar("training");
        bar.set_length(self.steps as u64);
        let mut started = false;
        segmenter::train(&settings, &self.out, &mut |step| {
            if !std::mem::replace(&mut started, true) {
                bar.set_position(step.step as u64 - 1);
                bar.reset_eta();
            }
            bar.set_message(format!("loss {:.3}", step.loss));
            bar.inc(1);
            ControlFlow::Continue(())
        })?;
        bar.finish_and_clear();
        let mut segmenter = SegmenterFiles::trained(&self.out)?.load(Target::Frame)?;
        let found = held_out(&mut segmenter, CLIPS, SIDE, self.seed)?;
        println!(
            "mean IoU on held-out seeds: {:.3} (in context {:.3}, out of context {:.3}, handlings {:.3})",
            mean(found.all()),
            mean(found.in_context),
            mean(found.out_of_context),
            mean(found.handlings)
        );
        if let (Some(manifest), Some(model)) = (&self.reference, &self.reference_model) {
            let square = Target::Squashed(Size::new(REAL_SIDE, REAL_SIDE)?);
            let mut reference = SegmenterFiles::open(manifest, model)?.load(square.clone())?;
            compare(&mut segmenter.with_target(square), &mut reference, &self.clips)?;
        }
        Ok(())
    }
}

/// Returns the mean IoU, or NaN if no frame shows a person.
fn mean(overlap: Overlap) -> f64 {
    overlap.mean().unwrap_or(f64::NAN)
}

fn compare(segmenter: &mut PersonSegmenter, reference: &mut PersonSegmenter, clips: &[PathBuf]) -> Result<()> {
    for (clip, overlap) in clips.iter().zip(real_iou(segmenter, reference, clips, FRAMES)?) {
        let name = clip.file_name().map(Path::new).unwrap_or(clip);
        println!("{}: mean IoU with the other segmenter {:.3}", name.display(), mean(overlap));
    }
    Ok(())
}
