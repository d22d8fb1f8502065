//! Dilation of shapes.

use super::shape::or_into;
use super::{Shape, Size};
use crate::error::Result;

/// Repeated dilation by a 3x3 cross: `n` iterations add every pixel within `n` steps up, down, left or right.
///
/// A mask that is too small leaves a rim of the person in the Background view; HAT dilates 4 times.
#[derive(Clone, Debug)]
pub struct Dilation {
    iterations: u32,
    before: Shape,
}

impl Dilation {
    /// Creates a dilation of `iterations` for shapes of `size`.
    pub fn new(size: Size, iterations: u32) -> Self {
        Self { iterations, before: Shape::new(size) }
    }

    /// Dilates `shape`.
    ///
    /// # Errors
    /// Returns an error if `shape` has another size.
    pub fn apply(&mut self, shape: &mut Shape) -> Result<()> {
        let width = shape.size().width() as usize;
        for _ in 0..self.iterations {
            self.before.copy_from(shape)?;
            dilate_horizontally(self.before.pixels(), shape.pixels_mut(), width);
            dilate_vertically(self.before.pixels(), shape.pixels_mut(), width);
        }
        Ok(())
    }
}

fn dilate_horizontally(before: &[bool], after: &mut [bool], width: usize) {
    for (before, after) in before.chunks_exact(width).zip(after.chunks_exact_mut(width)) {
        or_into(&mut after[1..], &before[..width - 1]);
        or_into(&mut after[..width - 1], &before[1..]);
    }
}

fn dilate_vertically(before: &[bool], after: &mut [bool], width: usize) {
    let last = before.len() - width;
    or_into(&mut after[width..], &before[..last]);
    or_into(&mut after[..last], &before[width..]);
}
