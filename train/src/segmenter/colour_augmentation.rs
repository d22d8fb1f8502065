//! Colour augmentation as by different cameras: exposure, white balance, saturation, blur and noise.

use super::warp::SampleImage;
use rand::{Rng, RngExt};

/// Augments the colours of `image`.
pub fn augment_colours(image: &mut SampleImage, rng: &mut impl Rng) {
    if rng.random_bool(0.15) {
        blur(image);
    }
    let saturation = if rng.random_bool(0.05) { 0.0 } else { rng.random_range(0.6f32..1.3) };
    let tables = tones(rng);
    let noise = if rng.random_bool(0.5) { rng.random_range(0.0f32..9.0) } else { 0.0 };
    for pixel in image.rgb.chunks_exact_mut(3) {
        let grey = (77.0 * f32::from(pixel[0]) + 150.0 * f32::from(pixel[1]) + 29.0 * f32::from(pixel[2])) / 256.0;
        for (byte, table) in pixel.iter_mut().zip(&tables) {
            let value = (grey + saturation * (f32::from(*byte) - grey)) as u8;
            *byte = (table[usize::from(value)] + grain(rng, noise)) as u8;
        }
    }
}

/// Draws a lookup table for each channel: common contrast, brightness and gamma, and a gain per channel.
fn tones(rng: &mut impl Rng) -> [[f32; 256]; 3] {
    let contrast = rng.random_range(0.75f32..1.25);
    let brightness = rng.random_range(-30.0f32..30.0);
    let gamma = rng.random_range(-0.3f32..0.3).exp();
    [0; 3].map(|_| {
        let gain = rng.random_range(0.9f32..1.1);
        std::array::from_fn(|byte| {
            let curved = 255.0 * (byte as f32 / 255.0).powf(gamma);
            ((curved - 128.0) * contrast * gain + 128.0 + brightness).clamp(0.0, 255.0)
        })
    })
}

/// Draws nearly normal noise of standard deviation `noise`: the sum of four uniform numbers.
fn grain(rng: &mut impl Rng, noise: f32) -> f32 {
    if noise == 0.0 {
        return 0.0;
    }
    let sum: i32 = rng.random::<[u8; 4]>().into_iter().map(i32::from).sum();
    (sum - 510) as f32 / 147.8 * noise
}

/// Blurs with a binomial kernel of three by three; the outermost pixels do not change.
fn blur(image: &mut SampleImage) {
    let row = 3 * image.side;
    for step in [3, row] {
        let sharp = image.rgb.clone();
        let inner = step..image.rgb.len() - step;
        for (i, byte) in inner.clone().zip(&mut image.rgb[inner]) {
            let sum = u16::from(sharp[i - step]) + 2 * u16::from(sharp[i]) + u16::from(sharp[i + step]);
            *byte = (sum / 4) as u8;
        }
    }
}
