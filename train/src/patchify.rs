//! Pictures cut into the patches that the vision transformer specs.

use crate::pair::Sizes;
use rand::{Rng, RngExt};

/// How a training sample is moved, the same for all its frames: no action of the data set knows left from right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shift {
    mirrored: bool,
    right: i32,
    down: i32,
}

impl Shift {
    /// A shift by at most `reach` pixels each way, mirrored half of the time.
    pub fn draw(reach: i32, rng: &mut impl Rng) -> Self {
        Self { mirrored: rng.random(), right: rng.random_range(-reach..=reach), down: rng.random_range(-reach..=reach) }
    }

    /// Where a point of a picture of `side` pixels goes.
    pub fn moved(self, [x, y]: [f32; 2], side: usize) -> [f32; 2] {
        let x = x + self.right as f32;
        [if self.mirrored { side as f32 - x } else { x }, y + self.down as f32]
    }

    /// Where a pixel of the shifted picture comes from; beyond the edge, the edge goes on.
    fn source(self, x: usize, y: usize, side: usize) -> (usize, usize) {
        let clamped = |v: i32| v.clamp(0, side as i32 - 1) as usize;
        let x = if self.mirrored { side - 1 - x } else { x };
        (clamped(x as i32 - self.right), clamped(y as i32 - self.down))
    }
}

/// Writes `pixel_values` [3, side, side] to `out` as patches [grid * grid, 3, patch, patch], moved by `shift`.
pub fn patchify(pixel_values: &[f32], sizes: &Sizes, shift: Shift, out: &mut [f32]) {
    let (side, patch) = (sizes.image_size, sizes.patch_size);
    let grid = side / patch;
    for (index, values) in out.chunks_exact_mut(sizes.patch_values()).enumerate() {
        let (left, top) = (index % grid * patch, index / grid * patch);
        for (channel, plane) in pixel_values.chunks_exact(side * side).enumerate() {
            let values = &mut values[channel * patch * patch..][..patch * patch];
            for (i, value) in values.iter_mut().enumerate() {
                let (x, y) = shift.source(left + i % patch, top + i / patch, side);
                *value = plane[y * side + x];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_hold_the_picture_row_by_row_and_a_mirrored_one_reads_backwards() {
        let sizes = Sizes { image_size: 4, patch_size: 2, ..Sizes::MINIATURE };
        let picture: Vec<f32> = (0..48).map(|v| v as f32).collect();
        let mut out = vec![0.0; 48];
        patchify(&picture, &sizes, Shift::default(), &mut out);
        assert_eq!(out[..8], [0.0, 1.0, 4.0, 5.0, 16.0, 17.0, 20.0, 21.0]);
        assert_eq!(out[12..16], [2.0, 3.0, 6.0, 7.0]);
        patchify(&picture, &sizes, Shift { mirrored: true, right: 0, down: 1 }, &mut out);
        assert_eq!(out[..4], [3.0, 2.0, 3.0, 2.0]);
    }
}
