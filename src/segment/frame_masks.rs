//! Masks that span whole frames.

use crate::error::Result;
use crate::mask::{Mask, Shape};
use crate::preprocess::{Geometry, MaskSampler, Resize};

/// Samples masks that span whole frames into a target picture.
#[derive(Debug)]
pub struct FrameMaskSampler {
    /// None where the target is the frame.
    sampler: Option<(MaskSampler, Mask)>,
}

impl FrameMaskSampler {
    /// Creates the sampler for the frames and the picture of `target`.
    ///
    /// # Errors
    /// Returns an error if the frame's size has no geometry.
    pub fn new(target: &Geometry) -> Result<Self> {
        let source = target.source();
        let whole = Geometry::new(Resize::Squash, source, source)?;
        if whole == *target {
            return Ok(Self { sampler: None });
        }
        let sampler = MaskSampler::new(source, &whole, target)?;
        Ok(Self { sampler: Some((sampler, Mask::new(target.target()))) })
    }

    /// Writes the pixels of `mask` above `threshold` to `shape`, in the target picture.
    ///
    /// # Errors
    /// Returns an error if a size is wrong.
    pub fn shape(&mut self, mask: &Mask, threshold: f32, shape: &mut Shape) -> Result<()> {
        shape.threshold(self.sample(mask)?, threshold)
    }

    /// Returns `mask` in the target picture.
    pub(super) fn sample<'a>(&'a mut self, mask: &'a Mask) -> Result<&'a Mask> {
        let Some((sampler, sampled)) = &mut self.sampler else { return Ok(mask) };
        sampler.apply(mask, sampled)?;
        Ok(sampled)
    }
}
