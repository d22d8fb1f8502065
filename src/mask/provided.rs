//! What is known of a frame's people and objects before any segmenter looks at it.

use super::{Mask, PixelBox};
use alloc::vec::Vec;

/// Above this a pixel of a known mask is a person or object: HAT's 128 of 255.
pub const PROVIDED_THRESHOLD: f32 = 128.0 / 255.0;

/// Masks and boxes that come with a frame, at the frame's size.
#[derive(Clone, Debug, PartialEq)]
pub struct ProvidedMasks {
    /// Person probability.
    pub person: Mask,
    /// Boxes around people; where there are none, they are found around the person's pixels.
    pub person_boxes: Vec<PixelBox>,
    /// Object probability.
    pub objects: Option<Mask>,
    /// Boxes around objects.
    pub object_boxes: Vec<PixelBox>,
}
