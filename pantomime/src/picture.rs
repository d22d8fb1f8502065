//! A drawn frame with its exact masks and boxes.

use figureground::mask::{PixelBox, Shape, Size};

/// RGB8 pixels with exact masks and boxes of the person and the objects.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Width and height of pixels and masks.
    pub size: Size,
    /// Pixels `[height, width, 3]`, row by row.
    pub rgb: Vec<u8>,
    /// The visible part of the person: pixels that it covers by more than half.
    pub person: Shape,
    /// The smallest box around [`Picture::person`], if any of it is visible.
    pub person_box: Option<PixelBox>,
    /// The visible part of all objects.
    pub objects: Shape,
    /// The smallest box around each object that is visible.
    pub object_boxes: Vec<PixelBox>,
}

impl Picture {
    /// Creates a black picture; its memory is reused for all frames.
    pub fn new(size: Size) -> Self {
        Self {
            size,
            rgb: vec![0; 3 * size.area()],
            person: Shape::new(size),
            person_box: None,
            objects: Shape::new(size),
            object_boxes: Vec::with_capacity(1),
        }
    }

    /// Resizes the picture to `size`.
    pub(crate) fn fit(&mut self, size: Size) {
        if self.size != size {
            *self = Self::new(size);
        }
    }

    /// Sets the boxes of both masks; a clip has at most one object.
    pub(crate) fn find_boxes(&mut self) {
        self.person_box = bounds(&self.person);
        self.object_boxes.clear();
        self.object_boxes.extend(bounds(&self.objects));
    }
}

/// Returns the smallest box around `shape`.
fn bounds(shape: &Shape) -> Option<PixelBox> {
    let rows = shape.pixels().chunks_exact(shape.size().width() as usize);
    rows.zip(0..)
        .filter_map(|(row, top)| {
            let left = row.iter().position(|&pixel| pixel)? as u32;
            let right = row.iter().rposition(|&pixel| pixel)? as u32 + 1;
            Some(PixelBox { left, top, right, bottom: top + 1 })
        })
        .reduce(PixelBox::around)
}
