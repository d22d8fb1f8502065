//! Colours as three numbers from 0 to 1, and the named colours of clothes and objects.

use crate::random::Random;
use std::ops::{Add, Mul};

/// Red, green and blue, each from 0 to 1; lit surfaces may exceed 1 until they are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Colour(pub(crate) [f32; 3]);

/// Returns the colour `0xRRGGBB`.
pub(crate) const fn hex(code: u32) -> Colour {
    Colour([channel(code >> 16), channel(code >> 8), channel(code)])
}

const fn channel(bits: u32) -> f32 {
    (bits & 255) as f32 / 255.0
}

/// Returns a grey with all three channels at `value`.
pub(crate) const fn grey(value: f32) -> Colour {
    Colour([value; 3])
}

impl Colour {
    /// Interpolates to `other`, the share `t` of the way.
    pub(crate) fn towards(self, other: Self, t: f32) -> Self {
        self * (1.0 - t) + other * t
    }

    /// Multiplies the channels: a surface of this colour in `light`.
    pub(crate) fn under(self, light: Self) -> Self {
        Self([self.0[0] * light.0[0], self.0[1] * light.0[1], self.0[2] * light.0[2]])
    }

    /// Rounds to three bytes.
    pub(crate) fn bytes(self) -> [u8; 3] {
        self.0.map(|channel| (channel * 255.0 + 0.5) as u8)
    }

    /// Returns a random colour near this one: brightness and each channel change by up to `amount`.
    pub(crate) fn varied(self, random: &mut Random, amount: f32) -> Self {
        let brightness = 1.0 + random.range(-amount, amount);
        Self(self.0.map(|channel| (channel * brightness + 0.5 * random.range(-amount, amount)).clamp(0.0, 1.0)))
    }
}

impl Add for Colour {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self([self.0[0] + other.0[0], self.0[1] + other.0[1], self.0[2] + other.0[2]])
    }
}

impl Mul<f32> for Colour {
    type Output = Self;
    fn mul(self, factor: f32) -> Self {
        Self(self.0.map(|channel| channel * factor))
    }
}

/// A colour with its name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Dye {
    pub(crate) name: &'static str,
    pub(crate) colour: Colour,
}

/// Colours of clothes and objects.
pub(crate) const DYES: [Dye; 12] = [
    Dye { name: "red", colour: hex(0xC62828) },
    Dye { name: "blue", colour: hex(0x2456B8) },
    Dye { name: "green", colour: hex(0x2E8B3A) },
    Dye { name: "yellow", colour: hex(0xE8C11C) },
    Dye { name: "black", colour: hex(0x26262A) },
    Dye { name: "white", colour: hex(0xEDEDE8) },
    Dye { name: "purple", colour: hex(0x7B3FA0) },
    Dye { name: "orange", colour: hex(0xE6741A) },
    Dye { name: "pink", colour: hex(0xE884A8) },
    Dye { name: "grey", colour: hex(0x8A8F96) },
    Dye { name: "brown", colour: hex(0x7A4E2C) },
    Dye { name: "teal", colour: hex(0x1D8C8C) },
];
