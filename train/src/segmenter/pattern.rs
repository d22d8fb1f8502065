//! Surfaces that scenes and clothes do not have, so that the network does not rely on those they have.

use rand::{Rng, RngExt};

/// Two colours in a plane.
#[derive(Clone, Copy, Debug)]
pub struct Pattern {
    colours: [[u8; 3]; 2],
    weave: Weave,
    across: [f32; 2],
    salt: u32,
}

#[derive(Clone, Copy, Debug)]
enum Weave {
    Plain,
    Stripes,
    Checks,
    Waves,
    Speckles,
}

impl Pattern {
    /// Any pattern; a stripe is 1 to 16 pixels wide.
    pub fn draw(rng: &mut impl Rng) -> Self {
        const WEAVES: [Weave; 5] = [Weave::Plain, Weave::Stripes, Weave::Checks, Weave::Waves, Weave::Speckles];
        let (sin, cos) = rng.random_range(0.0..std::f32::consts::TAU).sin_cos();
        let frequency = rng.random_range(0.0f32..2.8).exp() / 32.0;
        Self {
            colours: [rng.random(), rng.random()],
            weave: WEAVES[rng.random_range(0..WEAVES.len())],
            across: [cos * frequency, sin * frequency],
            salt: rng.random(),
        }
    }

    /// Its colour at a pixel.
    pub fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let (x, y) = (x as f32, y as f32);
        let along = x * self.across[0] + y * self.across[1];
        let beside = x * self.across[1] - y * self.across[0];
        let fraction = |v: f32| v - v.floor();
        let share = match self.weave {
            Weave::Plain => 0.0,
            Weave::Stripes => f32::from(u8::from(fraction(along) < 0.5)),
            Weave::Checks => f32::from(u8::from((fraction(along) < 0.5) != (fraction(beside) < 0.5))),
            Weave::Waves => (2.0 * fraction(along) - 1.0).abs(),
            Weave::Speckles => self.speckle(x as u32, y as u32),
        };
        let [first, second] = self.colours;
        [0, 1, 2].map(|c| (f32::from(first[c]) * (1.0 - share) + f32::from(second[c]) * share) as u8)
    }

    /// A random number in 0..1 for each pixel.
    fn speckle(&self, x: u32, y: u32) -> f32 {
        let mut hash = (x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77)).wrapping_add(self.salt);
        hash = (hash ^ (hash >> 15)).wrapping_mul(0x2C1B_3C6D);
        hash = (hash ^ (hash >> 12)).wrapping_mul(0x297A_2D39);
        ((hash ^ (hash >> 15)) >> 8) as f32 / 16_777_216.0
    }
}
