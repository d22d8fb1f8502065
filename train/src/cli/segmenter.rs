//! `figureground-train segmenter`.

use super::Progress;
use clap::Args;
use figureground::Result;
use figureground::mask::Size;
use figureground::segment::{PersonSegmenter, Target};
use figureground_train::segmenter::{self, Overlap, REAL_SIDE, Settings, held_out, real_iou};
use figureground_train::segmenter_files::SegmenterFiles;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

pub const EXAMPLES: &str = "Examples:
  figureground-train segmenter --out segmenter
  figureground-train segmenter --out segmenter --clip real.mp4 --reference models/segmenters/selfie-general.toml \\
      --reference-model selfie_segmentation.onnx";

/// Clips of each set that a segmenter is tried on.
const CLIPS: usize = 60;
/// Side of their pictures in pixels.
const SIDE: u32 = 128;
/// Frames of a real clip that are compared.
const FRAMES: u64 = 16;

#[derive(Debug, Args)]
pub struct Segmenter {
    /// Folder for segmenter.onnx, segmenter.toml, curve and checkpoint; one that is finished is only tried.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Steps of training.
    #[arg(long, default_value_t = Settings::default().steps, value_name = "N")]
    steps: usize,
    /// Seed of pictures, weights and order.
    #[arg(long, default_value_t = Settings::default().seed)]
    seed: u64,
    /// Real clips on which to compare its masks with another segmenter's.
    #[arg(long = "clip", value_name = "FILE", requires = "reference")]
    clips: Vec<PathBuf>,
    /// The manifest of the other segmenter.
    #[arg(long, value_name = "MANIFEST.toml", requires = "reference_model")]
    reference: Option<PathBuf>,
    /// The other segmenter.
    #[arg(long, value_name = "FILE.onnx")]
    reference_model: Option<PathBuf>,
}

impl Segmenter {
    pub fn run(&self, progress: &Progress) -> Result<()> {
        let settings = Settings { steps: self.steps, seed: self.seed, ..Settings::default() };
        let bar = progress.bar("training");
        bar.set_length(self.steps as u64);
        let mut begun = false;
        segmenter::train(&settings, &self.out, &mut |step| {
            if !std::mem::replace(&mut begun, true) {
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

/// Mean IoU; NaN where no frame shows anybody.
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
