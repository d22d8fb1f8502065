//! Samples of one shard of one step, a function of seed, step and shard alone.

use super::camera::expose;
use super::decoy::{Decoy, Depth, dye};
use super::network::{BLOCK, to_blocks};
use super::normal::normalise;
use super::warp::{Canvas, Warp};
use figureground::Result;
use figureground::mask::Size;
use pantomime::{Action, Clip, Context, Handling, Picture};
use rand::{Rng, RngExt};
use rand_pcg::Pcg64;

/// Samples made of one clip: drawing its background costs as much as some of its frames.
const PER_CLIP: usize = 2;
/// Sides that clips are rendered at, so that the network meets sharp pictures and soft ones.
const SIDES: [u32; 3] = [96, 128, 128];
/// Clips with this bit in their seed are never trained on.
pub const HELD_OUT: u64 = 1 << 63;

/// Samples ready for the network.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Normalised pictures [samples, 12, side / 2, side / 2].
    pub blocks: Vec<f32>,
    /// How much of each pixel is person, 0 to 1, [samples, 1, side, side].
    pub masks: Vec<f32>,
}

impl Batch {
    /// Draws `samples` samples of `side` pixels a side.
    ///
    /// # Errors
    /// When there can be no picture of such a side.
    pub fn draw(samples: usize, side: usize, seed: u64, step: usize, shard: usize) -> Result<Self> {
        let rng = &mut Pcg64::new(u128::from(seed) << 64 | step as u128, shard as u128);
        let mut batch =
            Self { blocks: vec![0.0; samples * BLOCK * side * side / 4], masks: vec![0.0; samples * side * side] };
        let mut renderer = SampleRenderer::new(side)?;
        let blocks = batch.blocks.chunks_exact_mut(BLOCK * side * side / 4);
        for (i, (blocks, mask)) in blocks.zip(batch.masks.chunks_exact_mut(side * side)).enumerate() {
            let canvas = renderer.shoot(i % PER_CLIP == 0, rng)?;
            to_blocks(&canvas.rgb, side, normalise, blocks);
            mask.copy_from_slice(&canvas.person);
        }
        Ok(batch)
    }
}

/// A clip being filmed, the last picture of the one before, and the sample in the making.
struct SampleRenderer {
    stage: Option<(pantomime::FrameRenderer, usize)>,
    picture: Picture,
    guest: Picture,
    canvas: Canvas,
    visitor: Canvas,
}

impl SampleRenderer {
    fn new(side: usize) -> Result<Self> {
        let picture = Picture::new(Size::new(SIDES[0], SIDES[0])?);
        let (guest, canvas, visitor) = (picture.clone(), Canvas::new(side), Canvas::new(side));
        Ok(Self { stage: None, picture, guest, canvas, visitor })
    }

    /// One sample, of another clip where `cut`.
    fn shoot(&mut self, cut: bool, rng: &mut impl Rng) -> Result<&Canvas> {
        if cut || self.stage.is_none() {
            std::mem::swap(&mut self.picture, &mut self.guest);
            let clip = any_clip(rng);
            let side = SIDES[rng.random_range(0..SIDES.len())];
            self.stage = Some((clip.renderer(Size::new(side, side)?), clip.frames()));
        }
        self.render(rng);
        Warp::draw(rng).apply(&self.picture, &mut self.canvas);
        if rng.random_bool(0.1) {
            self.invite(rng);
        }
        disguise(&mut self.canvas, rng);
        expose(&mut self.canvas, rng);
        Ok(&self.canvas)
    }

    /// Any frame, now and then without the person.
    fn render(&mut self, rng: &mut impl Rng) {
        let Some((stage, frames)) = &mut self.stage else { return };
        let frame = rng.random_range(0..*frames);
        stage.render(frame, &mut self.picture);
        if rng.random_bool(0.05) {
            stage.background(frame, &mut self.picture.rgb);
            self.picture.person.clear();
        }
    }

    /// Pastes the person of another clip.
    fn invite(&mut self, rng: &mut impl Rng) {
        Warp::part(rng).apply(&self.guest, &mut self.visitor);
        let visitor = self.visitor.rgb.chunks_exact(3).zip(&self.visitor.person);
        for ((rgb, person), (ink, share)) in
            self.canvas.rgb.chunks_exact_mut(3).zip(&mut self.canvas.person).zip(visitor)
        {
            for (byte, ink) in rgb.iter_mut().zip(ink) {
                *byte = (f32::from(*byte) * (1.0 - share) + f32::from(*ink) * share) as u8;
            }
            *person = person.max(*share);
        }
    }
}

/// A clip of any kind whose seed is not held out.
fn any_clip(rng: &mut impl Rng) -> Clip {
    let seed = rng.random::<u64>() & !HELD_OUT;
    if rng.random_bool(0.25) {
        return Clip::handling(Handling::ALL[rng.random_range(0..Handling::ALL.len())], 0.5, seed);
    }
    let context = [Context::In, Context::Out, Context::Free][rng.random_range(0..3)];
    Clip::action(Action::ALL[rng.random_range(0..Action::ALL.len())], context, 0.9, seed)
}

/// Patterns on the person, and things behind and before it.
fn disguise(canvas: &mut Canvas, rng: &mut impl Rng) {
    if rng.random_bool(0.08) {
        dye(canvas, rng);
    }
    if rng.random_bool(0.15) {
        for _ in 0..rng.random_range(1..4) {
            Decoy::draw(canvas.side, rng).paste(Depth::Behind, canvas);
        }
    }
    if rng.random_bool(0.08) {
        Decoy::draw(canvas.side, rng).paste(Depth::Before, canvas);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_depends_on_seed_step_and_shard_alone() {
        let batch = |seed, step, shard| Batch::draw(2, 32, seed, step, shard).unwrap();
        let first = batch(1, 2, 0);
        assert_eq!((&first.blocks, &first.masks), (&batch(1, 2, 0).blocks, &batch(1, 2, 0).masks));
        for other in [batch(2, 2, 0), batch(1, 3, 0), batch(1, 2, 1)] {
            assert_ne!(first.blocks, other.blocks);
        }
    }

    #[test]
    fn masks_are_shares_and_most_samples_show_a_person() {
        let batch = Batch::draw(16, 32, 9, 0, 0).unwrap();
        assert!(batch.masks.iter().all(|p| (-1e-5..=1.0 + 1e-5).contains(p)));
        let shown = batch.masks.chunks_exact(32 * 32).filter(|mask| mask.iter().sum::<f32>() > 10.0).count();
        assert!(shown >= 10, "{shown} of 16");
        assert!(batch.blocks.iter().all(|v| (-2.01..=2.01).contains(v)));
    }
}
