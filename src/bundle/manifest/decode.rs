//! The section `[segmenter.decode]`.

use super::toml_text::{check_range, refused};
use crate::error::Result;
use crate::preprocess::Layout;
use serde::{Deserialize, Serialize};

/// Decoding of a segmenter's output into person probabilities per pixel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DecodeSettings {
    /// Meaning of the numbers.
    pub kind: DecodeKind,
    /// Order of the axes.
    pub layout: Layout,
    /// Number of channels.
    pub channels: usize,
    /// Channels of people, or the one channel that is not; class indices for `yolo-seg`.
    pub person: PersonChannels,
    /// Name of the second output of `yolo-seg`, with the mask prototypes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prototypes: Option<String>,
}

/// The channels of people in a segmenter's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PersonChannels {
    /// These channels are people; their probabilities are added.
    Channels(Vec<usize>),
    /// All channels but this one are people.
    AllBut(usize),
}

/// Meaning of the numbers in a segmenter's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecodeKind {
    /// Probabilities.
    Probability,
    /// Logits, each through a sigmoid.
    Sigmoid,
    /// Logits of one softmax over the channels.
    Softmax,
    /// Class indices (one channel), or scores of which the largest marks the class.
    Argmax,
    /// Scores, scaled to 0..=1 by the smallest and the largest in the picture.
    MinMax,
    /// Boxes with class scores and mask coefficients, and prototypes in a second output.
    YoloSeg,
}

impl DecodeSettings {
    pub(crate) fn check(&self) -> Result<()> {
        check_range("decode.channels", self.channels, 1, 4096)?;
        if (self.kind == DecodeKind::YoloSeg) != self.prototypes.is_some() {
            let got = format!("{:?} with prototypes {:?}", self.kind, self.prototypes);
            return Err(refused("decode.prototypes exactly if decode.kind is yolo-seg", got, "correct either"));
        }
        let named = match &self.person {
            PersonChannels::Channels(channels) => channels.clone(),
            PersonChannels::AllBut(channel) => vec![*channel],
        };
        // One channel of class indices holds any class.
        let is_index = self.kind == DecodeKind::Argmax && self.channels == 1;
        if named.is_empty() || (!is_index && named.iter().any(|&channel| channel >= self.channels)) {
            let expected = format!("decode.person with channels below {}", self.channels);
            return Err(refused(expected, format_args!("{named:?}"), "correct it"));
        }
        Ok(())
    }
}
