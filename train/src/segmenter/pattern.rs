//! Patterns that scenes and clothes lack, so that the network does not rely on the patterns they have.

use rand::{Rng, RngExt};

/// A pattern of two colours.
#[derive(Clone, Copy, Debug)]
pub struct Pattern {
    colours: [[u8; 3]; 2],
    kind: PatternKind,
    across: [f32; 2],
    salt: u32,
}

#[derive(Clone, Copy, Debug)]
enum PatternKind {
    Plain,
    Stripes,
    Checks,
    Waves,
    Speckles,
}

impl Pattern {
    /// Draws a pattern; its stripes are 1 to 16 pixels wide.
    pub fn draw(rng: &mut impl Rng) -> Self {
        const KINDS: [PatternKind; 5] =
            [PatternKind::Plain, PatternKind::Stripes, PatternKind::Checks, PatternKind::Waves, PatternKind::Speckles];
        let (sin, cos) = rng.random_range(0.0..std::f32::consts::TAU).sin_cos();
        let frequency = rng.random_range(0.0f32..2.8).exp() / 32.0;
        Self {
            colours: [rng.random(), rng.random()],
            kind: KINDS[rng.random_range(0..KINDS.len())],
            across: [cos * frequency, sin * frequency],
            salt: rng.random(),
        }
    }

    /// Returns the colour at a pixel.
    pub fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let (x, y) = (x as f32, y as f32);
        let along = x * self.across[0] + y * self.across[1];
        let beside = x * self.across[1] - y * self.across[0];
        let fraction = |v: f32| v - v.floor();
        let share = match self.kind {
            PatternKind::Plain => 0.0,
            PatternKind::Stripes => f32::from(u8::from(fraction(along) < 0.5)),
            PatternKind::Checks => f32::from(u8::from((fraction(along) < 0.5) != (fraction(beside) < 0.5))),
            PatternKind::Waves => (2.0 * fraction(along) - 1.0).abs(),
            PatternKind::Speckles => self.speckle(x as u32, y as u32),
        };
        let [first, second] = self.colours;
        [0, 1, 2].map(|c| (f32::from(first[c]) * (1.0 - share) + f32::from(second[c]) * share) as u8)
    }

    /// Returns a random number in 0..1 for a pixel.
    fn speckle(&self, x: u32, y: u32) -> f32 {
        let mut hash = (x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77)).wrapping_add(self.salt);
        hash = (hash ^ (hash >> 15)).wrapping_mul(0x2C1B_3C6D);
        hash = (hash ^ (hash >> 12)).wrapping_mul(0x297A_2D39);
        ((hash ^ (hash >> 15)) >> 8) as f32 / 16_777_216.0
    }
}
