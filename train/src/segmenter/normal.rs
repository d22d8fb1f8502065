//! How bytes enter the network, in training and in the manifest alike.

/// Mean of a byte over 255, so that the zeros around a picture are grey.
pub const MEAN: f32 = 0.5;
/// Standard deviation of a byte over 255.
pub const STD: f32 = 0.25;
/// Factor on bytes.
pub const SCALE: f32 = 1.0 / 255.0;

/// What the network sees of `byte`.
pub fn normalise(byte: u8) -> f32 {
    (f32::from(byte) * SCALE - MEAN) / STD
}
