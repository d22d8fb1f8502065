//! The section `[labels]`.

use super::toml_text::refused;
use crate::error::Result;
use crate::zeroshot::TemplateFusion;
use serde::{Deserialize, Serialize};

/// The label bank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LabelSettings {
    /// Safetensors file.
    pub file: String,
    /// Prompts with `{}` for the class name.
    pub templates: Vec<String>,
    /// Fusion of a class's prompts into one score.
    pub template_fusion: TemplateFusion,
}

/// Checks that every prompt has exactly one `{}`, for the class name.
///
/// # Errors
/// Returns an error if there is no prompt, or one has no `{}` or several.
pub fn check_templates(templates: &[String]) -> Result<()> {
    let bad = templates.iter().find(|template| template.matches("{}").count() != 1);
    if templates.is_empty() || bad.is_some() {
        let got = bad.map_or("no template".to_owned(), |bad| format!("{bad:?}"));
        return Err(refused("templates with one {} each", got, "write it as \"a photo of a {}.\""));
    }
    Ok(())
}
