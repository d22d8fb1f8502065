//! Points and directions in world coordinates, in metres: x to the right of the picture, y up, z to the camera.

use std::ops::{Add, Mul, Neg, Sub};

/// A point or a direction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Vector {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) z: f32,
}

/// Creates a [`Vector`].
pub(crate) const fn vector(x: f32, y: f32, z: f32) -> Vector {
    Vector { x, y, z }
}

impl Vector {
    pub(crate) fn dot(self, other: Self) -> f32 {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    pub(crate) fn cross(self, other: Self) -> Self {
        vector(
            self.y * other.z - self.z * other.y,
            self.z * other.x - self.x * other.z,
            self.x * other.y - self.y * other.x,
        )
    }

    pub(crate) fn length(self) -> f32 {
        self.dot(self).sqrt()
    }

    /// Returns the same direction with length 1; the zero vector does not change.
    pub(crate) fn unit(self) -> Self {
        let length = self.length();
        if length > 0.0 { self * (1.0 / length) } else { self }
    }

    /// Rotates around the y axis: +z goes towards +x for positive angles (radians).
    pub(crate) fn yawed(self, angle: f32) -> Self {
        let (sin, cos) = libm::sincosf(angle);
        vector(self.x * cos + self.z * sin, self.y, self.z * cos - self.x * sin)
    }

    /// Rotates around the x axis: +y goes towards +z for positive angles (radians).
    pub(crate) fn pitched(self, angle: f32) -> Self {
        let (sin, cos) = libm::sincosf(angle);
        vector(self.x, self.y * cos - self.z * sin, self.z * cos + self.y * sin)
    }

    /// Interpolates to `other`, the share `t` of the way.
    pub(crate) fn towards(self, other: Self, t: f32) -> Self {
        self + (other - self) * t
    }

    /// Returns the mirror image in the plane x = 0.
    pub(crate) fn mirrored(self) -> Self {
        vector(-self.x, self.y, self.z)
    }
}

impl Add for Vector {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        vector(self.x + other.x, self.y + other.y, self.z + other.z)
    }
}

impl Sub for Vector {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        vector(self.x - other.x, self.y - other.y, self.z - other.z)
    }
}

impl Mul<f32> for Vector {
    type Output = Self;
    fn mul(self, factor: f32) -> Self {
        vector(self.x * factor, self.y * factor, self.z * factor)
    }
}

impl Neg for Vector {
    type Output = Self;
    fn neg(self) -> Self {
        self * -1.0
    }
}
