//! The light of a scene on people and objects.

use crate::colour::Colour;

/// Tinted light from one side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Light {
    /// Colour of a white surface in this light.
    pub(crate) tint: Colour,
    /// Direction to the light in the picture, x to the right and y down, of about unit length.
    pub(crate) from: [f32; 2],
    /// Difference between lit and unlit sides, 0 to 1.
    pub(crate) contrast: f32,
    /// Darkness of shadows on the ground, 0 to 1.
    pub(crate) shadow: f32,
}

impl Light {
    /// Returns the lit colour of a surface that faces the light (1), is at right angles to it (0) or faces away (-1).
    pub(crate) fn on(&self, colour: Colour, turned: f32) -> Colour {
        colour.under(self.tint) * (0.84 + 0.21 * self.contrast * turned)
    }
}
