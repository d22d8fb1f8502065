//! Measures a segmenter on held-out clips against their exact masks.

use super::batch::HELD_OUT;
use super::overlap::Overlap;
use figureground::Result;
use figureground::frame::Frame;
use figureground::mask::Size;
use figureground::segment::PersonSegmenter;
use pantomime::{Action, Clip, Context, Handling, Picture};

/// Frames measured per clip, spread evenly.
const PER_CLIP: usize = 4;

/// Mean intersection over union at the size of the pictures, 0 to 1, per set.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HeldOut {
    /// Actions, mostly in their home scenes.
    pub in_context: Overlap,
    /// Actions in other scenes.
    pub out_of_context: Overlap,
    /// Handlings of objects.
    pub handlings: Overlap,
}

impl HeldOut {
    /// Returns the mean over all three sets.
    pub fn all(&self) -> Overlap {
        let mut all = self.in_context;
        all.join(self.out_of_context);
        all.join(self.handlings);
        all
    }
}

/// Measures `segmenter`, whose target is the frame, on `clips` clips of each set. They are rendered at `side` pixels a
/// side from seeds that training never draws.
///
/// # Errors
/// When the model fails.
pub fn held_out(segmenter: &mut PersonSegmenter, clips: usize, side: u32, seed: u64) -> Result<HeldOut> {
    let mut all = HeldOut::default();
    for number in 0..clips {
        let seed = HELD_OUT | (seed.wrapping_mul(1 << 32)).wrapping_add(number as u64);
        // 7 is coprime to the numbers of actions and handlings, so that few clips have many classes.
        let action = Action::ALL[number * 7 % Action::ALL.len()];
        let handling = Handling::ALL[number * 7 % Handling::ALL.len()];
        add_clip(segmenter, &Clip::action(action, Context::In, 0.9, seed), side, &mut all.in_context)?;
        add_clip(segmenter, &Clip::action(action, Context::Out, 0.9, seed ^ 1 << 60), side, &mut all.out_of_context)?;
        add_clip(segmenter, &Clip::handling(handling, 0.5, seed ^ 1 << 61), side, &mut all.handlings)?;
    }
    Ok(all)
}

fn add_clip(segmenter: &mut PersonSegmenter, clip: &Clip, side: u32, overlap: &mut Overlap) -> Result<()> {
    let size = Size::new(side, side)?;
    let (mut renderer, mut picture) = (clip.renderer(size), Picture::new(size));
    for i in 0..PER_CLIP {
        renderer.render((2 * i + 1) * clip.frames() / (2 * PER_CLIP), &mut picture);
        let frame = Frame::new(&picture.rgb, side, side, 0, 0)?;
        overlap.add(segmenter.person_in(&frame)?, &picture.person);
    }
    Ok(())
}
