//! What is to be drawn of people and things, sorted by depth before it reaches the canvas.

use crate::camera::Camera;
use crate::canvas::{Canvas, Owner, Point, band};
use crate::colour::Colour;
use crate::light::Light;
use crate::vector::Vector;

/// One polygon.
#[derive(Clone, Debug)]
struct Fill {
    points: Vec<Point>,
    colour: Colour,
    owner: Owner,
}

/// Groups of polygons, each with a depth; a group is drawn in the order it was given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts {
    fills: Vec<Fill>,
    groups: Vec<(f32, usize)>,
}

impl Parts {
    /// Opens a group at `depth` metres from the camera.
    pub(crate) fn group(&mut self, depth: f32) {
        self.groups.push((depth, self.fills.len()));
    }

    /// Adds a polygon to the open group.
    pub(crate) fn add(&mut self, points: Vec<Point>, colour: Colour, owner: Owner) {
        self.fills.push(Fill { points, colour, owner });
    }

    /// Draws everything, the farthest group first, and forgets it.
    pub(crate) fn draw(&mut self, canvas: &mut Canvas) {
        let ends = self.groups.iter().skip(1).map(|group| group.1).chain([self.fills.len()]);
        let mut order: Vec<_> =
            self.groups.iter().zip(ends).map(|(&(depth, start), end)| (depth, start..end)).collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0));
        for fill in order.into_iter().flat_map(|(_, range)| &self.fills[range]) {
            canvas.fill(&fill.points, fill.colour, 1.0, fill.owner);
        }
        self.fills.clear();
        self.groups.clear();
    }
}

/// Of a rounded body: radius, shift towards the light, and how far it is turned to it.
const SHADES: [(f32, f32, f32); 3] = [(1.0, 0.0, -1.0), (0.8, 0.17, 0.0), (0.46, 0.42, 0.8)];

/// Puts bodies that are round into [`Parts`], as a camera sees them in some light.
#[derive(Debug)]
pub(crate) struct Modeller<'a> {
    pub(crate) camera: &'a Camera,
    pub(crate) light: &'a Light,
    pub(crate) parts: &'a mut Parts,
}

impl Modeller<'_> {
    /// Opens a group at the depth of `point`, brought `nearer` by some metres.
    pub(crate) fn group(&mut self, point: Vector, nearer: f32) {
        let depth = self.camera.project(point).depth;
        self.parts.group(depth - nearer);
    }

    /// Where balls are in the picture, and their radii in pixels.
    fn seen(&self, balls: &[(Vector, f32)]) -> Vec<(Point, f32)> {
        let seen = balls.iter().map(|&(centre, radius)| (self.camera.project(centre), radius));
        seen.map(|(spot, radius)| ([spot.x, spot.y], radius * spot.scale)).collect()
    }

    /// A body around balls, each given by its centre and radius in metres, shaded at one side.
    pub(crate) fn body(&mut self, balls: &[(Vector, f32)], colour: Colour) {
        let seen = self.seen(balls);
        for (index, (size, shift, turned)) in SHADES.into_iter().enumerate() {
            let [x, y] = self.light.from.map(|from| from * shift);
            let circles: Vec<_> =
                seen.iter().map(|&([cx, cy], r)| ([cx + x * r, cy + y * r], (r * size).max(0.3))).collect();
            let owner = if index == 0 { Owner::Person } else { Owner::Unchanged };
            self.parts.add(band(&circles), self.light.on(colour, turned), owner);
        }
    }

    /// A flat patch on something drawn before.
    pub(crate) fn patch(&mut self, balls: &[(Vector, f32)], colour: Colour, turned: f32) {
        let seen = self.seen(balls);
        self.parts.add(band(&seen), self.light.on(colour, turned), Owner::Unchanged);
    }
}
