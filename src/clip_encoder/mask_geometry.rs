//! A frame to the segmenter's input, and the segmenter's mask to a target picture.

use crate::error::Result;
use crate::mask::Size;
use crate::preprocess::{Geometry, MaskSampler, PreprocessSettings, Preprocessor};

/// The segmenter's preprocessing for frames of one size, and the sampler of its masks into a target picture.
#[derive(Debug)]
pub(crate) struct MaskGeometry {
    pub segmenter: Preprocessor,
    pub sampler: MaskSampler,
}

impl MaskGeometry {
    /// Creates the geometry of a segmenter with these settings and masks of `mask_size`, for the frames of `target`.
    ///
    /// # Errors
    /// Returns an error if a frame would shrink to nothing.
    pub fn new(segmenter: &PreprocessSettings, target: &Geometry, mask_size: Size) -> Result<Self> {
        let segmenter = Preprocessor::new(segmenter, target.source())?;
        let sampler = MaskSampler::new(mask_size, segmenter.geometry(), target)?;
        Ok(Self { segmenter, sampler })
    }
}
