//! open_clip's `open_clip_config.json`.

use crate::error::{Error, Result, Setting, Stage};
use crate::import::architecture::ArchitectureOptions;
use crate::import::tower::Activation;
use crate::preprocess::{Interpolation, PreprocessSettings, Resize};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Keys of the towers that repeat the shapes of tensors or apply to training only. Any other key would change
/// the computation.
const KEYS: [&str; 9] = [
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
    model_cfg: ModelConfig,
    #[serde(default)]
    preprocess_cfg: PreprocessConfig,
}

#[derive(Clone, Debug, Deserialize)]
struct ModelConfig {
    #[serde(default)]
    quick_gelu: bool,
    vision_cfg: TowerConfig,
    text_cfg: TowerConfig,
    #[serde(flatten)]
    others: BTreeMap<String, serde_json::Value>,
}

#[derive(Clone, Debug, Deserialize)]
struct TowerConfig {
    width: Option<usize>,
    heads: Option<usize>,
    head_width: Option<usize>,
    #[serde(flatten)]
    others: BTreeMap<String, serde_json::Value>,
}

impl TowerConfig {
    fn heads(&self) -> Option<usize> {
        self.heads.or_else(|| self.width?.checked_div(self.head_width?))
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
struct PreprocessConfig {
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
        crate::import::read(path, Self::EXPECTED, "check the path", Self::parse)
    }

    /// Parses the text of `open_clip_config.json`.
    ///
    /// # Errors
    /// Returns an error if the text is no such configuration, or has a key that OpenAI's towers do not support.
    pub fn parse(text: &str) -> Result<Self> {
        let next = "export the model to ONNX and import the pair";
        let config: Self = super::parse(text, Self::EXPECTED, next)?;
        let model = &config.model_cfg;
        let mut keys = model.others.keys().chain(model.vision_cfg.others.keys()).chain(model.text_cfg.others.keys());
        match keys.find(|key| !KEYS.contains(&key.as_str())) {
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
