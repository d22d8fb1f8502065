//! The section `[temporal]`.

use serde::{Deserialize, Serialize};

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
