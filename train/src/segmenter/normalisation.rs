//! Normalisation of the input, equal in training and in the manifest.

/// Mean of a byte divided by 255, so that zero padding is grey.
pub const MEAN: f32 = 0.5;
/// Standard deviation of a byte divided by 255.
pub const STD: f32 = 0.25;
/// Factor of bytes.
pub const SCALE: f32 = 1.0 / 255.0;

/// Normalises a byte.
pub fn normalise(byte: u8) -> f32 {
    (f32::from(byte) * SCALE - MEAN) / STD
}
