//! Geometry of masks and crops for frames of one size.

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

/// Preprocessing of segmenter and encoder for frames of one size, and the geometry of masks in the encoder's crop.
#[cfg(feature = "gpu")]
#[derive(Debug)]
pub(crate) struct CropGeometry {
    encoder: Preprocessor,
    masks: MaskGeometry,
}

#[cfg(feature = "gpu")]
impl CropGeometry {
    /// Creates the geometry for frames of the size of `frame` and masks of `mask_size`.
    ///
    /// # Errors
    /// Returns an error if a frame would shrink to nothing.
    pub fn new(
        manifest: &crate::bundle::manifest::Manifest,
        frame: &crate::frame::Frame<'_>,
        mask_size: Size,
    ) -> Result<Self> {
        let source = Size::new(frame.width(), frame.height())?;
        let encoder = Preprocessor::new(&manifest.vision.preprocess, source)?;
        let masks = MaskGeometry::new(&manifest.segmenter.preprocess, encoder.geometry(), mask_size)?;
        Ok(Self { encoder, masks })
    }

    /// Returns whether it is for frames of the size of `frame`.
    pub fn fits(&self, frame: &crate::frame::Frame<'_>) -> bool {
        let source = self.encoder.geometry().source();
        (source.width(), source.height()) == (frame.width(), frame.height())
    }

    /// Writes the encoder's input before masking.
    pub fn show_encoder(&mut self, frame: &crate::frame::Frame<'_>, pixel_values: &mut [f32]) -> Result<()> {
        self.encoder.apply(frame, pixel_values)
    }

    /// Returns the encoder's last picture before normalisation: RGB8, `[height, width, 3]`.
    pub fn encoder_crop(&self) -> &[u8] {
        self.encoder.crop()
    }

    /// Writes the segmenter's input.
    #[cfg(test)]
    pub fn show_segmenter(&mut self, frame: &crate::frame::Frame<'_>, input: &mut [f32]) -> Result<()> {
        self.masks.segmenter.apply(frame, input)
    }

    /// Writes a segmenter's mask in the encoder's crop.
    #[cfg(test)]
    pub fn place_mask(&mut self, mask: &crate::mask::Mask, crop: &mut crate::mask::Mask) -> Result<()> {
        self.masks.sampler.apply(mask, crop)
    }

    /// Returns the preprocessors of segmenter and encoder, and the sampler of masks.
    pub fn parts(&self) -> ([&Preprocessor; 2], &MaskSampler) {
        ([&self.masks.segmenter, &self.encoder], &self.masks.sampler)
    }
}
