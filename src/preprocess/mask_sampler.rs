//! Resampling of a segmenter's mask to the encoder's crop.

use super::filter_weights::FilterWeights;
use super::geometry::Geometry;
use crate::error::{Result, Stage};
use crate::mask::{Mask, Size};
use alloc::vec;
use alloc::vec::Vec;

/// Resamples masks to the geometry of the encoder's crop: bilinear, antialiased if the mask shrinks.
#[derive(Clone, Debug)]
pub struct MaskSampler {
    mask: Size,
    target: Size,
    /// Mask rows that the vertical taps read; the taps index this list.
    rows: Vec<usize>,
    horizontal: FilterWeights<f32>,
    vertical: FilterWeights<f32>,
    /// These rows at the width of the target.
    intermediate: Vec<f32>,
}

impl MaskSampler {
    /// Creates a sampler from masks of `mask` size, which span the picture of `segmenter` with its padding, to the
    /// picture of `encoder`. A mask that spans the whole frame, such as one from a file, has the geometry
    /// `Resize::Squash`.
    ///
    /// # Errors
    /// Returns an error if the two geometries have different frame sizes.
    pub fn new(mask: Size, segmenter: &Geometry, encoder: &Geometry) -> Result<Self> {
        segmenter.source().expect(encoder.source(), Stage::Mask)?;
        let horizontal = FilterWeights::of_mask(mask.width(), segmenter.horizontal, encoder.horizontal);
        let mut vertical = FilterWeights::of_mask(mask.height(), segmenter.vertical, encoder.vertical);
        let rows = vertical.sources();
        vertical.renumber(&rows);
        let intermediate = vec![0.0; rows.len() * encoder.target().width() as usize];
        Ok(Self { mask, target: encoder.target(), rows, horizontal, vertical, intermediate })
    }

    /// Resamples `mask` to `crop`, a mask of the encoder's size. Pixels outside the segmenter's picture or the frame
    /// become 0.
    ///
    /// # Errors
    /// Returns an error if a mask has another size.
    pub fn apply(&mut self, mask: &Mask, crop: &mut Mask) -> Result<()> {
        self.mask.expect(mask.size(), Stage::Mask)?;
        self.target.expect(crop.size(), Stage::Mask)?;
        self.resample_rows(mask.probabilities());
        self.resample_columns(crop.probabilities_mut());
        Ok(())
    }

    /// Returns the mask rows that are read, the taps along rows, and the taps along columns, which index these rows.
    #[cfg(feature = "gpu")]
    pub(crate) fn passes(&self) -> (&[usize], &FilterWeights<f32>, &FilterWeights<f32>) {
        (&self.rows, &self.horizontal, &self.vertical)
    }

    fn resample_rows(&mut self, mask: &[f32]) {
        let stride = self.mask.width() as usize;
        let intermediate = self.intermediate.chunks_exact_mut(self.target.width() as usize);
        for (&row, intermediate) in self.rows.iter().zip(intermediate) {
            let mask = &mask[row * stride..][..stride];
            for (p, (first, weights)) in intermediate.iter_mut().zip(self.horizontal.iter()) {
                *p = mask[first..].iter().zip(weights).map(|(p, weight)| p * weight).sum();
            }
        }
    }

    fn resample_columns(&self, crop: &mut [f32]) {
        let width = self.target.width() as usize;
        for (target, (first, weights)) in crop.chunks_exact_mut(width).zip(self.vertical.iter()) {
            target.fill(0.0);
            for (row, weight) in self.intermediate.chunks_exact(width).skip(first).zip(weights) {
                for (p, value) in target.iter_mut().zip(row) {
                    *p += weight * value;
                }
            }
        }
    }
}
