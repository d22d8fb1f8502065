//! A manifest of `models/clip/`.

use super::clip::ClipSettings;
use super::encoders::{TextSettings, VisionSettings};
use super::labels::check_templates;
use super::toml_text::parse;
use crate::error::Result;
use crate::zeroshot::TemplateFusion;
use serde::{Deserialize, Serialize};

/// The preprocessing and prompts of a public CLIP model, whose files the user supplies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Convention {
    /// Name of the model.
    pub name: String,
    /// Licence of its authors.
    #[serde(default)]
    pub licence: String,
    /// Sampling and fusion of the frames of a clip.
    pub clip: ClipSettings,
    /// The image encoder.
    pub vision: VisionSettings,
    /// The text encoder.
    pub text: TextSettings,
    /// Prompts with `{}` for the class name.
    pub templates: Vec<String>,
    /// Fusion of a class's prompts into one score.
    pub template_fusion: TemplateFusion,
    /// ln of the factor on cosines, for files that do not hold it.
    pub logit_scale: f32,
}

impl Convention {
    /// Parses a manifest of `models/clip/`.
    ///
    /// # Errors
    /// Returns an error as [`Manifest::parse`](super::Manifest::parse) does.
    pub fn parse(text: &str) -> Result<Self> {
        let convention: Self = parse(text)?;
        convention.vision.check()?;
        convention.clip.check()?;
        check_templates(&convention.templates)?;
        Ok(convention)
    }
}
