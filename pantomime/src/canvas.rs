//! Rasterises polygons into two pictures at once: the colours, and the owner of each pixel.

use crate::colour::Colour;
use figureground::mask::Size;
use std::f32::consts::FRAC_1_SQRT_2;
use tiny_skia::{Color, FillRule, Paint, PathBuilder, Pixmap, PremultipliedColorU8, Shader, Transform};

/// A position in the picture, in pixels.
pub(crate) type Point = [f32; 2];

/// The owner of the pixels that a polygon covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Keeps the owner: for shades and patterns inside a shape that was drawn before.
    Unchanged,
    Person,
    Object,
}

impl Owner {
    fn mark(self) -> Option<Color> {
        match self {
            Self::Unchanged => None,
            Self::Person => Some(Color::from_rgba8(255, 0, 0, 255)),
            Self::Object => Some(Color::from_rgba8(0, 255, 0, 255)),
        }
    }
}

/// Transparent pictures to draw on; their memory is reused for all frames.
#[derive(Clone, Debug)]
pub(crate) struct Canvas {
    colours: Pixmap,
    owners: Pixmap,
    path: PathBuilder,
}

impl Canvas {
    /// Creates an empty canvas.
    pub(crate) fn new(size: Size) -> Self {
        let pixmap = Pixmap::new(size.width(), size.height()).expect("a Size is neither empty nor too large");
        Self { colours: pixmap.clone(), owners: pixmap, path: PathBuilder::new() }
    }

    /// Makes all pixels transparent.
    pub(crate) fn clear(&mut self) {
        self.colours.data_mut().fill(0);
        self.owners.data_mut().fill(0);
    }

    /// Returns the premultiplied colours.
    pub(crate) fn colours(&self) -> &[PremultipliedColorU8] {
        self.colours.pixels()
    }

    /// Returns the coverage per pixel, 0 to 255: the person's in red, the object's in green.
    pub(crate) fn owners(&self) -> &[PremultipliedColorU8] {
        self.owners.pixels()
    }

    /// Fills a polygon with a colour of `opacity` 0 to 1.
    pub(crate) fn fill(&mut self, points: &[Point], colour: Colour, opacity: f32, owner: Owner) {
        let mut builder = std::mem::take(&mut self.path);
        for (index, [x, y]) in points.iter().enumerate() {
            if index == 0 { builder.move_to(*x, *y) } else { builder.line_to(*x, *y) }
        }
        builder.close();
        let Some(path) = builder.finish() else { return };
        let [red, green, blue] = colour.bytes();
        let solid = Color::from_rgba8(red, green, blue, (opacity * 255.0 + 0.5) as u8);
        for (pixmap, ink) in [(&mut self.colours, Some(solid)), (&mut self.owners, owner.mark())] {
            let Some(ink) = ink else { continue };
            let paint = Paint { shader: Shader::SolidColor(ink), anti_alias: true, ..Paint::default() };
            pixmap.fill_path(&path, &paint, FillRule::Winding, Transform::identity(), None);
        }
        self.path = path.clear();
    }
}

/// Cosine and sine of a sixteenth of a turn.
const COS_22: f32 = 0.923_88;
const SIN_22: f32 = 0.382_68;

/// Unit vectors at multiples of a sixteenth of a turn.
const DIRECTIONS: [Point; 16] = [
    [1.0, 0.0],
    [COS_22, SIN_22],
    [FRAC_1_SQRT_2, FRAC_1_SQRT_2],
    [SIN_22, COS_22],
    [0.0, 1.0],
    [-SIN_22, COS_22],
    [-FRAC_1_SQRT_2, FRAC_1_SQRT_2],
    [-COS_22, SIN_22],
    [-1.0, 0.0],
    [-COS_22, -SIN_22],
    [-FRAC_1_SQRT_2, -FRAC_1_SQRT_2],
    [-SIN_22, -COS_22],
    [0.0, -1.0],
    [SIN_22, -COS_22],
    [FRAC_1_SQRT_2, -FRAC_1_SQRT_2],
    [COS_22, -SIN_22],
];

/// Returns the points of an ellipse with radii `a` and `b`.
pub(crate) fn ellipse([x, y]: Point, a: f32, b: f32) -> [Point; 16] {
    DIRECTIONS.map(|[cos, sin]| [x + a * cos, y + b * sin])
}

/// Returns the convex hull of circles, each given by its centre and radius.
pub(crate) fn hull(circles: &[(Point, f32)]) -> Vec<Point> {
    let mut points: Vec<Point> = circles.iter().flat_map(|&(centre, radius)| ellipse(centre, radius, radius)).collect();
    points.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    let mut outline = half_outline(points.iter());
    outline.extend(half_outline(points.iter().rev()));
    outline
}

/// Returns one side of the convex hull of sorted points, without its last point.
fn half_outline<'a>(points: impl Iterator<Item = &'a Point>) -> Vec<Point> {
    let mut side: Vec<Point> = Vec::with_capacity(20);
    for &point in points {
        while let [.., a, b] = side[..]
            && (b[0] - a[0]) * (point[1] - a[1]) <= (b[1] - a[1]) * (point[0] - a[0])
        {
            side.pop();
        }
        side.push(point);
    }
    side.pop();
    side
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hull_of_one_circle_is_the_circle() {
        assert_eq!(hull(&[([5.0, 5.0], 2.0)]).len(), 16);
    }

    #[test]
    fn the_last_polygon_with_an_owner_owns_the_pixel() {
        let mut canvas = Canvas::new(Size::new(4, 4).unwrap());
        let all = [[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]];
        canvas.fill(&all, Colour([1.0, 0.0, 0.0]), 1.0, Owner::Person);
        canvas.fill(&[[0.0, 0.0], [2.0, 0.0], [2.0, 4.0], [0.0, 4.0]], Colour([0.0; 3]), 1.0, Owner::Object);
        canvas.fill(&all, Colour([1.0; 3]), 0.5, Owner::Unchanged);
        let owners = canvas.owners();
        assert_eq!((owners[0].red(), owners[0].green()), (0, 255));
        assert_eq!((owners[3].red(), owners[3].green()), (255, 0));
    }
}
