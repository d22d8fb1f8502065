//! What the two models are shown of frames of one size.

use crate::bundle::manifest::Manifest;
use crate::error::Result;
use crate::frame::Frame;
use crate::mask::{Boxes, Mask, PROVIDED_THRESHOLD, PixelBox, Shape, Size};
use crate::preprocess::{Geometry, MaskSampler, Preprocessor, Resize};

/// Preprocessing for one size of frames: made when the first frame of a source comes, kept while the size stays.
#[derive(Debug)]
pub struct CropGeometry {
    source: Size,
    segmenter: Preprocessor,
    encoder: Preprocessor,
    mask: MaskSampler,
    /// For masks that span the frame.
    known: Option<(MaskSampler, Mask)>,
}

impl CropGeometry {
    /// The crop for frames of the size of `frame` and masks of `mask_size`.
    ///
    /// # Errors
    /// When such a frame would shrink to nothing.
    pub fn new(manifest: &Manifest, frame: &Frame<'_>, mask_size: Size) -> Result<Self> {
        let source = Size::new(frame.width(), frame.height())?;
        let segmenter = Preprocessor::new(&manifest.segmenter.preprocess, source)?;
        let encoder = Preprocessor::new(&manifest.vision.preprocess, source)?;
        let mask = MaskSampler::new(mask_size, segmenter.geometry(), encoder.geometry())?;
        Ok(Self { source, segmenter, encoder, mask, known: None })
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

    /// The pixels of a mask that came with the frame, in the geometry of the encoder's input.
    pub fn place_known(&mut self, mask: &Mask, shape: &mut Shape) -> Result<()> {
        if self.known.is_none() {
            let whole = Geometry::new(Resize::Squash, self.source, self.source)?;
            let sampler = MaskSampler::new(self.source, &whole, self.encoder.geometry())?;
            self.known = Some((sampler, Mask::new(self.encoder.geometry().target())));
        }
        let Some((sampler, crop)) = &mut self.known else { return Ok(()) };
        sampler.apply(mask, crop)?;
        shape.threshold(crop, PROVIDED_THRESHOLD)
    }

    /// Boxes of the frame in the geometry of the encoder's input; what is cut away is left out.
    pub fn place_boxes(&self, frame: &[PixelBox], crop: &mut Boxes) {
        crop.clear();
        for placed in frame.iter().filter_map(|area| self.encoder.geometry().place(*area)) {
            // More than fit are all the same small: their union is one box.
            if let Err(more) = crop.push(placed)
                && let Some(last) = crop.last_mut()
            {
                *last = last.around(more);
            }
        }
    }

    /// What the segmenter and the encoder are shown, and where masks land.
    #[cfg(feature = "gpu")]
    pub(crate) fn parts(&self) -> ([&Preprocessor; 2], &MaskSampler) {
        ([&self.segmenter, &self.encoder], &self.mask)
    }
}
