//! The light of a scene, on people and things.

use crate::colour::Colour;

/// Light from one side, with a tint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Light {
    /// What white looks like in this light.
    pub(crate) tint: Colour,
    /// Where it comes from in the picture, x to the right and y down, of about unit length.
    pub(crate) from: [f32; 2],
    /// Difference between lit and unlit sides, 0 to 1.
    pub(crate) contrast: f32,
    /// How dark shadows on the ground are, 0 to 1.
    pub(crate) shadow: f32,
}

impl Light {
    /// A surface of `colour`, turned to the light (1), sideways (0) or away from it (-1).
    pub(crate) fn on(&self, colour: Colour, turned: f32) -> Colour {
        colour.under(self.tint) * (0.84 + 0.21 * self.contrast * turned)
    }
}
