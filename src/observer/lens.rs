//! What the two models are shown of frames of one size.

use crate::bundle::manifest::Manifest;
use crate::error::Result;
use crate::frame::Frame;
use crate::mask::{Mask, Size};
use crate::preprocess::{MaskSampler, Preprocessor};

/// Preprocessing for one size of frames: made when the first frame of a source comes, kept while the size stays.
#[derive(Debug)]
pub struct Lens {
    source: Size,
    segmenter: Preprocessor,
    encoder: Preprocessor,
    mask: MaskSampler,
}

impl Lens {
    /// The lens for frames of the size of `frame` and masks of `mask_size`.
    ///
    /// # Errors
    /// When such a frame would shrink to nothing.
    pub fn new(manifest: &Manifest, frame: &Frame<'_>, mask_size: Size) -> Result<Self> {
        let source = Size::new(frame.width(), frame.height())?;
        let segmenter = Preprocessor::new(&manifest.segmenter.preprocess, source)?;
        let encoder = Preprocessor::new(&manifest.vision.preprocess, source)?;
        let mask = MaskSampler::new(mask_size, segmenter.geometry(), encoder.geometry())?;
        Ok(Self { source, segmenter, encoder, mask })
    }

    /// Whether it is for frames of this size.
    pub fn fits(&self, frame: &Frame<'_>) -> bool {
        (self.source.width(), self.source.height()) == (frame.width(), frame.height())
    }

    /// The segmenter's input.
    pub fn show_segmenter(&mut self, frame: &Frame<'_>, input: &mut [f32]) -> Result<()> {
        self.segmenter.apply(frame, input)
    }

    /// The encoder's input before masking.
    pub fn show_encoder(&mut self, frame: &Frame<'_>, pixel_values: &mut [f32]) -> Result<()> {
        self.encoder.apply(frame, pixel_values)
    }

    /// A mask in the geometry of the encoder's input.
    pub fn place_mask(&mut self, mask: &Mask, crop: &mut Mask) -> Result<()> {
        self.mask.apply(mask, crop)
    }

    /// What the segmenter and the encoder are shown, and where masks land.
    #[cfg(feature = "gpu")]
    pub(crate) fn parts(&self) -> ([&Preprocessor; 2], &MaskSampler) {
        ([&self.segmenter, &self.encoder], &self.mask)
    }
}
