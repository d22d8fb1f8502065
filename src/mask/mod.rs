//! The location of people: probability masks ([`Mask`]), binary masks ([`Shape`]) and boxes ([`PixelBox`]).
//!
//! A segmenter writes a [`Mask`]. [`Mask::smooth`] smooths it over time, [`Shape::threshold`] makes it binary,
//! [`Dilation`] dilates it, and [`Components`] finds the boxes. [`Regions`] holds the result for the views. All planes
//! are `[height, width]`, row by row.

mod boxes;
mod components;
mod dilation;
mod shape;
mod size;

pub use boxes::{Boxes, MAX_BOXES, MIN_COMPONENT_AREA, PixelBox};
pub use components::Components;
pub use dilation::Dilation;
pub use shape::Shape;
pub use size::{MAX_PIXELS, Size};

use crate::error::{Error, Result, Stage};
use alloc::vec;
use alloc::vec::Vec;

/// A pixel of a provided mask is a person or object above this probability: HAT's 128 of 255.
pub const PROVIDED_THRESHOLD: f32 = 128.0 / 255.0;

/// Person probability per pixel, `[height, width]`, each in 0..=1.
#[derive(Clone, Debug, PartialEq)]
pub struct Mask {
    size: Size,
    probabilities: Vec<f32>,
}

impl Mask {
    /// Creates a mask without a person. Its memory is reused for every frame.
    pub fn new(size: Size) -> Self {
        Self { size, probabilities: vec![0.0; size.area()] }
    }

    /// Returns width and height.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Returns the probabilities, row by row.
    pub fn probabilities(&self) -> &[f32] {
        &self.probabilities
    }

    /// Returns the mutable probabilities, row by row.
    pub fn probabilities_mut(&mut self) -> &mut [f32] {
        &mut self.probabilities
    }

    /// Smooths over time: `p = (1 - weight) p + weight previous`. A `weight` of 0 changes nothing.
    ///
    /// # Errors
    /// Returns an error if the sizes differ, or `weight` is not in 0..1 (with 1 the mask would never change again).
    pub fn smooth(&mut self, previous: &Mask, weight: f32) -> Result<()> {
        self.size.expect(previous.size, Stage::Mask)?;
        if !(0.0..1.0).contains(&weight) {
            let expected = "a smoothing weight from 0 to below 1";
            return Err(Error::new(Stage::Mask, expected, weight, "choose another weight"));
        }
        for (p, previous) in self.probabilities.iter_mut().zip(&previous.probabilities) {
            let smoothed = (1.0 - weight) * *p + weight * previous;
            // NaN is not above 0 and becomes 0, so a bad frame does not spoil all later frames.
            *p = if smoothed > 0.0 { smoothed.min(1.0) } else { 0.0 };
        }
        Ok(())
    }
}

/// Pixels and boxes of people and objects in one picture, at the picture's size.
#[derive(Clone, Copy, Debug)]
pub struct Regions<'a> {
    /// Pixels of people.
    pub person: &'a Shape,
    /// Boxes around people.
    pub person_boxes: &'a [PixelBox],
    /// Pixels of objects, if known.
    pub objects: Option<&'a Shape>,
    /// Boxes around objects, empty if unknown.
    pub object_boxes: &'a [PixelBox],
}

/// Masks and boxes that a source provides with a frame, at the frame's size.
#[derive(Clone, Debug, PartialEq)]
pub struct ProvidedMasks {
    /// Person probability.
    pub person: Mask,
    /// Boxes around people; if empty, boxes are found around the person's pixels.
    pub person_boxes: Vec<PixelBox>,
    /// Object probability.
    pub objects: Option<Mask>,
    /// Boxes around objects.
    pub object_boxes: Vec<PixelBox>,
}
