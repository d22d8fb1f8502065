//! A background that shows no place.

use crate::evaluate::metrics::bootstrap::SplitMix64;

/// Waving stripes of a colour on its inverse, turned at random, as SCUBA draws them: stripes 5 to 20 pixels wide, 3 to 5 widths
/// apart, along y = A sin(wx + t) with A from 10 to 110.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stripes {
    canvas: [u8; 3],
    width: f64,
    pitch: f64,
    amplitude: f64,
    frequency: f64,
    phase: f64,
    /// Cosine and sine of the turn.
    turn: [f64; 2],
}

impl Stripes {
    /// Stripes that follow from `rng`.
    pub(super) fn draw(rng: &mut SplitMix64) -> Self {
        let mut between = |low: f64, high: f64| low + (high - low) * rng.below(1 << 20) as f64 / f64::from(1 << 20);
        let canvas = [0; 3].map(|_: u8| between(0.0, 256.0) as u8);
        let width = between(5.0, 20.0);
        let (pitch, amplitude) = (width * between(3.0, 5.0), between(10.0, 110.0));
        let (frequency, phase) = (between(0.005, 0.05), between(0.0, core::f64::consts::TAU));
        let turn = between(0.0, core::f64::consts::TAU);
        Self { canvas, width, pitch, amplitude, frequency, phase, turn: [libm::cos(turn), libm::sin(turn)] }
    }

    /// The colour of a pixel.
    pub fn colour(&self, x: u32, y: u32) -> [u8; 3] {
        let [cos, sin] = self.turn;
        let (x, y) = (f64::from(x), f64::from(y));
        let (along, across) = (x * cos + y * sin, y * cos - x * sin);
        let wave = self.amplitude * libm::sin(self.frequency * along + self.phase);
        let on_stripe = (across - wave).rem_euclid(self.pitch) < self.width;
        if on_stripe { self.canvas.map(|channel| 255 - channel) } else { self.canvas }
    }

    /// Draws stripes that follow from `seed`.
    pub fn seeded(seed: u64) -> Self {
        Self::draw(&mut SplitMix64(seed))
    }
}
