//! The section `[backgrounds]`.

use serde::{Deserialize, Serialize};

/// The bank of backgrounds onto which a probe pastes the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BackgroundSettings {
    /// Safetensors file.
    pub file: String,
}
