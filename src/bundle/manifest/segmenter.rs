//! The section `[segmenter]`.

use super::decode::DecodeSettings;
use super::toml_text::{check_range, parse, refused};
use crate::error::Result;
use crate::preprocess::PreprocessSettings;
use serde::{Deserialize, Serialize};

/// The person segmenter: pixels to a mask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SegmenterSettings {
    /// ONNX file; empty in a manifest of a public model, whose file the user supplies.
    #[serde(default)]
    pub file: String,
    /// Name of the picture input.
    pub input: String,
    /// Name of the output that is decoded.
    pub output: String,
    /// Preprocessing of frames.
    pub preprocess: PreprocessSettings,
    /// Decoding of the output.
    pub decode: DecodeSettings,
    /// A pixel shows a person if its probability exceeds this.
    #[serde(default = "half")]
    pub threshold: f32,
    /// Dilations of the person's shape by a 3x3 cross, at the encoder's resolution.
    #[serde(default)]
    pub dilation: u32,
    /// Time constant of temporal smoothing in seconds; 0 turns smoothing off.
    #[serde(default)]
    pub smoothing: f32,
}

fn half() -> f32 {
    0.5
}

impl SegmenterSettings {
    /// Parses the `[segmenter]` manifest of a public model, which names no file.
    ///
    /// # Errors
    /// Returns an error as [`Manifest::parse`](super::Manifest::parse) does.
    pub fn parse(text: &str) -> Result<Self> {
        let segmenter: Self = parse(text)?;
        segmenter.check()?;
        Ok(segmenter)
    }

    pub(super) fn check(&self) -> Result<()> {
        self.preprocess.validate().map_err(|e| e.at("[segmenter.preprocess]"))?;
        if !(0.0..=1.0).contains(&self.threshold) {
            return Err(refused("segmenter.threshold from 0 to 1", self.threshold, "correct it"));
        }
        if !(0.0..=60.0).contains(&self.smoothing) {
            return Err(refused("segmenter.smoothing from 0 to 60 seconds", self.smoothing, "correct it"));
        }
        check_range("segmenter.dilation", self.dilation as usize, 0, 64)?;
        self.decode.check()
    }
}
