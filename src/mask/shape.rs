//! Binary masks.

use super::{Mask, PixelBox, Size};
use crate::error::{Result, Stage};
use alloc::vec;
use alloc::vec::Vec;

/// A binary mask, `[height, width]`: M in {0,1}^(HxW) of Eq. 1 to 6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    size: Size,
    pixels: Vec<bool>,
}

impl Shape {
    /// Creates an empty shape. Its memory is reused for every frame.
    pub fn new(size: Size) -> Self {
        Self { size, pixels: vec![false; size.area()] }
    }

    /// Returns width and height.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Returns the pixels, row by row.
    pub fn pixels(&self) -> &[bool] {
        &self.pixels
    }

    /// Returns the mutable pixels, row by row.
    pub fn pixels_mut(&mut self) -> &mut [bool] {
        &mut self.pixels
    }

    /// Returns the area as a fraction of the picture, in 0..=1.
    pub fn area(&self) -> f32 {
        let covered = self.pixels.iter().filter(|&&pixel| pixel).count();
        (covered as f64 / self.size.area() as f64) as f32
    }

    /// Empties the shape.
    pub fn clear(&mut self) {
        self.pixels.fill(false);
    }

    /// Sets the pixels where `mask` is above `threshold`, and clears the others.
    ///
    /// # Errors
    /// Returns an error if the sizes differ.
    pub fn threshold(&mut self, mask: &Mask, threshold: f32) -> Result<()> {
        self.size.expect(mask.size, Stage::Mask)?;
        for (pixel, p) in self.pixels.iter_mut().zip(&mask.probabilities) {
            *pixel = *p > threshold;
        }
        Ok(())
    }

    /// Becomes a copy of `other`.
    ///
    /// # Errors
    /// Returns an error if the sizes differ.
    pub fn copy_from(&mut self, other: &Shape) -> Result<()> {
        self.size.expect(other.size, Stage::Mask)?;
        self.pixels.copy_from_slice(&other.pixels);
        Ok(())
    }

    /// Flips every pixel: `1 - M`.
    pub fn complement(&mut self) {
        for pixel in &mut self.pixels {
            *pixel = !*pixel;
        }
    }

    /// Adds the pixels of `other`.
    ///
    /// # Errors
    /// Returns an error if the sizes differ.
    pub fn union(&mut self, other: &Shape) -> Result<()> {
        self.size.expect(other.size, Stage::Mask)?;
        or_into(&mut self.pixels, &other.pixels);
        Ok(())
    }

    /// Removes the pixels of `other`.
    ///
    /// # Errors
    /// Returns an error if the sizes differ.
    pub fn subtract(&mut self, other: &Shape) -> Result<()> {
        self.size.expect(other.size, Stage::Mask)?;
        for (pixel, other) in self.pixels.iter_mut().zip(&other.pixels) {
            *pixel &= !other;
        }
        Ok(())
    }

    /// Adds the pixels inside `boxes`, clipped to the picture.
    pub fn union_boxes(&mut self, boxes: &[PixelBox]) {
        let width = self.size.width() as usize;
        for area in boxes.iter().filter_map(|area| area.clipped(self.size)) {
            let rows = self.pixels.chunks_exact_mut(width).take(area.bottom as usize).skip(area.top as usize);
            rows.for_each(|row| row[area.left as usize..area.right as usize].fill(true));
        }
    }
}

/// Sets the pixels that are set in `others`.
pub(super) fn or_into(pixels: &mut [bool], others: &[bool]) {
    for (pixel, other) in pixels.iter_mut().zip(others) {
        *pixel |= other;
    }
}
