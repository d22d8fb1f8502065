//! Configurations beside a checkpoint: Hugging Face's `config.json` and open_clip's `open_clip_config.json`.

use super::architecture::{Architecture, ArchitectureOptions, EPSILON};
use super::tower::{Activation, TextTower, Tower, VisionTower};
use crate::error::{Error, Result, Setting, Stage};
use crate::preprocess::{Interpolation, PreprocessSettings, Resize};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::Path;

/// End-of-text id of older configurations. It is wrong: their embedding is the state at the largest id.
const LEGACY_END: u64 = 2;

/// Hugging Face's `config.json` of a CLIP.
#[derive(Clone, Debug, Deserialize)]
pub struct HuggingFaceConfig {
    model_type: String,
    projection_dim: usize,
    vision_config: VisionConfig,
    text_config: TextConfig,
    /// The temporal transformer in `temporal.safetensors`, if the trainer wrote one.
    pub fusion: Option<FusionConfig>,
}

#[derive(Clone, Debug, Deserialize)]
struct VisionConfig {
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    image_size: usize,
    patch_size: usize,
    #[serde(default = "quick_gelu")]
    hidden_act: String,
    #[serde(default = "epsilon")]
    layer_norm_eps: f32,
}

#[derive(Clone, Debug, Deserialize)]
struct TextConfig {
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    #[serde(default = "context")]
    max_position_embeddings: usize,
    #[serde(default = "vocabulary")]
    vocab_size: usize,
    #[serde(default = "quick_gelu")]
    hidden_act: String,
    #[serde(default = "epsilon")]
    layer_norm_eps: f32,
    eos_token_id: Option<u64>,
}

/// Sizes of a temporal transformer that do not follow from the shapes of its tensors.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct FusionConfig {
    /// Attention heads.
    pub num_attention_heads: Option<usize>,
    /// Frames of a clip.
    pub num_frames: Option<usize>,
}

fn quick_gelu() -> String {
    "quick_gelu".to_owned()
}

fn epsilon() -> f32 {
    EPSILON
}

fn context() -> usize {
    77
}

fn vocabulary() -> usize {
    49408
}

impl HuggingFaceConfig {
    const EXPECTED: &'static str = "the config.json of a Hugging Face CLIP model";

    /// Reads `config.json`.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read or [`HuggingFaceConfig::parse`] does.
    pub fn read(path: &Path) -> Result<Self> {
        super::read(path, Self::EXPECTED, "put config.json beside the checkpoint", Self::parse)
    }

    /// Parses the text of `config.json`.
    ///
    /// # Errors
    /// Returns an error if the text is not the configuration of a CLIP.
    pub fn parse(text: &str) -> Result<Self> {
        let config: Self = parse(text, Self::EXPECTED, "download the file again or correct it")?;
        if config.model_type != "clip" {
            let got = format!("model_type {:?}", config.model_type);
            let next = "convert the model to ONNX and import the pair";
            return Err(Error::new(Stage::Import, Self::EXPECTED, got, next));
        }
        Ok(config)
    }

    /// Returns the sizes of the model.
    ///
    /// # Errors
    /// Returns an error if the sizes do not fit together.
    pub fn architecture(&self) -> Result<Architecture> {
        let refused = |got: String| Error::new(Stage::Import, Self::EXPECTED, got, "use a complete CLIP checkpoint");
        let (v, t) = (&self.vision_config, &self.text_config);
        let tower = |sizes: [usize; 4], act: &str, epsilon: f32| -> Result<Tower> {
            let [width, layers, heads, intermediate] = sizes;
            let activation = activation(act).map_err(refused)?;
            Ok(Tower { width, layers, heads, intermediate, activation, epsilon, projection: self.projection_dim })
        };
        let sizes = [v.hidden_size, v.num_hidden_layers, v.num_attention_heads, v.intermediate_size];
        let vision = tower(sizes, &v.hidden_act, v.layer_norm_eps)?;
        let sizes = [t.hidden_size, t.num_hidden_layers, t.num_attention_heads, t.intermediate_size];
        let text = tower(sizes, &t.hidden_act, t.layer_norm_eps)?;
        let architecture = Architecture {
            vision: VisionTower { tower: vision, image_size: v.image_size, patch_size: v.patch_size },
            text: TextTower { tower: text, context: t.max_position_embeddings, vocabulary: t.vocab_size },
        };
        architecture.check().map_err(refused)?;
        let last = t.vocab_size as u64 - 1;
        if t.eos_token_id.is_some_and(|end| end != LEGACY_END && end != last) {
            return Err(refused(format!("eos_token_id {:?}, not the last id {last}", t.eos_token_id)));
        }
        Ok(architecture)
    }
}

