//! The section `[vision]`.

use super::toml_text::refused;
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
