//! The outline of a shape, visible on any background: a bright line inside its border and a dark one outside.

use crate::mask::Shape;
use embedded_graphics::prelude::Point;

/// Width of the bright line, in pixels of the panel.
const LINE: i64 = 2;
/// Width of the dark line around it.
const HALO: i64 = 1;

/// A pixel of the outline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutlinePixel {
    /// A pixel of the shape, at most two pixels from its border or that of the picture.
    Line,
    /// A pixel next to the shape.
    Halo,
}

/// The outline of a shape enlarged by `scale`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outline<'a> {
    shape: &'a Shape,
    scale: i64,
}

impl<'a> Outline<'a> {
    /// Creates the outline of `shape` enlarged by `scale`.
    pub(super) fn new(shape: &'a Shape, scale: u32) -> Self {
        Self { shape, scale: i64::from(scale) }
    }

    /// Returns the pixels of the outline, relative to the corner of the panel.
    pub(super) fn strokes(self) -> impl Iterator<Item = (Point, OutlinePixel)> + use<'a> {
        let [width, height] = self.sides();
        let positions = (0..height).flat_map(move |y| (0..width).map(move |x| (x, y)));
        positions.filter_map(move |(x, y)| Some((Point::new(x as i32, y as i32), self.stroke(x, y)?)))
    }

    fn stroke(self, x: i64, y: i64) -> Option<OutlinePixel> {
        if self.covers(x, y) {
            self.is_near(x, y, LINE, false).then_some(OutlinePixel::Line)
        } else {
            self.is_near(x, y, HALO, true).then_some(OutlinePixel::Halo)
        }
    }

    /// Returns whether a pixel within `reach` has the given coverage.
    fn is_near(self, x: i64, y: i64, reach: i64, covered: bool) -> bool {
        let mut rows = y - reach..=y + reach;
        rows.any(|y| (x - reach..=x + reach).any(|x| self.covers(x, y) == covered))
    }

    /// Returns whether the shape covers a pixel; never outside the picture.
    fn covers(self, x: i64, y: i64) -> bool {
        let [width, height] = self.sides();
        if !(0..width).contains(&x) || !(0..height).contains(&y) {
            return false;
        }
        let (column, row) = ((x / self.scale) as usize, (y / self.scale) as usize);
        self.shape.pixels()[row * self.shape.size().width() as usize + column]
    }

    fn sides(self) -> [i64; 2] {
        let size = self.shape.size();
        [size.width(), size.height()].map(|side| i64::from(side) * self.scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::Size;

    /// The outline in text: `#` line, `+` halo.
    fn drawn(rows: &[&str], scale: u32) -> Vec<String> {
        let size = Size::new(rows[0].len() as u32, rows.len() as u32).unwrap();
        let mut shape = Shape::new(size);
        let pixels = shape.pixels_mut().iter_mut().zip(rows.iter().flat_map(|row| row.bytes()));
        pixels.for_each(|(pixel, byte)| *pixel = byte == b'#');
        let mut lines = vec![vec![b'.'; (size.width() * scale) as usize]; (size.height() * scale) as usize];
        for (at, stroke) in Outline::new(&shape, scale).strokes() {
            lines[at.y as usize][at.x as usize] = if stroke == OutlinePixel::Line { b'#' } else { b'+' };
        }
        lines.into_iter().map(|line| String::from_utf8(line).unwrap()).collect()
    }

    #[test]
    fn an_outline_follows_the_border_of_the_shape_only() {
        let expected = [
            "..........",
            ".++++++++.",
            ".+######+.",
            ".+######+.",
            ".+##..##+.",
            ".+##..##+.",
            ".+######+.",
            ".+######+.",
            ".++++++++.",
            "..........",
        ];
        assert_eq!(drawn(&[".....", ".###.", ".###.", ".###.", "....."], 2), expected);
    }

    #[test]
    fn a_shape_that_fills_the_picture_has_an_outline_and_an_empty_one_has_none() {
        assert_eq!(drawn(&["##"], 5), ["##########", "##########", "##......##", "##########", "##########"]);
        assert_eq!(drawn(&[".."], 2), ["....", "...."]);
    }
}
