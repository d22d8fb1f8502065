//! `figureground-train bundle`.

use super::device_args::DeviceArgs;
use super::progress::Progress;
use clap::Args;
use figureground::bundle::Bundle;
use figureground::engine::all_cores;
use figureground::file::write_aside;
use figureground::gate::GateSettings;
use figureground::import::Import;
use figureground::model::write::WeightPrecision;
use figureground::preprocess::PreprocessSettings;
use figureground::{Error, Result, Stage};
use figureground_train::calibration::CalibrationClips;
use figureground_train::clip::{ClipRenderer, LabelledClips, MaskSource};
use figureground_train::conventions;
use figureground_train::evaluate::Evaluator;
use figureground_train::pair::{ClipPair, PairSizes, weights};
use figureground_train::parallel_encoder::ParallelEncoder;
use figureground_train::place_bank;
use figureground_train::segmenter_files::SegmenterFiles;
use figureground_train::splits::{self, ClipSelection, Split};
use pantomime::{Action, ClassGroup, Context};
use std::path::{Path, PathBuf};

pub const EXAMPLES: &str = "Example:
  figureground-train bundle --from masked --segmenter models/pantomime/segmenter --out models/built-in";

#[derive(Debug, Args)]
pub struct MakeBundle {
    /// Folder of the trained pair.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// Folder with segmenter.toml and segmenter.onnx.
    #[arg(long, value_name = "DIR")]
    segmenter: PathBuf,
    /// Preprocessing and prompts of the pair [default: models/clip/pantomime.toml].
    #[arg(long, value_name = "MANIFEST.toml")]
    convention: Option<PathBuf>,
    /// Clips per class and context to calibrate the gate on, and as many to test it on.
    #[arg(long, default_value_t = 12, value_name = "N")]
    clips: usize,
    /// Seed of these clips.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Bundle to write, which must not exist.
    #[arg(long, value_name = "BUNDLE")]
    out: PathBuf,
}

impl MakeBundle {
    pub fn run(&self, device_args: &DeviceArgs, progress: &Progress) -> Result<()> {
        let labels = tempfile::NamedTempFile::new().map_err(no_temporary_file)?;
        let names: String = Action::ALL.iter().map(|action| action.name() + "\n").collect();
        write_aside(labels.path(), names.as_bytes())?;
        let gate = self.calibrate(device_args, progress)?;
        let convention = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/clip/pantomime.toml");
        let import = Import {
            clip: self.from.clone(),
            base: None,
            activation: None,
            convention: Some(self.convention.clone().unwrap_or(convention)),
            segmenter: self.segmenter.join("segmenter.toml"),
            segmenter_model: self.segmenter.join("segmenter.onnx"),
            labels: labels.path().to_owned(),
            templates: Vec::new(),
            precision: WeightPrecision::F16,
            out: self.out.clone(),
        };
        import.run(all_cores(), &mut |_, _| Ok(()))?;
        let mut bundle = Bundle::open(&self.out)?;
        bundle.set_gate(gate)?;
        bundle.write_backgrounds(&place_bank::draw(&bundle.manifest().vision.preprocess)?)?;
        Bundle::open(&self.out)?;
        progress.print(&format!("wrote {}", self.out.display()));
        Ok(())
    }

    /// Fits the gate on held-out clips and prints its flag rates on others.
    fn calibrate(&self, device_args: &DeviceArgs, progress: &Progress) -> Result<GateSettings> {
        let sizes = PairSizes::MINIATURE;
        let device = device_args.device()?;
        let encoder = device_args.encoder(&device, &sizes)?;
        let pair = ClipPair::new(&sizes, &device).with_fusion(weights::fusion_in(&self.from), &sizes, &device);
        let segmenter_files = SegmenterFiles::trained(&self.segmenter)?;
        let calibrator = GateCalibrator {
            pair: weights::read(pair, &sizes, &self.from)?,
            encoder: &encoder,
            sizes,
            segmenter_files: &segmenter_files,
            clips_per_class: self.clips,
            seed: self.seed,
            progress,
        };
        let gate = calibrator.clips(Split::Calibration, &[Context::In, Context::Out])?.fit()?;
        for (context, name) in [(Context::In, "in context"), (Context::Out, "out of context")] {
            let rates = calibrator.clips(Split::Testing, &[context])?.flag_rates(&gate)?;
            progress.print(&format!(
                "{name}: top1 {:.3}, flags {:.3} of the correct and {:.3} of the wrong predictions",
                rates.top1, rates.flagged_correct, rates.flagged_wrong
            ));
        }
        Ok(gate)
    }
}

/// Renders held-out clips and computes their logits.
struct GateCalibrator<'a> {
    pair: ClipPair,
    encoder: &'a ParallelEncoder,
    sizes: PairSizes,
    segmenter_files: &'a SegmenterFiles,
    clips_per_class: usize,
    seed: u64,
    progress: &'a Progress,
}

impl GateCalibrator<'_> {
    /// Returns clips of base classes in all `contexts`, with logits over all classes.
    fn clips(&self, split: Split, contexts: &[Context]) -> Result<CalibrationClips> {
        let preprocess = conventions::preprocess(&self.sizes)?;
        let tokenizer = conventions::tokenizer(&self.sizes)?;
        let prompts = conventions::prompts(&tokenizer, &splits::action_names(None))?;
        let evaluator = Evaluator {
            encoder: self.encoder,
            sizes: self.sizes,
            fill: conventions::fill(&preprocess),
            object_fill: None,
        };
        let classifier = evaluator.classifier(&self.pair, &prompts);
        let (clips, at_home) = self.render(split, contexts, &preprocess)?;
        for (name, masks) in [("segmenter's", MaskSource::Segmented), ("exact", MaskSource::Exact)] {
            let accuracies = evaluator.view_accuracies(&classifier, &clips, masks)?;
            self.progress.print(&format!(
                "{split:?}, {} clips, {name} masks: top1 {:.3} B-top1 {:.3} P-top1 {:.3}",
                clips.labels.len(),
                accuracies.top1,
                accuracies.b_top1,
                accuracies.p_top1
            ));
        }
        CalibrationClips::new(&evaluator, &classifier, &clips, at_home)
    }

    /// Renders clips of base classes, labelled among all classes, and returns whether each is in its home scene.
    fn render(
        &self,
        split: Split,
        contexts: &[Context],
        preprocess: &PreprocessSettings,
    ) -> Result<(LabelledClips, Vec<bool>)> {
        let renderer = ClipRenderer {
            segmenter_files: Some(self.segmenter_files),
            ..conventions::renderer(preprocess, self.sizes.frames)?
        };
        let group = Some(ClassGroup::Base);
        let selection = ClipSelection { group, clips_per_class: self.clips_per_class, split, seed: self.seed };
        let (mut specs, mut actions) = (Vec::new(), Vec::new());
        for context in contexts {
            let clips = selection.actions(*context);
            specs.extend(clips.specs);
            actions.extend(clips.labels.into_iter().map(|label| splits::actions(group)[label]));
        }
        let clips = renderer.render(&specs, &self.progress.bar("rendering"))?;
        let at_home = clips.iter().zip(&actions).map(|(clip, action)| clip.scene == action.home().index()).collect();
        let labels = actions.into_iter().map(Action::index).collect();
        Ok((LabelledClips { clips, labels }, at_home))
    }
}

/// Returns the error of a temporary file that cannot be created.
pub fn no_temporary_file(error: std::io::Error) -> Error {
    Error::caused(Stage::Training, "space for a temporary file", error, "set TMPDIR to a directory with free space")
}
