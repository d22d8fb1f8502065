//! Camera effects on a picture: blur, vignette, exposure, white balance and noise.

use crate::random::{Random, RandomStream, mixed};
use figureground::mask::Size;

/// Camera effects of one clip: equal in all its frames, except for the noise.
#[derive(Clone, Debug)]
pub(crate) struct CameraEffects {
    size: Size,
    seed: u64,
    /// Weight of each neighbour in 16ths, 0 to 3.
    blur: u16,
    tones: [[u8; 256]; 3],
    vignette: Vec<u16>,
    /// Amplitude of the noise; its standard deviation is about 0.4 times this.
    noise: i32,
    soft: Vec<u8>,
}

impl CameraEffects {
    /// Draws the camera effects of the clip with `seed`.
    pub(crate) fn new(size: Size, seed: u64) -> Self {
        let mut random = Random::new(seed, RandomStream::CameraEffects);
        let (gain, contrast) = (random.range(0.88, 1.12), random.range(0.85, 1.15));
        let balance = [random.range(0.95, 1.05), 1.0, random.range(0.95, 1.05)];
        let tone = |channel: usize, value: usize| {
            let lit = value as f32 * gain * balance[channel];
            (128.0 + (lit - 128.0) * contrast + 0.5) as u8
        };
        Self {
            size,
            seed: random.bits(),
            blur: random.below(3) as u16,
            tones: [0, 1, 2].map(|channel| std::array::from_fn(|value| tone(channel, value))),
            vignette: vignette(size, random.range(0.0, 0.35)),
            noise: random.below(15) as i32,
            soft: vec![0; 3 * size.area()],
        }
    }

    /// Applies the effects to `rgb` with the noise of `moment`.
    pub(crate) fn apply(&mut self, rgb: &mut [u8], moment: usize) {
        self.soften(rgb);
        let seed = mixed(self.seed ^ (moment as u64));
        for ((index, pixel), &corner) in (0u64..).zip(rgb.chunks_exact_mut(3)).zip(&self.vignette) {
            let bits = mixed(seed.wrapping_add(index.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
            let bytes = bits.to_le_bytes();
            for (channel, value) in pixel.iter_mut().enumerate() {
                let dimmed = (u32::from(*value) * u32::from(corner)) >> 8;
                let toned = i32::from(self.tones[channel][dimmed as usize]);
                let noise = i32::from(bytes[2 * channel]) + i32::from(bytes[2 * channel + 1]) - 255;
                *value = (toned + ((noise * self.noise) >> 8)).clamp(0, 255) as u8;
            }
        }
    }

    /// Blurs with the kernel `[blur, 16 - 2 blur, blur] / 16` in both directions; edge pixels do not change.
    fn soften(&mut self, rgb: &mut [u8]) {
        if self.blur == 0 {
            return;
        }
        self.soft.copy_from_slice(rgb);
        blurred(&self.soft, rgb, 3, self.blur);
        self.soft.copy_from_slice(rgb);
        blurred(&self.soft, rgb, 3 * self.size.width() as usize, self.blur);
    }
}

/// Writes the weighted sum of each byte and its neighbours `step` before and after it.
fn blurred(from: &[u8], to: &mut [u8], step: usize, weight: u16) {
    if from.len() <= 2 * step {
        return;
    }
    let neighbours = from.iter().zip(&from[step..]).zip(&from[2 * step..]);
    for (to, ((before, here), after)) in to[step..].iter_mut().zip(neighbours) {
        let sum = weight * (u16::from(*before) + u16::from(*after)) + (16 - 2 * weight) * u16::from(*here);
        *to = ((sum + 8) >> 4) as u8;
    }
}

/// Returns the brightness of each pixel in 256ths.
fn vignette(size: Size, strength: f32) -> Vec<u16> {
    let (width, height) = (size.width() as f32, size.height() as f32);
    let dim = |x: u32, y: u32| {
        let (u, v) = (2.0 * (x as f32 + 0.5) / width - 1.0, 2.0 * (y as f32 + 0.5) / height - 1.0);
        (256.0 * (1.0 - 0.5 * strength * (u * u + v * v)) + 0.5) as u16
    };
    (0..size.height()).flat_map(|y| (0..size.width()).map(move |x| dim(x, y))).collect()
}
