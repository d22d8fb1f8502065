//! Conversion of YUV samples of 8 to 16 bits to RGB8 with BT.601, the default of ffmpeg.

/// Number of pixels that are converted together, so that the compiler uses vectors.
const BLOCK: usize = 64;

/// Coefficients in 1/8192. Each term is rounded: R = luma Y + red V, G = luma Y - green_u U - green_v V,
/// B = luma Y + blue U, where black is Y = 0 and grey is U = V = 0.
pub(super) struct Bt601 {
    black: u8,
    luma: i32,
    red: i32,
    green_u: i32,
    green_v: i32,
    blue: i32,
}

/// Luma of 16 to 235 and chroma of 16 to 240, as videos and cameras send it.
pub(super) static LIMITED_RANGE: Bt601 =
    Bt601 { black: 16, luma: 9539, red: 13075, green_u: 3209, green_v: 6660, blue: 16525 };

/// Samples of 0 to 255.
pub(super) static FULL_RANGE: Bt601 =
    Bt601 { black: 0, luma: 8192, red: 11485, green_u: 2819, green_v: 5850, blue: 14516 };

/// A sample of 8 bits, or of up to 16.
pub(super) trait Sample: Copy + Into<i32> {
    /// It may have more than 8 bits.
    const IS_DEEP: bool;

    /// Returns the sample that stands for no colour.
    fn neutral(bits: u32) -> Self;
}

impl Sample for u8 {
    const IS_DEEP: bool = false;

    fn neutral(_: u32) -> Self {
        128
    }
}

impl Sample for u16 {
    const IS_DEEP: bool = true;

    fn neutral(bits: u32) -> Self {
        1 << (bits - 1)
    }
}

impl Bt601 {
    /// Converts a row of pixels of 8 bits to `rgb`. One sample of `u` and `v` serves `SHARED` neighbours, 1 or 2; the
    /// last one may serve fewer.
    #[cfg(any(feature = "camera", test))]
    pub fn convert_row<const SHARED: usize>(&self, y: &[u8], u: &[u8], v: &[u8], rgb: &mut [u8]) {
        self.convert_samples::<SHARED, u8>(8, y, u, v, rgb);
    }

    /// Converts a row as [`Bt601::convert_row`] does, from samples of `bits`, 8 for bytes and at most 16. A sample has
    /// no higher bits.
    pub fn convert_samples<const SHARED: usize, S: Sample>(
        &self,
        bits: u32,
        y: &[S],
        u: &[S],
        v: &[S],
        rgb: &mut [u8],
    ) {
        let chroma = u.chunks(BLOCK / SHARED).zip(v.chunks(BLOCK / SHARED));
        let pixels = y.chunks(BLOCK).zip(rgb.chunks_mut(3 * BLOCK));
        let finer = if S::IS_DEEP { bits - 8 } else { 0 };
        for ((y, rgb), (u, v)) in pixels.zip(chroma) {
            self.convert_block::<SHARED, S>(finer, y, u, v, rgb);
        }
    }

    #[inline]
    fn convert_block<const SHARED: usize, S: Sample>(&self, finer: u32, y: &[S], u: &[S], v: &[S], rgb: &mut [u8]) {
        let finer = if S::IS_DEEP { finer } else { 0 };
        let (grey, black) = (128 << finer, i32::from(self.black) << finer);
        let (mut red, mut green, mut blue) = ([0; BLOCK], [0; BLOCK], [0; BLOCK]);
        for (i, (&u, &v)) in u.iter().zip(v).enumerate() {
            let (u, v) = (u.into() - grey, v.into() - grey);
            let pixels = SHARED * i..SHARED * (i + 1);
            red[pixels.clone()].fill(term(self.red, v, finer));
            green[pixels.clone()].fill(term(self.green_u, u, finer) + term(self.green_v, v, finer));
            blue[pixels].fill(term(self.blue, u, finer));
        }
        let mut luma = [0; BLOCK];
        for (luma, &y) in luma.iter_mut().zip(y) {
            *luma = term(self.luma, (y.into() - black).max(0), finer);
        }
        for (((luma, red), green), blue) in luma.iter().zip(&mut red).zip(&mut green).zip(&mut blue) {
            *red = (luma + *red).clamp(0, 255);
            *green = (luma - *green).clamp(0, 255);
            *blue = (luma + *blue).clamp(0, 255);
        }
        for (((rgb, red), green), blue) in rgb.chunks_exact_mut(3).zip(red).zip(green).zip(blue) {
            (rgb[0], rgb[1], rgb[2]) = (red as u8, green as u8, blue as u8);
        }
    }
}

