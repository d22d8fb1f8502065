//! A drawn frame with its exact masks and boxes.

use figureground::mask::{PixelBox, Shape, Size};

/// The visible part of one person.
#[derive(Clone, Debug, PartialEq)]
pub struct VisiblePerson {
    /// Pixels that people cover by more than half, and this person more than any other; empty if all of it is hidden.
    pub shape: Shape,
    /// The smallest box around [`VisiblePerson::shape`], if any of it is visible.
    pub bounds: Option<PixelBox>,
}

/// RGB8 pixels with exact masks and boxes of people and objects.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Width and height of pixels and masks.
    pub size: Size,
    /// Pixels `[height, width, 3]`, row by row.
    pub rgb: Vec<u8>,
    /// The visible part of the person, or of all people: pixels that they cover by more than half.
    pub person: Shape,
    /// The smallest box around [`Picture::person`], if any of it is visible.
    pub person_box: Option<PixelBox>,
    /// Each person, in the order of their indices; no two shapes overlap, and [`Picture::person`] is their union.
    pub people: Vec<VisiblePerson>,
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
            people: Vec::with_capacity(1),
            objects: Shape::new(size),
            object_boxes: Vec::with_capacity(1),
        }
    }

    /// Resizes the picture to `size` and some people.
    pub(crate) fn fit(&mut self, size: Size, people: usize) {
        if self.size != size {
            *self = Self::new(size);
        }
        self.people.resize_with(people, || VisiblePerson { shape: Shape::new(size), bounds: None });
    }

    /// Sets the boxes of people.
    pub(crate) fn find_boxes(&mut self) {
        self.people.iter_mut().for_each(|person| person.bounds = bounds(&person.shape));
        self.person_box = self.people.iter().filter_map(|person| person.bounds).reduce(PixelBox::around);
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
