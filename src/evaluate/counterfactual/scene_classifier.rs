//! Where a clip plays: one scorer of scenes for all models, so that sets of near and far places do not depend on the model
//! that they measure.

use crate::bundle::Bundle;
use crate::bundle::manifest::VisionSettings;
use crate::engine::ImageEncoder;
use crate::engine::cpu::Cpu;
use crate::error::{Error, Result, Stage};
use crate::frame::Frame;
use crate::label_embedding::TextModel;
use crate::mask::Size;
use crate::model::Model;
use crate::preprocess::{ChannelOrder, Interpolation, Layout, PreprocessSettings, Preprocessor, Resize, ResizeLibrary};
use crate::zeroshot::{Embedding, LabelBank, LogProbs, TemplateFusion, log_softmax};
use sha2::{Digest, Sha256};
use std::path::Path;

/// Places that a small encoder is asked for where no scorer of scenes is given.
const PLACES: [&str; 24] = [
    "a basketball court",
    "a basketball court at night",
    "a kitchen",
    "a city street",
    "a street at night",
    "a snow field",
    "a snowy mountain",
    "a sunny beach",
    "a rocky beach",
    "a gym with weights",
    "a boxing gym",
    "a stage with a red curtain",
    "an open-air stage",
    "a green forest",
    "a forest in winter",
    "an office",
    "an office at night",
    "an indoor swimming pool",
    "an outdoor swimming pool",
    "a classroom",
    "a living room",
    "a park",
    "a shop",
    "a sports field",
];
/// How a place is asked for.
const PROMPT: &str = "a photo of {}.";

/// Scores the scene of a frame.
pub struct SceneClassifier {
    encoder: Box<dyn ImageEncoder>,
    settings: PreprocessSettings,
    lens: Option<(Size, Preprocessor)>,
    /// What embeddings are compared with; none where the model gives classes.
    bank: Option<(LabelBank, LogProbs)>,
    input: Vec<f32>,
    output: Vec<f32>,
    fingerprint: String,
}

impl core::fmt::Debug for SceneClassifier {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SceneClassifier").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

impl SceneClassifier {
    /// The encoders of `bundle`, asked for places in words. For all models it is to be the same bundle: the built-in one.
    ///
    /// # Errors
    /// When a model cannot be loaded.
    pub fn of_bundle(bundle: &Bundle, threads: usize) -> Result<Self> {
        let (cpu, manifest) = (Cpu::new(threads)?, bundle.manifest());
        let encoder = cpu.vision(&bundle.path(&manifest.vision.file), &manifest.vision)?;
        let text = bundle.text()?;
        let mut text_encoder = cpu.text(&bundle.path(&text.file), text)?;
        let file = bundle.label_file()?;
        let mut names: Vec<String> = PLACES.map(str::to_owned).into();
        names.sort();
        let key = bundle.fingerprint()?;
        let tokenizer = bundle.tokenizer()?;
        let mut model = TextModel { tokenizer: &tokenizer, encoder: &mut text_encoder, checksum: key.clone() };
        let places = model.embed_labels(names, vec![PROMPT.to_owned()], file.logit_scale, &mut |_, _| Ok(()))?;
        let bank = places.into_bank(TemplateFusion::MeanEmbedding)?;
        let log_probs = LogProbs::new(bank.names().len());
        let settings = manifest.vision.preprocess.clone();
        Ok(Self::new(Box::new(encoder), settings, Some((bank, log_probs)), key))
    }

    /// A classifier of scenes, such as those of Places365: pictures [n, 3, height, width], normalised by ImageNet's mean
    /// and deviation, to one number a class.
    ///
    /// # Errors
    /// When it cannot be loaded or takes something else.
    pub fn open(path: &Path, threads: usize) -> Result<Self> {
        let model = Model::read(path)?;
        let (Some(input), Some(output)) = (model.inputs().first(), model.outputs().first()) else {
            let got = format!("none in {}", path.display());
            return Err(Error::new(Stage::Model, "an input and an output", got, "pass a classifier of scenes"));
        };
        let side = |axis: usize| input.axes.get(axis).and_then(|side| side.parse().ok()).unwrap_or(224);
        let (width, height) = (side(3), side(2));
        let settings = PreprocessSettings {
            width,
            height,
            // As torchvision evaluates 224 of 256.
            resize: Resize::ShortestThenCrop { shortest: width.max(height) * 8 / 7 },
            interpolation: Interpolation::Bilinear,
            family: ResizeLibrary::Pillow,
            layout: Layout::Nchw,
            channel_order: ChannelOrder::Rgb,
            scale: 1.0 / 255.0,
            mean: [0.485, 0.456, 0.406],
            std: [0.229, 0.224, 0.225],
        };
        let vision = VisionSettings {
            file: String::new(),
            input: input.name.clone(),
            output: output.name.clone(),
            preprocess: settings.clone(),
        };
        let encoder = Cpu::new(threads)?.vision(path, &vision)?;
        let bytes = std::fs::read(path)
            .map_err(|e| Error::new(Stage::Model, "a readable file", e, "check --scenes").at(path.display()))?;
        let fingerprint = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self::new(Box::new(encoder), settings, None, fingerprint))
    }

    fn new(
        encoder: Box<dyn ImageEncoder>,
        settings: PreprocessSettings,
        bank: Option<(LabelBank, LogProbs)>,
        fingerprint: String,
    ) -> Self {
        let (input, output) = (vec![0.0; encoder.input_len()], vec![0.0; encoder.dimension()]);
        Self { encoder, settings, lens: None, bank, input, output, fingerprint }
    }

    /// A checksum of the models.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The probability of every scene.
    ///
    /// # Errors
    /// When such a frame would shrink to nothing, or the model fails.
    pub fn score(&mut self, frame: &Frame<'_>) -> Result<Vec<f32>> {
        let size = Size::new(frame.width(), frame.height())?;
        let lens = match self.lens.take() {
            Some(lens) if lens.0 == size => lens,
            _ => (size, Preprocessor::new(&self.settings, size)?),
        };
        let (_, preprocessor) = self.lens.insert(lens);
        preprocessor.apply(frame, &mut self.input)?;
        self.encoder.encode(&self.input, &mut self.output)?;
        if let Some((bank, log_probs)) = &mut self.bank {
            bank.score(&Embedding::new(&mut self.output)?, log_probs)?;
            return Ok(log_probs.values().iter().map(|p| libm::expf(*p)).collect());
        }
        // Some files end with a softmax and some in front of it.
        let sum: f32 = self.output.iter().sum();
        let are_probabilities = self.output.iter().all(|p| (0.0..=1.0).contains(p)) && (sum - 1.0).abs() < 1e-2;
        let mut values = self.output.clone();
        if !are_probabilities {
            log_softmax(&mut values);
            values.iter_mut().for_each(|value| *value = libm::expf(*value));
        }
        Ok(values)
    }
}
