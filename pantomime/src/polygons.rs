//! The polygons of people and objects, sorted by depth before they are drawn.

use crate::camera::Camera;
use crate::canvas::{Canvas, Owner, Point, hull};
use crate::colour::Colour;
use crate::light::Light;
use crate::vector::Vector;

/// One polygon.
#[derive(Clone, Debug)]
struct Polygon {
    points: Vec<Point>,
    colour: Colour,
    owner: Owner,
}

/// Groups of polygons with a depth each; the polygons of a group are drawn in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub(crate) struct Polygons {
    polygons: Vec<Polygon>,
    groups: Vec<(f32, usize)>,
}

impl Polygons {
    /// Starts a group at `depth` metres from the camera.
    pub(crate) fn group(&mut self, depth: f32) {
        self.groups.push((depth, self.polygons.len()));
    }

    /// Adds a polygon to the last group.
    pub(crate) fn add(&mut self, points: Vec<Point>, colour: Colour, owner: Owner) {
        self.polygons.push(Polygon { points, colour, owner });
    }

    /// Draws all polygons, the farthest group first, and removes them.
    pub(crate) fn draw(&mut self, canvas: &mut Canvas) {
        let ends = self.groups.iter().skip(1).map(|group| group.1).chain([self.polygons.len()]);
        let mut order: Vec<_> =
            self.groups.iter().zip(ends).map(|(&(depth, start), end)| (depth, start..end)).collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0));
        for polygon in order.into_iter().flat_map(|(_, range)| &self.polygons[range]) {
            canvas.fill(&polygon.points, polygon.colour, 1.0, polygon.owner);
        }
        self.polygons.clear();
        self.groups.clear();
    }
}

/// Layers of a rounded body: radius, shift towards the light, and how far the surface faces the light.
const SHADES: [(f32, f32, f32); 3] = [(1.0, 0.0, -1.0), (0.8, 0.17, 0.0), (0.46, 0.42, 0.8)];

/// Adds rounded bodies to [`Polygons`] as a camera sees them in a light.
#[derive(Debug)]
pub(crate) struct Modeller<'a> {
    pub(crate) camera: &'a Camera,
    pub(crate) light: &'a Light,
    pub(crate) polygons: &'a mut Polygons,
    /// Index of the person who owns the bodies and the object.
    pub(crate) person: usize,
}

impl Modeller<'_> {
    /// Starts a group at the depth of `point`, moved `nearer` to the camera by some metres.
    pub(crate) fn group(&mut self, point: Vector, nearer: f32) {
        let depth = self.camera.project(point).depth;
        self.polygons.group(depth - nearer);
    }

    /// Projects balls: their centres in the picture and their radii in pixels.
    fn projected(&self, balls: &[(Vector, f32)]) -> Vec<(Point, f32)> {
        let projected = balls.iter().map(|&(centre, radius)| (self.camera.project(centre), radius));
        projected.map(|(projected, radius)| ([projected.x, projected.y], radius * projected.scale)).collect()
    }

    /// Adds the convex hull of balls, each given by its centre and radius in metres, shaded at one side.
    pub(crate) fn body(&mut self, balls: &[(Vector, f32)], colour: Colour) {
        let projected = self.projected(balls);
        for (index, (size, shift, turned)) in SHADES.into_iter().enumerate() {
            let [x, y] = self.light.from.map(|from| from * shift);
            let circles: Vec<_> =
                projected.iter().map(|&([cx, cy], r)| ([cx + x * r, cy + y * r], (r * size).max(0.3))).collect();
            let owner = if index == 0 { Owner::Person(self.person) } else { Owner::Unchanged };
            self.polygons.add(hull(&circles), self.light.on(colour, turned), owner);
        }
    }

    /// Adds a flat patch on a body that was added before.
    pub(crate) fn patch(&mut self, balls: &[(Vector, f32)], colour: Colour, turned: f32) {
        let projected = self.projected(balls);
        self.polygons.add(hull(&projected), self.light.on(colour, turned), Owner::Unchanged);
    }
}
