//! What lies beside a checkpoint: Hugging Face's `config.json` and open_clip's `open_clip_config.json`.

use super::architecture::{Architecture, EPSILON, Unshaped};
use super::tower::{Activation, TextTower, Tower, VisionTower};
use crate::error::{Error, Result, Stage};
use crate::preprocess::{Interpolation, PreprocessSettings, Resize};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::Path;

/// The end-of-text id that older configurations name wrongly; their text is read off at the largest id.
const LEGACY_END: u64 = 2;

/// Hugging Face's `config.json` of a CLIP.
#[derive(Clone, Debug, Deserialize)]
pub struct HuggingFaceConfig {
    model_type: String,
    projection_dim: usize,
    vision_config: VisionConfig,
    text_config: TextConfig,
    /// The temporal transformer, where a trainer left one in `temporal.safetensors`.
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

/// What the shapes of a temporal transformer do not tell.
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
    /// When it is not there or [`HuggingFaceConfig::parse`] refuses it.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| {
            let got = format!("{}: {e}", path.display());
            Error::new(Stage::Import, Self::EXPECTED, got, "put config.json beside the checkpoint")
        })?;
        Self::parse(&text).map_err(|e| e.at(path.display()))
    }

    /// Parses the text of `config.json`.
    ///
    /// # Errors
    /// When it is no configuration of a CLIP.
    pub fn parse(text: &str) -> Result<Self> {
        let config: Self = parse(text, Self::EXPECTED, "download the file again or correct it")?;
        if config.model_type != "clip" {
            let got = format!("model_type {:?}", config.model_type);
            return Err(Error::new(
                Stage::Import,
                Self::EXPECTED,
                got,
                "convert the model to ONNX and import the pair",
            ));
        }
        Ok(config)
    }

    /// The sizes that it names.
    ///
    /// # Errors
    /// When they do not fit together.
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

/// Keys of open_clip's towers that the shapes of tensors repeat or that only training uses; any other would change what
/// is computed.
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
    preprocess_cfg: OpenClipPictures,
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
struct OpenClipPictures {
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
    /// When it cannot be read or [`OpenClipConfig::parse`] refuses it.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| {
            Error::new(Stage::Import, Self::EXPECTED, format_args!("{}: {e}", path.display()), "check the path")
        })?;
        Self::parse(&text).map_err(|e| e.at(path.display()))
    }

    /// Parses the text of `open_clip_config.json`.
    ///
    /// # Errors
    /// When it is no such configuration, or names a choice that these towers do not have.
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

    /// What the shapes of tensors do not tell.
    pub fn unshaped(&self) -> Unshaped {
        let model = &self.model_cfg;
        let activation = if model.quick_gelu { Activation::QuickGelu } else { Activation::Gelu };
        Unshaped { activation, vision_heads: model.vision_cfg.heads(), text_heads: model.text_cfg.heads() }
    }

    /// Writes into `settings` how the model wants its pictures, as far as it says.
    ///
    /// # Errors
    /// When it asks for an interpolation or a resize mode that there is not.
    pub fn adopt(&self, settings: &mut PreprocessSettings) -> Result<()> {
        let pictures = &self.preprocess_cfg;
        let refused = |got: String| Error::new(Stage::Import, Self::EXPECTED, got, "pass the nearest --convention");
        settings.mean = pictures.mean.unwrap_or(settings.mean);
        settings.std = pictures.std.unwrap_or(settings.std);
        match pictures.interpolation.as_deref() {
            None => {}
            Some("bicubic") => settings.interpolation = Interpolation::Bicubic,
            Some("bilinear") => settings.interpolation = Interpolation::Bilinear,
            Some(other) => return Err(refused(format!("interpolation {other:?}"))),
        }
        match pictures.resize_mode.as_deref() {
            None | Some("shortest") => {}
            Some("squash") => settings.resize = Resize::Squash,
            Some(other) => return Err(refused(format!("resize_mode {other:?}"))),
        }
        settings.validate()
    }
}

fn parse<T: DeserializeOwned>(text: &str, expected: &str, next: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| Error::new(Stage::Import, expected, e, next))
}