fn activation(name: &str) -> core::result::Result<Activation, String> {
    match name {
        "quick_gelu" => Ok(Activation::QuickGelu),
        "gelu" => Ok(Activation::Gelu),
        other => Err(format!("hidden_act {other:?}, neither \"quick_gelu\" nor \"gelu\"")),
    }
}

/// Keys of open_clip's towers that repeat the shapes of tensors or apply to training only. Any other key would change
/// the computation.
const OPEN_CLIP_KEYS: [&str; 9] = [
    "context_length",
    "embed_dim",
    "image_size",
    "init_logit_scale",
    "layers",
    "mlp_ratio",
    "patch_dropout",
    "patch_size",
    "vocab_size",
];

/// open_clip's `open_clip_config.json`.
#[derive(Clone, Debug, Deserialize)]
pub struct OpenClipConfig {
    model_cfg: OpenClipModel,
    #[serde(default)]
    preprocess_cfg: OpenClipPreprocess,
}

#[derive(Clone, Debug, Deserialize)]
struct OpenClipModel {
    #[serde(default)]
    quick_gelu: bool,
    vision_cfg: OpenClipTower,
    text_cfg: OpenClipTower,
    #[serde(flatten)]
    others: BTreeMap<String, serde_json::Value>,
}

#[derive(Clone, Debug, Deserialize)]
struct OpenClipTower {
    width: Option<usize>,
    heads: Option<usize>,
    head_width: Option<usize>,
    #[serde(flatten)]
    others: BTreeMap<String, serde_json::Value>,
}

impl OpenClipTower {
    fn heads(&self) -> Option<usize> {
        self.heads.or_else(|| self.width?.checked_div(self.head_width?))
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
struct OpenClipPreprocess {
    mean: Option<[f32; 3]>,
    std: Option<[f32; 3]>,
    interpolation: Option<String>,
    resize_mode: Option<String>,
}

impl OpenClipConfig {
    const EXPECTED: &'static str = "the open_clip_config.json of an open_clip model with OpenAI's towers";

    /// Reads `open_clip_config.json`.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read or [`OpenClipConfig::parse`] does.
    pub fn read(path: &Path) -> Result<Self> {
        super::read(path, Self::EXPECTED, "check the path", Self::parse)
    }

    /// Parses the text of `open_clip_config.json`.
    ///
    /// # Errors
    /// Returns an error if the text is no such configuration, or has a key that OpenAI's towers do not support.
    pub fn parse(text: &str) -> Result<Self> {
        let next = "export the model to ONNX and import the pair";
        let config: Self = parse(text, Self::EXPECTED, next)?;
        let model = &config.model_cfg;
        let mut keys = model.others.keys().chain(model.vision_cfg.others.keys()).chain(model.text_cfg.others.keys());
        match keys.find(|key| !OPEN_CLIP_KEYS.contains(&key.as_str())) {
            Some(key) => Err(Error::new(Stage::Import, Self::EXPECTED, format_args!("the key {key:?}"), next)),
            None => Ok(config),
        }
    }

    /// Returns the activation and the attention heads.
    pub fn architecture_options(&self) -> ArchitectureOptions {
        let model = &self.model_cfg;
        let activation = if model.quick_gelu { Activation::QuickGelu } else { Activation::Gelu };
        ArchitectureOptions { activation, vision_heads: model.vision_cfg.heads(), text_heads: model.text_cfg.heads() }
    }

    /// Writes the model's preprocessing into `settings`; keys that are absent change nothing.
    ///
    /// # Errors
    /// Returns an error if the interpolation or the resize mode is not supported.
    pub fn apply_to(&self, settings: &mut PreprocessSettings) -> Result<()> {
        let preprocess = &self.preprocess_cfg;
        let refused = |got: String| {
            Error::new(Stage::Import, Self::EXPECTED, got, "choose the nearest convention").about(Setting::Convention)
        };
        settings.mean = preprocess.mean.unwrap_or(settings.mean);
        settings.std = preprocess.std.unwrap_or(settings.std);
        match preprocess.interpolation.as_deref() {
            None => {}
            Some("bicubic") => settings.interpolation = Interpolation::Bicubic,
            Some("bilinear") => settings.interpolation = Interpolation::Bilinear,
            Some(other) => return Err(refused(format!("interpolation {other:?}"))),
        }
        match preprocess.resize_mode.as_deref() {
            None | Some("shortest") => {}
            Some("squash") => settings.resize = Resize::Squash,
            Some(other) => return Err(refused(format!("resize_mode {other:?}"))),
        }
        settings.validate()
    }
}

fn parse<T: DeserializeOwned>(text: &str, expected: &str, next: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| Error::caused(Stage::Import, expected, e, next))
}
