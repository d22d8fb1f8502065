//! Augmentation of training samples: masking, another background, and a random shift.

use crate::masking_ratio::MaskingRatio;
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// How training samples are augmented.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Augmentation {
    /// Ratio of the kinds of masking.
    pub ratio: MaskingRatio,
    /// Probability, in 0..=1, that a sample gets the background of another clip: an alternative to masking.
    pub swap: f32,
    /// Largest shift in each direction, in pixels.
    #[serde(rename = "reach")]
    pub max_shift: u32,
}

impl Augmentation {
    /// Random shifts only, without masking or other backgrounds.
    pub const PLAIN: Self = Self { ratio: MaskingRatio::NONE, swap: 0.0, max_shift: 6 };

    /// Returns random shifts and masking by `ratio`.
    pub const fn masked(ratio: MaskingRatio) -> Self {
        Self { ratio, ..Self::PLAIN }
    }

    /// Returns a description that is equal for equal augmentations.
    pub fn describe(&self) -> String {
        let Self { ratio, swap, max_shift } = self;
        format!("masked {ratio}, swapped {swap}, moved {max_shift}")
    }
}

/// A shift and a mirroring, equal for all frames of a sample. No action of the data set depends on left and right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    mirrored: bool,
    right: i32,
    down: i32,
}

impl Shift {
    /// Draws a shift by at most `max_shift` pixels in each direction, mirrored half of the time.
    pub fn draw(max_shift: u32, rng: &mut impl Rng) -> Self {
        let reach = max_shift as i32;
        Self { mirrored: rng.random(), right: rng.random_range(-reach..=reach), down: rng.random_range(-reach..=reach) }
    }

    /// Moves a point of a picture of `side` pixels.
    pub fn apply_to_point(self, [x, y]: [f32; 2], side: usize) -> [f32; 2] {
        let x = x + self.right as f32;
        [if self.mirrored { side as f32 - x } else { x }, y + self.down as f32]
    }

    /// Writes `pixel_values` [3, side, side], moved, to `out`; the edge is repeated outward.
    pub fn apply(self, pixel_values: &[f32], side: usize, out: &mut [f32]) {
        for (plane, out) in pixel_values.chunks_exact(side * side).zip(out.chunks_exact_mut(side * side)) {
            for (i, value) in out.iter_mut().enumerate() {
                let (x, y) = self.source(i % side, i / side, side);
                *value = plane[y * side + x];
            }
        }
    }

    /// Returns the source of a pixel of the moved picture.
    fn source(self, x: usize, y: usize, side: usize) -> (usize, usize) {
        let clamped = |v: i32| v.clamp(0, side as i32 - 1) as usize;
        let x = if self.mirrored { side - 1 - x } else { x };
        (clamped(x as i32 - self.right), clamped(y as i32 - self.down))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirrored_picture_reads_backwards_and_a_moved_one_repeats_its_edge() {
        let picture: Vec<f32> = (0..48).map(|v| v as f32).collect();
        let mut out = vec![0.0; 48];
        Shift { mirrored: true, right: 0, down: 1 }.apply(&picture, 4, &mut out);
        assert_eq!(out[..8], [3.0, 2.0, 1.0, 0.0, 3.0, 2.0, 1.0, 0.0]);
    }
}
