//! Draws the samples of one thread and step, which depend on seed, step and thread only.

use super::colour_augmentation::augment_colours;
use super::decoy::{Decoy, Depth, overlay_pattern};
use super::network::{BLOCK, NetworkSizes, to_blocks};
use super::normalisation::normalise;
use super::settings::SegmenterTrainingSettings;
use super::warp::{SampleImage, Warp};
use figureground::Result;
use figureground::mask::Size;
use pantomime::{Action, Clip, Context, Handling, Picture};
use rand::{Rng, RngExt};
use rand_pcg::Pcg64;

/// Samples per clip: drawing its background costs as much as some of its frames.
const PER_CLIP: usize = 2;
/// Sides of the rendered pictures, so that the network sees sharp and blurred ones.
const SIDES: [u32; 3] = [96, 128, 128];
/// Bit of the seeds of clips that training never uses.
pub const HELD_OUT: u64 = 1 << 63;

/// Inputs and targets of the network.
#[derive(Clone, Debug)]
pub struct SegmenterBatch {
    /// Normalised pictures [samples, 12, side / 2, side / 2].
    pub blocks: Vec<f32>,
    /// Share of the person in each pixel, 0 to 1, [samples, 1, side, side].
    pub masks: Vec<f32>,
}

impl SegmenterBatch {
    /// Draws the batch `stream` of step `step`.
    ///
    /// # Errors
    /// Returns an error if the settings' picture size is out of range.
    pub fn draw(settings: &SegmenterTrainingSettings, step: usize, stream: usize) -> Result<Self> {
        let SegmenterTrainingSettings { samples, seed, sizes: NetworkSizes { side, .. }, .. } = *settings;
        let rng = &mut Pcg64::new(u128::from(seed) << 64 | step as u128, stream as u128);
        let mut batch =
            Self { blocks: vec![0.0; samples * BLOCK * side * side / 4], masks: vec![0.0; samples * side * side] };
        let mut renderer = SampleRenderer::new(side)?;
        let blocks = batch.blocks.chunks_exact_mut(BLOCK * side * side / 4);
        for (i, (blocks, mask)) in blocks.zip(batch.masks.chunks_exact_mut(side * side)).enumerate() {
            let image = renderer.draw(i % PER_CLIP == 0, rng)?;
            to_blocks(&image.rgb, side, normalise, blocks);
            mask.copy_from_slice(&image.person);
        }
        Ok(batch)
    }
}

/// Draws samples. Its buffers are reused.
struct SampleRenderer {
    /// Renderer of the current clip, and its number of frames.
    clip: Option<(pantomime::FrameRenderer, usize)>,
    picture: Picture,
    /// Last picture of the previous clip.
    previous: Picture,
    image: SampleImage,
    other_person: SampleImage,
}

impl SampleRenderer {
    fn new(side: usize) -> Result<Self> {
        let picture = Picture::new(Size::new(SIDES[0], SIDES[0])?);
        let (previous, image, other_person) = (picture.clone(), SampleImage::new(side), SampleImage::new(side));
        Ok(Self { clip: None, picture, previous, image, other_person })
    }

    /// Draws a sample, of a new clip if `new_clip`.
    fn draw(&mut self, new_clip: bool, rng: &mut impl Rng) -> Result<&SampleImage> {
        if new_clip || self.clip.is_none() {
            std::mem::swap(&mut self.picture, &mut self.previous);
            let clip = draw_clip(rng);
            let side = SIDES[rng.random_range(0..SIDES.len())];
            self.clip = Some((clip.renderer(Size::new(side, side)?), clip.frames()));
        }
        self.render(rng);
        Warp::draw(rng).apply(&self.picture, &mut self.image);
        if rng.random_bool(0.1) {
            self.paste_other_person(rng);
        }
        add_distractors(&mut self.image, rng);
        augment_colours(&mut self.image, rng);
        Ok(&self.image)
    }

    /// Renders a random frame, sometimes without the person.
    fn render(&mut self, rng: &mut impl Rng) {
        let Some((renderer, frames)) = &mut self.clip else { return };
        let frame = rng.random_range(0..*frames);
        renderer.render(frame, &mut self.picture);
        if rng.random_bool(0.05) {
            renderer.background(frame, &mut self.picture.rgb);
            self.picture.person.clear();
        }
    }

    /// Pastes the person of the previous clip.
    fn paste_other_person(&mut self, rng: &mut impl Rng) {
        Warp::part(rng).apply(&self.previous, &mut self.other_person);
        let other = self.other_person.rgb.chunks_exact(3).zip(&self.other_person.person);
        for ((rgb, person), (ink, share)) in self.image.rgb.chunks_exact_mut(3).zip(&mut self.image.person).zip(other) {
            for (byte, ink) in rgb.iter_mut().zip(ink) {
                *byte = (f32::from(*byte) * (1.0 - share) + f32::from(*ink) * share) as u8;
            }
            *person = person.max(*share);
        }
    }
}

/// Draws a clip of any class whose seed is not held out.
fn draw_clip(rng: &mut impl Rng) -> Clip {
    let seed = rng.random::<u64>() & !HELD_OUT;
    if rng.random_bool(0.25) {
        return Clip::handling(Handling::ALL[rng.random_range(0..Handling::ALL.len())], 0.5, seed);
    }
    let context = [Context::In, Context::Out, Context::Free][rng.random_range(0..3)];
    Clip::action(Action::ALL[rng.random_range(0..Action::ALL.len())], context, 0.9, seed)
}

/// Adds patterns on the person, and decoys behind and in front of it.
fn add_distractors(image: &mut SampleImage, rng: &mut impl Rng) {
    if rng.random_bool(0.08) {
        overlay_pattern(image, rng);
    }
    if rng.random_bool(0.15) {
        for _ in 0..rng.random_range(1..4) {
            Decoy::draw(image.side, rng).paste(Depth::Behind, image);
        }
    }
    if rng.random_bool(0.08) {
        Decoy::draw(image.side, rng).paste(Depth::InFront, image);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(samples: usize, seed: u64) -> SegmenterTrainingSettings {
        let sizes = NetworkSizes { side: 32, ..NetworkSizes::default() };
        SegmenterTrainingSettings { samples, seed, sizes, ..SegmenterTrainingSettings::default() }
    }

    #[test]
    fn a_batch_depends_on_seed_step_and_stream_only() {
        let batch = |seed, step, stream| SegmenterBatch::draw(&settings(2, seed), step, stream).unwrap();
        let first = batch(1, 2, 0);
        assert_eq!((&first.blocks, &first.masks), (&batch(1, 2, 0).blocks, &batch(1, 2, 0).masks));
        for other in [batch(2, 2, 0), batch(1, 3, 0), batch(1, 2, 1)] {
            assert_ne!(first.blocks, other.blocks);
        }
    }

    #[test]
    fn masks_are_shares_and_most_samples_show_a_person() {
        let batch = SegmenterBatch::draw(&settings(16, 9), 0, 0).unwrap();
        assert!(batch.masks.iter().all(|p| (-1e-5..=1.0 + 1e-5).contains(p)));
        let with_person = batch.masks.chunks_exact(32 * 32).filter(|mask| mask.iter().sum::<f32>() > 10.0).count();
        assert!(with_person >= 10, "{with_person} of 16");
        assert!(batch.blocks.iter().all(|v| (-2.01..=2.01).contains(v)));
    }
}
