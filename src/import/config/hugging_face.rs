//! Hugging Face's `config.json`.

use crate::error::{Error, Result, Stage};
use crate::import::architecture::{Architecture, EPSILON};
use crate::import::tower::{Activation, TextTower, Tower, VisionTower};
use serde::Deserialize;
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
        crate::import::read(path, Self::EXPECTED, "put config.json beside the checkpoint", Self::parse)
    }

    /// Parses the text of `config.json`.
    ///
    /// # Errors
    /// Returns an error if the text is not the configuration of a CLIP.
    pub fn parse(text: &str) -> Result<Self> {
        let config: Self = super::parse(text, Self::EXPECTED, "download the file again or correct it")?;
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
