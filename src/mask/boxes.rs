//! Bounding boxes.

use super::Size;

/// The most boxes of a picture: the component of a box covers at least 1/500 of it ([`MIN_COMPONENT_AREA`]).
pub const MAX_BOXES: usize = 500;
/// Area of the smallest component with a box, as a fraction of the picture: 0.002.
pub const MIN_COMPONENT_AREA: f32 = 1.0 / MAX_BOXES as f32;

/// The boxes of one picture.
pub type Boxes = heapless::Vec<PixelBox, MAX_BOXES>;

/// A rectangle of whole pixels; `right` and `bottom` are exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelBox {
    /// First column.
    pub left: u32,
    /// First row.
    pub top: u32,
    /// First column to the right of the box.
    pub right: u32,
    /// First row below the box.
    pub bottom: u32,
}

impl PixelBox {
    /// Returns the part inside a picture of `size`, or `None` if it is empty.
    pub fn clipped(self, size: Size) -> Option<Self> {
        let (right, bottom) = (self.right.min(size.width()), self.bottom.min(size.height()));
        (self.left < right && self.top < bottom).then_some(Self { right, bottom, ..self })
    }

    /// Returns the smallest box around this one and `other`.
    #[must_use]
    pub fn around(self, other: Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }
}
