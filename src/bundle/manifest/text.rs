//! The section `[text]`.

use super::toml_text::check_range;
use crate::error::Result;
use serde::{Deserialize, Serialize};

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
