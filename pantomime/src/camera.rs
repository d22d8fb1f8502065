//! A pinhole camera that looks at the place where the actor stands.

use crate::vector::{Vector, vector};

/// Where a point is in the picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    /// Column and row, in pixels from the picture's corner.
    pub(crate) x: f32,
    pub(crate) y: f32,
    /// Pixels a metre at that point's depth.
    pub(crate) scale: f32,
    /// Metres from the camera's plane.
    pub(crate) depth: f32,
}

/// Nearer than this nothing is projected, in metres.
const NEAR: f32 = 0.25;

/// At `(0, height, distance)`, looking along -z, tilted down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Camera {
    eye: Vector,
    sin: f32,
    cos: f32,
    focal: f32,
    centre: [f32; 2],
}

impl Camera {
    /// A camera `height` above and `distance` before the actor's place, tilted down by `tilt` radians, with a focal
    /// length of `focal` pixels and the optical axis at `centre`.
    pub(crate) fn new(height: f32, distance: f32, tilt: f32, focal: f32, centre: [f32; 2]) -> Self {
        let (sin, cos) = libm::sincosf(tilt);
        Self { eye: vector(0.0, height, distance), sin, cos, focal, centre }
    }

    /// The same camera with its picture moved by whole pixels.
    pub(crate) fn shifted(self, [x, y]: [f32; 2]) -> Self {
        Self { centre: [self.centre[0] + x, self.centre[1] + y], ..self }
    }

    pub(crate) fn eye(&self) -> Vector {
        self.eye
    }

    /// Where `point` is seen; points behind the camera are taken as just before it.
    pub(crate) fn project(&self, point: Vector) -> Spot {
        let from = point - self.eye;
        let depth = (-from.y * self.sin - from.z * self.cos).max(NEAR);
        let up = from.y * self.cos - from.z * self.sin;
        let scale = self.focal / depth;
        Spot { x: self.centre[0] + scale * from.x, y: self.centre[1] - scale * up, scale, depth }
    }

    /// The direction in which the place `(x, y)` of the picture looks, not of unit length.
    pub(crate) fn ray(&self, x: f32, y: f32) -> Vector {
        let right = (x - self.centre[0]) / self.focal;
        let up = (self.centre[1] - y) / self.focal;
        vector(right, up * self.cos - self.sin, -self.cos - up * self.sin)
    }
}
