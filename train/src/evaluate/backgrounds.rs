//! Still backgrounds for SCUBA: other scenes, clouds of colour, and stripes.

use crate::clip::ProcessedClip;
use figureground::Result;
use figureground::frame::Frame;
use figureground::mask::Size;
use figureground::preprocess::{PreprocessSettings, Preprocessor};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::f32::consts::{PI, TAU};

/// Where backgrounds come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Scenes of other clips, in Places365's stead.
    Scenes,
    /// Clouds of colour that show no place, in the stead of pictures by VQGAN-CLIP.
    Clouds,
    /// Wavy stripes of a colour and its inverse.
    Stripes,
}

impl Source {
    /// All sources.
    pub const ALL: [Self; 3] = [Self::Scenes, Self::Clouds, Self::Stripes];

    /// Its name in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scenes => "scenes",
            Self::Clouds => "clouds",
            Self::Stripes => "stripes",
        }
    }

    /// One background for each clip of `clips`, `[3, height, width]` normalised as `settings` say.
    ///
    /// # Errors
    /// When the settings are out of range.
    pub fn backgrounds(
        self,
        clips: &[ProcessedClip],
        settings: &PreprocessSettings,
        seed: u64,
    ) -> Result<Vec<Vec<f32>>> {
        let mut rng = Pcg64::seed_from_u64(seed ^ (self as u64) << 32);
        let size = settings.target()?;
        let mut preprocessor = Preprocessor::new(settings, size)?;
        clips
            .iter()
            .map(|clip| {
                let mut values = vec![0.0; 3 * size.area()];
                match self {
                    Self::Scenes => elsewhere(clips, clip.scene, &mut rng).background(&mut values),
                    Self::Clouds => show(&clouds(size, &mut rng), size, &mut preprocessor, &mut values)?,
                    Self::Stripes => show(&stripes(size, &mut rng), size, &mut preprocessor, &mut values)?,
                }
                Ok(values)
            })
            .collect()
    }
}

fn show(rgb: &[u8], size: Size, preprocessor: &mut Preprocessor, values: &mut [f32]) -> Result<()> {
    preprocessor.apply(&Frame::new(rgb, size.width(), size.height(), 0, 0)?, values)
}

/// A clip in another scene.
fn elsewhere<'a>(clips: &'a [ProcessedClip], scene: usize, rng: &mut Pcg64) -> &'a ProcessedClip {
    let start = rng.random_range(0..clips.len());
    let others = clips.iter().cycle().skip(start).take(clips.len());
    others.clone().find(|clip| clip.scene != scene).unwrap_or(&clips[start])
}

/// Four soft waves of random direction, length and colour.
fn clouds(size: Size, rng: &mut Pcg64) -> Vec<u8> {
    let base: [f32; 3] = std::array::from_fn(|_| rng.random_range(60.0..196.0));
    let waves: [([f32; 2], f32, [f32; 3]); 4] = std::array::from_fn(|_| {
        let (angle, length) = (rng.random_range(0.0..TAU), rng.random_range(12.0..60.0));
        let direction = [angle.cos() * TAU / length, angle.sin() * TAU / length];
        (direction, rng.random_range(0.0..TAU), std::array::from_fn(|_| rng.random_range(-50.0..50.0)))
    });
    paint(size, |x, y| {
        let strength = waves.map(|(d, phase, _)| (d[0] * x + d[1] * y + phase).sin());
        std::array::from_fn(|c| base[c] + waves.iter().zip(strength).map(|(wave, s)| wave.2[c] * s).sum::<f32>())
    })
}

/// StillMix's stripes: a random colour, stripes of its inverse 5 to 20 wide and 3 to 5 widths apart, bent along
/// `A sin(wx + t) + 128` with A from 10 to 110, the whole turned by a random angle. Lengths are for 224 pixels.
fn stripes(size: Size, rng: &mut Pcg64) -> Vec<u8> {
    let colour: [f32; 3] = std::array::from_fn(|_| rng.random_range(0.0..=255.0));
    let width = rng.random_range(5.0..=20.0f32);
    let pitch = width * rng.random_range(3.0..=5.0f32);
    let amplitude = rng.random_range(10.0..=110.0f32);
    let frequency = rng.random_range(0.5 * PI..=2.0 * PI) / 224.0;
    let (phase, angle) = (rng.random_range(0.0..TAU), rng.random_range(0.0..PI));
    let scale = 224.0 / size.width() as f32;
    paint(size, |x, y| {
        let (x, y) = (x * scale - 112.0, y * scale - 112.0);
        let (along, across) = (x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin());
        let bent = across - (amplitude * (frequency * along + phase).sin() + 128.0);
        let striped = bent.rem_euclid(pitch) < width;
        colour.map(|c| if striped { 255.0 - c } else { c })
    })
}

fn paint(size: Size, colour: impl Fn(f32, f32) -> [f32; 3]) -> Vec<u8> {
    let width = size.width() as usize;
    (0..size.area())
        .flat_map(|i| colour((i % width) as f32, (i / width) as f32).map(|v| v.clamp(0.0, 255.0) as u8))
        .collect()
}
