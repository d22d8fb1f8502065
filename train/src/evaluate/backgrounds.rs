//! Still backgrounds for SCUBA: scenes of other clips, clouds of colour, and stripes.

use crate::clip::ProcessedClip;
use crate::conventions;
use figureground::Result;
use figureground::evaluate::counterfactual::Stripes;
use figureground::frame::Frame;
use figureground::mask::Size;
use figureground::preprocess::{PreprocessSettings, Preprocessor};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::f32::consts::TAU;

/// A kind of still background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackgroundKind {
    /// Scenes of other clips, instead of Places365.
    Scenes,
    /// Clouds of colour, instead of pictures by VQGAN-CLIP.
    Clouds,
    /// The runtime's stripes, at the size of the rendered pictures.
    Stripes,
}

impl BackgroundKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Scenes, Self::Clouds, Self::Stripes];

    /// Returns the name in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scenes => "scenes",
            Self::Clouds => "clouds",
            Self::Stripes => "stripes",
        }
    }

    /// Draws one background for each clip of `clips`, `[3, height, width]`, preprocessed.
    ///
    /// # Errors
    /// Returns an error if the settings are out of range.
    pub fn backgrounds(
        self,
        clips: &[ProcessedClip],
        settings: &PreprocessSettings,
        seed: u64,
    ) -> Result<Vec<Vec<f32>>> {
        let mut rng = Pcg64::seed_from_u64(seed ^ (self as u64) << 32);
        let target = settings.target()?;
        let size = if self == Self::Stripes { conventions::picture_size()? } else { target };
        let mut preprocessor = Preprocessor::new(settings, size)?;
        clips
            .iter()
            .map(|clip| {
                let mut values = vec![0.0; 3 * target.area()];
                let picture = match self {
                    Self::Scenes => {
                        clip_of_another_scene(clips, clip.scene, &mut rng).background(&mut values);
                        return Ok(values);
                    }
                    Self::Clouds => clouds(size, &mut rng),
                    Self::Stripes => stripes(size, &mut rng),
                };
                preprocessor.apply(&Frame::new(&picture, size.width(), size.height(), 0, 0)?, &mut values)?;
                Ok(values)
            })
            .collect()
    }
}

fn clip_of_another_scene<'a>(clips: &'a [ProcessedClip], scene: usize, rng: &mut Pcg64) -> &'a ProcessedClip {
    let start = rng.random_range(0..clips.len());
    let mut others = clips.iter().cycle().skip(start).take(clips.len());
    others.find(|clip| clip.scene != scene).unwrap_or(&clips[start])
}

/// A plane wave of colour.
struct Wave {
    direction: [f32; 2],
    phase: f32,
    amplitude: [f32; 3],
}

/// Draws four waves of random direction, length and colour, RGB8.
fn clouds(size: Size, rng: &mut Pcg64) -> Vec<u8> {
    let base: [f32; 3] = std::array::from_fn(|_| rng.random_range(60.0..196.0));
    let waves: [Wave; 4] = std::array::from_fn(|_| {
        let (angle, length) = (rng.random_range(0.0..TAU), rng.random_range(12.0..60.0));
        Wave {
            direction: [angle.cos() * TAU / length, angle.sin() * TAU / length],
            phase: rng.random_range(0.0..TAU),
            amplitude: std::array::from_fn(|_| rng.random_range(-50.0..50.0)),
        }
    });
    paint(size, |x, y| {
        let (x, y) = (x as f32, y as f32);
        let strengths = waves.each_ref().map(|wave| (wave.direction[0] * x + wave.direction[1] * y + wave.phase).sin());
        std::array::from_fn(|c| {
            let sum = waves.iter().zip(strengths).map(|(wave, strength)| wave.amplitude[c] * strength).sum::<f32>();
            (base[c] + sum).clamp(0.0, 255.0) as u8
        })
    })
}

/// Draws the runtime's stripes, RGB8.
fn stripes(size: Size, rng: &mut Pcg64) -> Vec<u8> {
    let stripes = Stripes::seeded(rng.random());
    paint(size, |x, y| stripes.colour(x, y))
}

fn paint(size: Size, colour: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
    let width = size.width() as usize;
    (0..size.area()).flat_map(|i| colour((i % width) as u32, (i / width) as u32)).collect()
}
