//! `figureground-train bundle`.

use super::{Machine, Progress};
use clap::Args;
use figureground::bundle::{Bundle, MANIFEST};
use figureground::engine::all_cores;
use figureground::file::write_aside;
use figureground::gate::GateSettings;
use figureground::import::Import;
use figureground::model::write::WeightPrecision as Precision;
use figureground::{Error, Result, Stage};
use figureground_train::calibration::Judged;
use figureground_train::clip::{ClipRenderer, ClipSpec, Masks};
use figureground_train::conventions;
use figureground_train::evaluate::Evaluator;
use figureground_train::pair::{ClipPair, Sizes, weights};
use figureground_train::parallel_encoder::ParallelEncoder;
use figureground_train::person_segmenter::SegmenterFiles;
use figureground_train::splits::{self, Split};
use pantomime::{Action, Context, Part};
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
    /// How the pair wants its pictures and prompts [default: models/clip/pantomime.toml].
    #[arg(long, value_name = "MANIFEST.toml")]
    convention: Option<PathBuf>,
    /// Clips a class that the gate is calibrated on, and as many that it is tried on.
    #[arg(long, default_value_t = 12, value_name = "N")]
    clips: usize,
    /// Seed of these clips.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The bundle to write; nothing may be there.
    #[arg(long, value_name = "BUNDLE")]
    out: PathBuf,
}

impl MakeBundle {
    pub fn run(&self, machine: &Machine, progress: &Progress) -> Result<()> {
        let labels = tempfile::NamedTempFile::new().map_err(|e| unwritable(&e))?;
        let names: String = Action::ALL.iter().map(|action| action.name() + "\n").collect();
        write_aside(labels.path(), names.as_bytes())?;
        let gate = self.calibrate(machine, progress)?;
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
            precision: Precision::F16,
            out: self.out.clone(),
        };
        import.run(all_cores(), &mut |_, _| Ok(()))?;
        let mut manifest = Bundle::open(&self.out)?.manifest().clone();
        manifest.gate = gate;
        write_aside(&self.out.join(MANIFEST), manifest.to_toml()?.as_bytes())?;
        Bundle::open(&self.out)?;
        progress.say(&format!("{} is written", self.out.display()));
        Ok(())
    }

    /// Fits the gate on one half of held-out clips and says what it does on the other.
    fn calibrate(&self, machine: &Machine, progress: &Progress) -> Result<GateSettings> {
        let sizes = Sizes::MINIATURE;
        let device = machine.device()?;
        let encoder = machine.encoder(&device, &sizes)?;
        let pair = ClipPair::new(&sizes, &device).with_fusion(weights::fusion_in(&self.from), &sizes, &device);
        let desk =
            GateCalibrator { pair: weights::read(pair, &sizes, &self.from)?, encoder: &encoder, sizes, progress };
        let segmenter_files = SegmenterFiles::trained(&self.segmenter)?;
        let judged =
            |purpose, contexts: &[Context]| desk.judged(purpose, contexts, self.clips, self.seed, &segmenter_files);
        let gate = judged(Split::Calibration, &[Context::In, Context::Out])?.fit()?;
        for (context, name) in [(Context::In, "in context"), (Context::Out, "out of context")] {
            let effect = judged(Split::Testing, &[context])?.effect(&gate)?;
            progress.say(&format!(
                "{name}: top1 {:.3}, flags {:.3} of the right and {:.3} of the wrong predictions",
                effect.top1, effect.false_flags, effect.flagged_wrong
            ));
        }
        Ok(gate)
    }
}

struct GateCalibrator<'a> {
    pair: ClipPair,
    encoder: &'a ParallelEncoder,
    sizes: Sizes,
    progress: &'a Progress,
}

impl GateCalibrator<'_> {
    /// Base class clips in all `contexts`; every class is in the label bank.
    fn judged(
        &self,
        purpose: Split,
        contexts: &[Context],
        each: usize,
        seed: u64,
        segmenter_files: &SegmenterFiles,
    ) -> Result<Judged> {
        let preprocess = conventions::preprocess(&self.sizes)?;
        let renderer = ClipRenderer {
            segmenter_files: Some(segmenter_files),
            ..conventions::renderer(&preprocess, self.sizes.frames)?
        };
        let tokenizer = conventions::tokenizer(&self.sizes)?;
        let prompts = conventions::prompts(&tokenizer, Action::ALL.iter().map(|action| action.name()))?;
        let evaluator = Evaluator {
            encoder: self.encoder,
            sizes: self.sizes,
            fill: conventions::fill(&preprocess),
            object_fill: None,
        };
        let texts = evaluator.texts(&self.pair, &prompts);
        let part = Some(Part::Base);
        let (specs, labels): (Vec<Vec<ClipSpec>>, Vec<Vec<usize>>) =
            contexts.iter().map(|context| splits::acting(part, *context, each, purpose, seed)).unzip();
        let clips = renderer.film(&specs.concat(), &self.progress.bar("filming"))?;
        let base = splits::actions(part);
        let actions: Vec<Action> = labels.concat().into_iter().map(|label| base[label]).collect();
        let at_home = clips.iter().zip(&actions).map(|(f, action)| f.scene == action.home().index()).collect();
        let labels: Vec<usize> = actions.iter().map(|action| action.index()).collect();
        for (view, masks) in [("segmenter's", Masks::Segmented), ("exact", Masks::Exact)] {
            let tops = evaluator.tops(&self.pair, &clips, &labels, &texts, masks)?;
            self.progress.say(&format!(
                "{purpose:?}, {} clips, {view} masks: top1 {:.3} B-top1 {:.3} P-top1 {:.3}",
                labels.len(),
                tops.top1,
                tops.b_top1,
                tops.p_top1
            ));
        }
        Judged::new(&evaluator, &self.pair, &clips, &labels, at_home, &texts)
    }
}

fn unwritable(error: &std::io::Error) -> Error {
    Error::new(Stage::Training, "room for a temporary file", error, "set TMPDIR to a directory with room")
}
