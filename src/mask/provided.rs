//! Masks and boxes that a source provides with a frame.

use super::{Mask, PixelBox};
use alloc::vec::Vec;

/// A pixel of a provided mask is a person or object above this probability: HAT's 128 of 255.
pub const PROVIDED_THRESHOLD: f32 = 128.0 / 255.0;

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
