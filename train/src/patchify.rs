//! Cuts pictures into the patches of the vision transformer.

use crate::pair::PairSizes;

/// Writes `pixel_values` [3, side, side] to `out` as patches [grid * grid, 3, patch, patch].
pub fn patchify(pixel_values: &[f32], sizes: &PairSizes, out: &mut [f32]) {
    let (side, patch) = (sizes.image_size, sizes.patch_size);
    let grid = side / patch;
    for (index, values) in out.chunks_exact_mut(sizes.patch_values()).enumerate() {
        let (left, top) = (index % grid * patch, index / grid * patch);
        for (plane, values) in pixel_values.chunks_exact(side * side).zip(values.chunks_exact_mut(patch * patch)) {
            for (row, values) in values.chunks_exact_mut(patch).enumerate() {
                values.copy_from_slice(&plane[(top + row) * side + left..][..patch]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_hold_the_picture_row_by_row() {
        let sizes = PairSizes { image_size: 4, patch_size: 2, ..PairSizes::MINIATURE };
        let picture: Vec<f32> = (0..48).map(|v| v as f32).collect();
        let mut out = vec![0.0; 48];
        patchify(&picture, &sizes, &mut out);
        assert_eq!(out[..8], [0.0, 1.0, 4.0, 5.0, 16.0, 17.0, 20.0, 21.0]);
        assert_eq!(out[12..16], [2.0, 3.0, 6.0, 7.0]);
    }
}
