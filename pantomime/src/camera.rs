//! A pinhole camera that looks at the actor's position.

use crate::vector::{Vector, vector};

/// A point projected into the picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Projection {
    /// Column and row, in pixels from the picture's top left corner.
    pub(crate) x: f32,
    pub(crate) y: f32,
    /// Pixels per metre at the point's depth.
    pub(crate) scale: f32,
    /// Metres from the camera's plane.
    pub(crate) depth: f32,
}

/// Smallest depth of a projected point, in metres.
const NEAR: f32 = 0.25;

/// A camera at `(0, height, distance)` that looks along -z, tilted down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Camera {
    eye: Vector,
    sin: f32,
    cos: f32,
    focal: f32,
    centre: [f32; 2],
}

impl Camera {
    /// Creates a camera `height` metres above and `distance` metres in front of the actor's position, tilted down by
    /// `tilt` radians, with a focal length of `focal` pixels and the optical axis at `centre`.
    pub(crate) fn new(height: f32, distance: f32, tilt: f32, focal: f32, centre: [f32; 2]) -> Self {
        let (sin, cos) = libm::sincosf(tilt);
        Self { eye: vector(0.0, height, distance), sin, cos, focal, centre }
    }

    /// Returns this camera with its picture moved by some pixels.
    pub(crate) fn shifted(self, [x, y]: [f32; 2]) -> Self {
        Self { centre: [self.centre[0] + x, self.centre[1] + y], ..self }
    }

    pub(crate) fn position(&self) -> Vector {
        self.eye
    }

    /// Projects `point` into the picture; a point behind the camera is moved to [`NEAR`] metres in front of it.
    pub(crate) fn project(&self, point: Vector) -> Projection {
        let from = point - self.eye;
        let depth = (-from.y * self.sin - from.z * self.cos).max(NEAR);
        let up = from.y * self.cos - from.z * self.sin;
        let scale = self.focal / depth;
        Projection { x: self.centre[0] + scale * from.x, y: self.centre[1] - scale * up, scale, depth }
    }

    /// Returns the direction of the ray through the pixel `(x, y)`, not of unit length.
    pub(crate) fn ray(&self, x: f32, y: f32) -> Vector {
        let right = (x - self.centre[0]) / self.focal;
        let up = (self.centre[1] - y) / self.focal;
        vector(right, up * self.cos - self.sin, -self.cos - up * self.sin)
    }
}
