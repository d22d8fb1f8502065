//! The sections of the encoders: `[vision]`, `[text]` and `[temporal]`.

use super::toml_text::{check_range, refused};
use crate::error::Result;
use crate::preprocess::{Layout, PreprocessSettings};
use serde::{Deserialize, Serialize};

/// The image encoder: `pixel_values` to embeddings that are not normalised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct VisionSettings {
    /// ONNX file.
    #[serde(default)]
    pub file: String,
    /// Name of the picture input.
    pub input: String,
    /// Name of the embedding output.
    pub output: String,
    /// Preprocessing of frames.
    pub preprocess: PreprocessSettings,
}

impl VisionSettings {
    pub(super) fn check(&self) -> Result<()> {
        self.preprocess.validate().map_err(|e| e.at("[vision.preprocess]"))?;
        if self.preprocess.layout != Layout::Nchw {
            let next = "export the encoder with NCHW input, because views are composed in planes";
            return Err(refused("vision.preprocess.layout = \"nchw\"", "nhwc", next));
        }
        Ok(())
    }
}

/// The text encoder: token ids to embeddings that are not normalised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TextSettings {
    /// ONNX file.
    #[serde(default)]
    pub file: String,
    /// Name of the token input.
    pub input: String,
    /// Name of the embedding output.
    pub output: String,
    /// Tokens of a prompt, padding included.
    pub context: usize,
    /// The tokenizer.
    pub tokenizer: TokenizerKind,
}

/// The tokenizer: text to token ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "kind")]
pub enum TokenizerKind {
    /// CLIP's byte-pair encoding, all of it or its first `merges` merges.
    ClipBpe {
        /// Number of merges; all 48,894 if `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        merges: Option<u16>,
    },
}

impl TextSettings {
    pub(super) fn check(&self) -> Result<()> {
        check_range("text.context", self.context, 3, 4096)
    }
}

/// The temporal transformer: frame embeddings [batch, T, D] to clip embeddings [batch, D].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TemporalSettings {
    /// ONNX file.
    #[serde(default)]
    pub file: String,
    /// Name of the input.
    pub input: String,
    /// Name of the output.
    pub output: String,
}
