//! The section `[views]`.

use super::toml_text::refused;
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// Fill of hidden pixels in the person and the background view.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ViewSettings {
    /// RGB colour of hidden pixels, each from 0 to 255; normalised like any pixel.
    pub fill: [f32; 3],
}

impl Default for ViewSettings {
    /// Returns ImageNet's mean colour, which normalises to 0.
    fn default() -> Self {
        Self { fill: [123.675, 116.28, 103.53] }
    }
}

impl ViewSettings {
    pub(super) fn check(&self) -> Result<()> {
        if self.fill.iter().all(|c| (0.0..=255.0).contains(c)) {
            return Ok(());
        }
        Err(refused("views.fill as RGB from 0 to 255", format_args!("{:?}", self.fill), "correct it"))
    }
}
