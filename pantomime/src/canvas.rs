//! Rasterises polygons into two pictures at once: the colours, and the owner of each pixel.

use crate::colour::Colour;
use figureground::mask::Size;
use std::f32::consts::FRAC_1_SQRT_2;
use tiny_skia::{Color, FillRule, Paint, Path, PathBuilder, Pixmap, PremultipliedColorU8, Shader, Transform};

/// A position in the picture, in pixels.
pub(crate) type Point = [f32; 2];

/// The owner of the pixels that a polygon covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Keeps the owner: for shades and patterns inside a shape that was drawn before.
    Unchanged,
    /// The person with this index.
    Person(usize),
    /// The object of the person with this index.
    Object(usize),
}

/// Owners in one picture: its colour channels.
const CHANNELS: usize = 3;

impl Owner {
    /// Returns the index of the picture and of its channel that hold the owner's coverage.
    fn channel(self) -> Option<(usize, usize)> {
        let index = match self {
            Self::Unchanged => return None,
            Self::Person(person) => 2 * person,
            Self::Object(person) => 2 * person + 1,
        };
        Some((index / CHANNELS, index % CHANNELS))
    }
}

/// Transparent pictures to draw on; their memory is reused for all frames.
#[derive(Clone, Debug)]
pub(crate) struct Canvas {
    colours: Pixmap,
    owners: Vec<Pixmap>,
    path: PathBuilder,
}

impl Canvas {
    /// Creates an empty canvas for some people and their objects.
    pub(crate) fn new(size: Size, people: usize) -> Self {
        let pixmap = Pixmap::new(size.width(), size.height()).expect("a Size is neither empty nor too large");
        let owners = vec![pixmap.clone(); (2 * people).div_ceil(CHANNELS)];
        Self { colours: pixmap, owners, path: PathBuilder::new() }
    }

    /// Makes all pixels transparent.
    pub(crate) fn clear(&mut self) {
        self.colours.data_mut().fill(0);
        self.owners.iter_mut().for_each(|owners| owners.data_mut().fill(0));
    }

    /// Returns the premultiplied colours.
    pub(crate) fn colours(&self) -> &[PremultipliedColorU8] {
        self.colours.pixels()
    }

    /// Returns how much `owner` covers of the pixel at an index, 0 to 255.
    pub(crate) fn coverage(&self, owner: Owner, pixel: usize) -> u8 {
        let Some((picture, channel)) = owner.channel() else { return 0 };
        let colour = self.owners[picture].pixels()[pixel];
        [colour.red(), colour.green(), colour.blue()][channel]
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
        fill(&mut self.colours, &path, solid);
        if let Some((picture, channel)) = owner.channel() {
            // The owner's channel rises to full coverage, and all others fall to none.
            for (index, pixmap) in self.owners.iter_mut().enumerate() {
                let mark = |of: usize| if (index, of) == (picture, channel) { 255 } else { 0 };
                fill(pixmap, &path, Color::from_rgba8(mark(0), mark(1), mark(2), 255));
            }
        }
        self.path = path.clear();
    }
}

fn fill(pixmap: &mut Pixmap, path: &Path, ink: Color) {
    let paint = Paint { shader: Shader::SolidColor(ink), anti_alias: true, ..Paint::default() };
    pixmap.fill_path(path, &paint, FillRule::Winding, Transform::identity(), None);
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
        let mut canvas = Canvas::new(Size::new(4, 4).unwrap(), 2);
        let all = [[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]];
        canvas.fill(&all, Colour([1.0, 0.0, 0.0]), 1.0, Owner::Person(1));
        canvas.fill(&[[0.0, 0.0], [2.0, 0.0], [2.0, 4.0], [0.0, 4.0]], Colour([0.0; 3]), 1.0, Owner::Object(0));
        canvas.fill(&all, Colour([1.0; 3]), 0.5, Owner::Unchanged);
        let owners = [Owner::Person(0), Owner::Object(0), Owner::Person(1), Owner::Object(1)];
        assert_eq!(owners.map(|owner| canvas.coverage(owner, 0)), [0, 255, 0, 0]);
        assert_eq!(owners.map(|owner| canvas.coverage(owner, 3)), [0, 0, 255, 0]);
    }
}