/// Returns `coefficient * value / 8192 / 2^finer`, rounded.
#[inline]
fn term(coefficient: i32, value: i32, finer: u32) -> i16 {
    ((coefficient * value + (1 << (12 + finer))) >> (13 + finer)) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BT.601 without rounding, from its definition.
    fn exact([y, u, v]: [u8; 3], is_full: bool) -> [f64; 3] {
        let (black, luma, chroma) = if is_full { (0.0, 255.0, 255.0) } else { (16.0, 219.0, 224.0) };
        let y = (f64::from(y) - black).max(0.0) / luma;
        let [u, v] = [u, v].map(|sample| (f64::from(sample) - 128.0) / chroma);
        let (red, blue) = (0.299, 0.114);
        let green = 1.0 - red - blue;
        let r = y + 2.0 * (1.0 - red) * v;
        let b = y + 2.0 * (1.0 - blue) * u;
        let g = y - 2.0 * (red * (1.0 - red) * v + blue * (1.0 - blue) * u) / green;
        [r, g, b].map(|value| (255.0 * value).clamp(0.0, 255.0))
    }

    #[test]
    fn conversions_are_within_two_of_the_definition() {
        for (matrix, is_full) in [(&LIMITED_RANGE, false), (&FULL_RANGE, true)] {
            for [y, u, v] in (0..=255).flat_map(|y| {
                let levels = (0..=255u8).step_by(5);
                levels.clone().flat_map(move |u| levels.clone().map(move |v| [y, u, v]))
            }) {
                let mut rgb = [0; 3];
                matrix.convert_row::<1>(&[y], &[u], &[v], &mut rgb);
                for (got, expected) in rgb.into_iter().zip(exact([y, u, v], is_full)) {
                    assert!((f64::from(got) - expected).abs() < 2.0, "{y} {u} {v}: {rgb:?}, expected {expected}");
                }
            }
        }
    }

    #[test]
    fn samples_of_more_bits_are_as_near_to_the_definition() {
        for bits in [9, 10, 12, 16] {
            let scale = f64::from(1 << (bits - 8));
            for i in 0..2000u32 {
                let samples = [7919, 104_729, 1_299_709].map(|prime| (i * prime % (1 << bits)) as u16);
                let [y, u, v] = samples;
                let mut rgb = [0; 3];
                LIMITED_RANGE.convert_samples::<1, u16>(bits, &[y], &[u], &[v], &mut rgb);
                let [y, u, v] = samples.map(|sample| f64::from(sample) / scale);
                let luma = 255.0 / 219.0 * (y - 16.0).max(0.0);
                let (u, v) = (255.0 / 224.0 * (u - 128.0), 255.0 / 224.0 * (v - 128.0));
                let expected = [luma + 1.402 * v, luma - 0.344_136 * u - 0.714_136 * v, luma + 1.772 * u];
                for (got, expected) in rgb.into_iter().zip(expected) {
                    assert!((f64::from(got) - expected.clamp(0.0, 255.0)).abs() < 1.6, "{bits}: {samples:?}: {rgb:?}");
                }
            }
        }
    }

    #[test]
    fn grey_stays_grey_and_full_range_keeps_its_values() {
        for y in 0..=255 {
            let (mut limited, mut full) = ([0; 3], [0; 3]);
            LIMITED_RANGE.convert_row::<1>(&[y], &[128], &[128], &mut limited);
            FULL_RANGE.convert_row::<1>(&[y], &[128], &[128], &mut full);
            assert!(limited[0] == limited[1] && limited[1] == limited[2], "{y}: {limited:?}");
            assert_eq!(full, [y; 3]);
        }
    }

    #[test]
    fn a_row_longer_than_a_block_has_the_colours_of_its_pixels_alone() {
        let samples = |seed: usize, count: usize| (0..count).map(|i| (seed * i * i + i) as u8).collect::<Vec<_>>();
        for width in [1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7] {
            let (y, u, v) = (samples(7, width), samples(11, width.div_ceil(2)), samples(13, width.div_ceil(2)));
            let mut row = vec![0; 3 * width];
            FULL_RANGE.convert_row::<2>(&y, &u, &v, &mut row);
            for (i, rgb) in row.chunks(3).enumerate() {
                let mut alone = [0; 3];
                FULL_RANGE.convert_row::<1>(&y[i..=i], &u[i / 2..=i / 2], &v[i / 2..=i / 2], &mut alone);
                assert_eq!(rgb, alone, "pixel {i} of {width}");
            }
        }
    }

    #[test]
    fn the_last_pixel_of_an_odd_row_has_chroma_of_its_own() {
        let mut rgb = [0; 9];
        LIMITED_RANGE.convert_row::<2>(&[81, 81, 145], &[90, 54], &[240, 34], &mut rgb);
        assert_eq!(rgb[..3], rgb[3..6]);
        assert!(rgb[0] > 250 && rgb[1] < 3, "red: {rgb:?}");
        assert!(rgb[7] > 250 && rgb[6] < 3, "green: {rgb:?}");
    }
}
