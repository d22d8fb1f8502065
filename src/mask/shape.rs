//! Yes or no per pixel.

use super::{Mask, PixelBox, Size};
use crate::error::{Result, Stage};
use alloc::vec;
use alloc::vec::Vec;

/// Yes or no per pixel, `[height, width]`: the M in {0,1}^(HxW) of Eq. 1 to 6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    size: Size,
    pixels: Vec<bool>,
}

impl Shape {
    /// An empty shape; its memory is kept from frame to frame.
    pub fn new(size: Size) -> Self {
        Self { size, pixels: vec![false; size.area()] }
    }

    /// Width and height.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Pixels, row by row.
    pub fn pixels(&self) -> &[bool] {
        &self.pixels
    }

    /// Pixels to write, row by row.
    pub fn pixels_mut(&mut self) -> &mut [bool] {
        &mut self.pixels
    }

    /// The fraction of the picture that the shape covers, in 0..=1.
    pub fn area(&self) -> f32 {
        let covered = self.pixels.iter().filter(|&&pixel| pixel).count();
        (covered as f64 / self.size.area() as f64) as f32
    }

    /// Empties the shape.
    pub fn clear(&mut self) {
        self.pixels.fill(false);
    }

    /// Becomes the pixels of `mask` above `threshold`.
    ///
    /// # Errors
    /// When the sizes differ.
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
    /// When the sizes differ.
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
    /// When the sizes differ.
    pub fn union(&mut self, other: &Shape) -> Result<()> {
        self.size.expect(other.size, Stage::Mask)?;
        or_into(&mut self.pixels, &other.pixels);
        Ok(())
    }

    /// Takes the pixels of `other` away.
    ///
    /// # Errors
    /// When the sizes differ.
    pub fn subtract(&mut self, other: &Shape) -> Result<()> {
        self.size.expect(other.size, Stage::Mask)?;
        for (pixel, other) in self.pixels.iter_mut().zip(&other.pixels) {
            *pixel &= !other;
        }
        Ok(())
    }

    /// Adds the pixels inside `boxes`; what lies outside the picture is left out.
    pub fn union_boxes(&mut self, boxes: &[PixelBox]) {
        let width = self.size.width() as usize;
        for area in boxes.iter().filter_map(|area| area.clipped(self.size)) {
            let rows = self.pixels.chunks_exact_mut(width).take(area.bottom as usize).skip(area.top as usize);
            rows.for_each(|row| row[area.left as usize..area.right as usize].fill(true));
        }
    }
}

/// Sets each pixel that is set in `others`.
pub(super) fn or_into(pixels: &mut [bool], others: &[bool]) {
    for (pixel, other) in pixels.iter_mut().zip(others) {
        *pixel |= other;
    }
}

/// A shape drawn in text, `#` where it is, for tests.
#[cfg(test)]
pub(super) fn drawn(rows: &[&str]) -> Shape {
    let size = Size::new(rows[0].len() as u32, rows.len() as u32).unwrap();
    let pixels = rows.iter().flat_map(|row| row.bytes().map(|byte| byte == b'#')).collect();
    Shape { size, pixels }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_of_different_size_do_not_mix() {
        let small = Shape::new(Size::new(2, 2).unwrap());
        assert!(Shape::new(Size::new(4, 1).unwrap()).union(&small).is_err());
    }

    #[test]
    fn boxes_that_leave_the_picture_are_cut_to_it() {
        let mut hidden = Shape::new(Size::new(3, 2).unwrap());
        hidden.union_boxes(&[
            PixelBox { left: 2, top: 1, right: 900, bottom: 900 },
            PixelBox { left: 7, top: 0, right: 9, bottom: 1 },
            PixelBox { left: 1, top: 1, right: 0, bottom: 0 },
        ]);
        assert_eq!(hidden, drawn(&["...", "..#"]));
    }
}
