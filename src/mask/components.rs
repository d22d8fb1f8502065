//! Connected components of a shape.

use super::{Boxes, MAX_BOXES, PixelBox, Shape, Size};
use crate::error::{Result, Stage};
use alloc::vec::Vec;

/// Finds the 8-connected components of a shape, row by row: a run of pixels joins the components of the runs it
/// touches above.
#[derive(Clone, Debug)]
pub struct Components {
    size: Size,
    above: Vec<PixelRun>,
    row: Vec<PixelRun>,
    found: Vec<Component>,
}

/// Neighbouring pixels of one row, `right` exclusive, and the index of their component.
#[derive(Clone, Copy, Debug)]
struct PixelRun {
    left: u32,
    right: u32,
    component: usize,
}

/// A node of the union-find forest. Only a root, whose `parent` is its own index, has the whole area and box.
#[derive(Clone, Copy, Debug)]
struct Component {
    parent: usize,
    area: usize,
    bounds: PixelBox,
}

impl Components {
    /// Allocates memory for shapes of `size`.
    pub fn new(size: Size) -> Self {
        let (columns, rows) = (size.width().div_ceil(2) as usize, size.height().div_ceil(2) as usize);
        Self {
            size,
            above: Vec::with_capacity(columns),
            row: Vec::with_capacity(columns),
            // A run that touches no run above starts a component, and no two of them start in one 2x2 block.
            found: Vec::with_capacity(columns * rows),
        }
    }

    /// Writes the boxes of all components of at least [`MIN_COMPONENT_AREA`](super::MIN_COMPONENT_AREA) to `boxes`,
    /// from top to bottom.
    ///
    /// # Errors
    /// Returns an error if `shape` has another size.
    pub fn boxes(&mut self, shape: &Shape, boxes: &mut Boxes) -> Result<()> {
        self.size.expect(shape.size(), Stage::Mask)?;
        self.above.clear();
        self.found.clear();
        for (y, pixels) in shape.pixels().chunks_exact(self.size.width() as usize).enumerate() {
            self.scan(y as u32, pixels);
        }
        self.collect(boxes);
        Ok(())
    }

    fn scan(&mut self, y: u32, pixels: &[bool]) {
        self.row.clear();
        let (mut from, mut passed) = (0, 0);
        while let Some((left, right)) = next_run(pixels, from) {
            let bounds = PixelBox { left: left as u32, top: y, right: right as u32, bottom: y + 1 };
            passed += self.above[passed..].iter().take_while(|above| above.right < bounds.left).count();
            let component = self.join(bounds, passed);
            self.row.push(PixelRun { left: bounds.left, right: bounds.right, component });
            from = right;
        }
        core::mem::swap(&mut self.above, &mut self.row);
    }

    /// Joins a run with the components that touch it from above, also diagonally, and returns the result's index.
    fn join(&mut self, run: PixelBox, first_above: usize) -> usize {
        let area = (run.right - run.left) as usize;
        let mut component = Component { parent: self.found.len(), area, bounds: run };
        for above in self.above[first_above..].iter().take_while(|above| above.left <= run.right) {
            let root = root(&mut self.found, above.component);
            component = joined(&mut self.found, component, root);
        }
        if component.parent == self.found.len() {
            self.found.push(component);
        } else {
            self.found[component.parent] = component;
        }
        component.parent
    }

    fn collect(&self, boxes: &mut Boxes) {
        boxes.clear();
        let roots = self.found.iter().enumerate().filter(|(index, component)| component.parent == *index);
        let large = roots.filter(|(_, component)| component.area * MAX_BOXES >= self.size.area());
        // The areas add up to at most one picture, so `take` drops nothing.
        boxes.extend(large.map(|(_, component)| component.bounds).take(MAX_BOXES));
    }
}

/// Returns the first run of set pixels from `from` on, its end exclusive.
fn next_run(pixels: &[bool], from: usize) -> Option<(usize, usize)> {
    let left = from + pixels[from..].iter().position(|&pixel| pixel)?;
    let length = pixels[left..].iter().position(|&pixel| !pixel).unwrap_or(pixels.len() - left);
    Some((left, left + length))
}

/// Returns the root of `index` and shortens the path to it (path halving).
fn root(found: &mut [Component], mut index: usize) -> usize {
    while found[index].parent != index {
        found[index].parent = found[found[index].parent].parent;
        index = found[index].parent;
    }
    index
}

/// Joins `component` with the one at `root`. The smaller index becomes the root, which keeps the order from top to
/// bottom.
fn joined(found: &mut [Component], component: Component, root: usize) -> Component {
    if component.parent == root {
        return component;
    }
    let parent = component.parent.min(root);
    let (area, bounds) = (component.area + found[root].area, component.bounds.around(found[root].bounds));
    found[root].parent = parent;
    if let Some(other) = found.get_mut(component.parent) {
        other.parent = parent;
    }
    Component { parent, area, bounds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finding_components_allocates_no_memory() {
        let mut grid = Shape::new(Size::new(50, 40).unwrap());
        for (i, pixel) in grid.pixels_mut().iter_mut().enumerate() {
            *pixel = (i / 50) % 2 == 0 && (i % 50) % 2 == 0;
        }
        let mut components = Components::new(grid.size());
        let capacity = components.found.capacity();
        let mut boxes = Boxes::new();
        components.boxes(&grid, &mut boxes).unwrap();
        assert_eq!(boxes.len(), 0, "each pixel is 1/2000");
        assert_eq!((components.found.len(), components.found.capacity()), (500, capacity));
    }
}
