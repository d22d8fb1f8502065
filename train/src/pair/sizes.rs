//! Sizes of a CLIP pair.

use serde::{Deserialize, Serialize};

/// Ids of CLIP's tokenizer besides the merges: 512 bytes, start and end.
const NO_MERGES: usize = 514;

/// Sizes of one transformer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tower {
    /// Channels per token.
    pub width: usize,
    /// Number of residual blocks.
    pub layers: usize,
    /// Number of attention heads.
    pub heads: usize,
}

/// Sizes of a CLIP pair whose perceptrons are four times as wide as its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairSizes {
    /// Side of the square picture, in pixels.
    pub image_size: usize,
    /// Side of a square patch, in pixels.
    pub patch_size: usize,
    /// The image encoder.
    pub vision: Tower,
    /// The text encoder.
    pub text: Tower,
    /// Tokens per prompt, padding included.
    pub context: usize,
    /// Number of CLIP's byte-pair merges, from the first.
    pub merges: u16,
    /// Dimension of the shared embedding space.
    pub projection: usize,
    /// Frames per clip (T), and positions of a temporal transformer.
    pub frames: usize,
}

impl PairSizes {
    /// The pair of the built-in bundle, which trains in minutes on two CPU cores.
    pub const MINIATURE: Self = Self {
        image_size: 80,
        patch_size: 10,
        vision: Tower { width: 128, layers: 4, heads: 4 },
        text: Tower { width: 128, layers: 2, heads: 4 },
        context: 32,
        merges: 3000,
        projection: 128,
        frames: 8,
    };

    /// OpenAI's ViT-B/32, for the papers' full-size settings.
    pub const VIT_B_32: Self = Self {
        image_size: 224,
        patch_size: 32,
        vision: Tower { width: 768, layers: 12, heads: 12 },
        text: Tower { width: 512, layers: 12, heads: 8 },
        context: 77,
        merges: figureground::bundle::tokenizer::ALL_MERGES,
        projection: 512,
        frames: 8,
    };

    /// Returns the number of tokens of a picture: its patches and the class token.
    pub fn tokens(&self) -> usize {
        1 + self.patch_count()
    }

    /// Returns the number of patches of a picture.
    pub fn patch_count(&self) -> usize {
        (self.image_size / self.patch_size).pow(2)
    }

    /// Returns the number of values of a patch, `[3, patch_size, patch_size]`.
    pub fn patch_values(&self) -> usize {
        3 * self.patch_size * self.patch_size
    }

    /// Returns the number of token ids.
    pub fn vocabulary(&self) -> usize {
        NO_MERGES + usize::from(self.merges)
    }
}
