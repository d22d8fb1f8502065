//! Value noise: smooth random surfaces for sand, clouds, snow and stains.

/// Hashes a lattice point to 32 bits.
pub(crate) fn hash(seed: u32, x: i32, y: i32) -> u32 {
    let mut h = seed ^ (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77).rotate_left(15);
    h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
    h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
    h ^ (h >> 15)
}

/// Returns a uniform number in 0..1 for a lattice point.
pub(crate) fn speck(seed: u32, x: i32, y: i32) -> f32 {
    (hash(seed, x, y) >> 8) as f32 / 16_777_216.0
}

/// Returns noise in 0..1 that changes over a distance of about 1.
pub(crate) fn smooth(seed: u32, x: f32, y: f32) -> f32 {
    let (column, row) = (floor(x), floor(y));
    let (u, v) = (ease(x - column as f32), ease(y - row as f32));
    let above = mix(speck(seed, column, row), speck(seed, column + 1, row), u);
    let below = mix(speck(seed, column, row + 1), speck(seed, column + 1, row + 1), u);
    mix(above, below, v)
}

/// Returns three octaves of [`smooth`], in 0..1.
pub(crate) fn rough(seed: u32, x: f32, y: f32) -> f32 {
    let octave = |seed, scale: f32| smooth(seed, x * scale, y * scale);
    0.55 * octave(seed, 1.0) + 0.3 * octave(seed ^ 0x55, 2.1) + 0.15 * octave(seed ^ 0xAA, 4.3)
}

/// Returns the largest whole number not above `x`, within the range of i32.
pub(crate) fn floor(x: f32) -> i32 {
    let cut = x as i32;
    if cut as f32 > x { cut - 1 } else { cut }
}

/// Returns `x` minus its [`floor`].
pub(crate) fn fraction(x: f32) -> f32 {
    x - floor(x) as f32
}

/// Interpolates from 0 to 1 with zero slope at both ends.
pub(crate) fn ease(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Interpolates from `a` to `b`, the share `t` of the way.
pub(crate) fn mix(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}
