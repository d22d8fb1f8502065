//! Configurations beside a checkpoint: Hugging Face's `config.json` and open_clip's `open_clip_config.json`.

mod hugging_face;
mod open_clip;

use crate::error::{Error, Result, Stage};
pub use hugging_face::{FusionConfig, HuggingFaceConfig};
pub use open_clip::OpenClipConfig;
use serde::de::DeserializeOwned;

fn parse<T: DeserializeOwned>(text: &str, expected: &str, next: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| Error::caused(Stage::Import, expected, e, next))
}
