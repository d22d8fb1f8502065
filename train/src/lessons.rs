//! From footage to batches: which clips, masked and moved how, with which texts. Everything random follows from the seed
//! and the number of the step, so that a run that is taken up again goes on as if it had never stopped.

use crate::compose::over_backdrop;
use crate::footage::{Footage, Masks};
use crate::masking_ratio::MaskingRatio;
use crate::pair::Sizes;
use crate::patches::{self, Shift};
use figureground::Result;
use figureground::bundle::tokenizer::Tokenizer;
use figureground::mask::Shape;
use pantomime::JOINTS;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Numbers that describe a posture: two for each joint.
pub const POSTURE: usize = 2 * JOINTS;

/// What one step learns from.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Patches of all frames, `[n, T, patches, 3 * patch * patch]`.
    pub patches: Vec<f32>,
    /// What a posture head is to say of each frame, `[n, T, POSTURE]`.
    pub posture: Vec<f32>,
    /// Number of clips (n).
    pub clips: usize,
    /// Token ids of the texts, each once.
    pub texts: Vec<Vec<i64>>,
    /// Which text each clip has.
    pub labels: Vec<usize>,
}

/// A source of batches.
pub trait Lessons {
    /// Steps of an epoch.
    fn steps(&self) -> usize;

    /// The batch of step `step` of epoch `epoch`.
    ///
    /// # Errors
    /// When footage does not fit the sizes.
    fn batch(&self, epoch: usize, step: usize) -> Result<Batch>;
}

/// How samples are varied.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variation {
    /// Which kind of masking each sample gets.
    pub ratio: MaskingRatio,
    /// How often the background is replaced by that of another clip, in 0..=1: an augmentation to compare masking with.
    pub swap: f32,
    /// How far, in pixels, samples are moved at most.
    pub reach: u32,
}

impl Variation {
    /// No masking and no other background.
    pub const PLAIN: Self = Self { ratio: MaskingRatio::NONE, swap: 0.0, reach: 6 };

    /// With masking as `ratio` says.
    pub const fn masked(ratio: MaskingRatio) -> Self {
        Self { ratio, ..Self::PLAIN }
    }
}

/// Clips with their class names.
#[derive(Debug)]
pub struct ClassLessons<'a> {
    /// The clips.
    pub footage: &'a [Footage],
    /// Each clip's class.
    pub labels: &'a [usize],
    /// Token ids of each class's prompt.
    pub prompts: &'a [Vec<i64>],
    /// Sizes of the pair.
    pub sizes: Sizes,
    /// Clips of a step.
    pub batch: usize,
    /// How they are varied.
    pub variation: Variation,
    /// Seed of order, masks and colours.
    pub seed: u64,
}

impl Lessons for ClassLessons<'_> {
    fn steps(&self) -> usize {
        self.footage.len().div_ceil(self.batch)
    }

    fn batch(&self, epoch: usize, step: usize) -> Result<Batch> {
        let order = order(self.footage.len(), self.seed, epoch);
        let chosen = &order[step * self.batch..self.footage.len().min((step + 1) * self.batch)];
        let (patches, posture) = draw(self.footage, chosen, self.variation, &self.sizes, rng(self.seed, epoch, step))?;
        Ok(Batch {
            patches,
            posture,
            clips: chosen.len(),
            texts: self.prompts.to_vec(),
            labels: chosen.iter().map(|i| self.labels[*i]).collect(),
        })
    }
}

/// Clips with captions that name, at random, some of person, action, object and scene: how CLIP learned.
#[derive(Debug)]
pub struct CaptionLessons<'a> {
    /// The clips; one frame each is enough.
    pub footage: &'a [Footage],
    /// Words to token ids.
    pub tokenizer: &'a Tokenizer,
    /// Sizes of the pair.
    pub sizes: Sizes,
    /// Clips of a step.
    pub batch: usize,
    /// How they are varied.
    pub variation: Variation,
    /// Seed of order, captions, masks and colours.
    pub seed: u64,
}

impl Lessons for CaptionLessons<'_> {
    fn steps(&self) -> usize {
        self.footage.len() / self.batch
    }

    fn batch(&self, epoch: usize, step: usize) -> Result<Batch> {
        let order = order(self.footage.len(), self.seed, epoch);
        let chosen = &order[step * self.batch..][..self.batch];
        let mut rng = rng(self.seed, epoch, step);
        let (mut captions, mut labels) = (Vec::new(), Vec::new());
        for i in chosen {
            let caption = caption(&self.footage[*i].words, &mut rng);
            let known = captions.iter().position(|known| *known == caption);
            labels.push(known.unwrap_or(captions.len()));
            if known.is_none() {
                captions.push(caption);
            }
        }
        let texts = captions.iter().map(|caption| self.tokenizer.encode(caption)).collect();
        let (patches, posture) = draw(self.footage, chosen, self.variation, &self.sizes, rng)?;
        Ok(Batch { patches, posture, clips: chosen.len(), texts, labels })
    }
}

/// A caption: the action nearly always; person, object and scene now and then.
fn caption(words: &pantomime::Words, rng: &mut Pcg64) -> String {
    let mut named = |probability: f64| rng.random_bool(probability);
    let mut parts = vec![if named(0.3) { words.person.as_str() } else { "a person" }];
    if named(0.95) {
        parts.push(&words.action);
    }
    if let Some(object) = words.object.as_deref().filter(|_| named(0.3)) {
        parts.push(object);
    }
    if named(0.3) {
        parts.push(&words.scene);
    }
    let opening = if named(0.7) { "a photo of " } else { "" };
    format!("{opening}{}", parts.join(" "))
}

/// The order of `n` clips in epoch `epoch`.
fn order(n: usize, seed: u64, epoch: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(&mut rng(seed, epoch, usize::MAX));
    order
}

/// The random numbers of one step.
fn rng(seed: u64, epoch: usize, step: usize) -> Pcg64 {
    Pcg64::new(u128::from(seed) << 64 | epoch as u128, step as u128)
}

/// The patches and postures of the `chosen` clips, each varied in its own way.
fn draw(
    footage: &[Footage],
    chosen: &[usize],
    variation: Variation,
    sizes: &Sizes,
    mut rng: Pcg64,
) -> Result<(Vec<f32>, Vec<f32>)> {
    let frame_len = sizes.patches() * sizes.patch_values();
    let frames = footage[chosen[0]].frames();
    let mut patches = vec![0.0; chosen.len() * frames * frame_len];
    let mut postures = vec![0.0; chosen.len() * frames * POSTURE];
    let seeds: Vec<u64> = chosen.iter().map(|_| rng.random()).collect();
    patches
        .par_chunks_exact_mut(frames * frame_len)
        .zip(postures.par_chunks_exact_mut(frames * POSTURE))
        .zip(chosen)
        .zip(seeds)
        .try_for_each(|(((patches, postures), clip), seed)| {
            let mut rng = Pcg64::seed_from_u64(seed);
            let shift = Shift::draw(variation.reach as i32, &mut rng);
            for (frame, posture) in postures.chunks_exact_mut(POSTURE).enumerate() {
                posture.copy_from_slice(&posture_of(footage[*clip].joints(frame), shift, sizes.image_size));
            }
            draw_clip(footage, *clip, variation, shift, sizes, rng, patches)
        })?;
    Ok((patches, postures))
}

/// The patches of one clip: one masking, one colour and one shift for all its frames.
fn draw_clip(
    footage: &[Footage],
    clip: usize,
    variation: Variation,
    shift: Shift,
    sizes: &Sizes,
    mut rng: Pcg64,
    out: &mut [f32],
) -> Result<()> {
    let clip = &footage[clip];
    let masking = variation.ratio.draw(&mut rng);
    let other = rng.random_bool(f64::from(variation.swap)).then(|| footage.choose(&mut rng)).flatten();
    let len = 3 * clip.size().area();
    let (mut pixels, mut masked, mut backdrop) = (vec![0.0; len], vec![0.0; len], vec![0.0; len]);
    let mut scratch = Shape::new(clip.size());
    if let Some(other) = other {
        other.backdrop(&mut backdrop);
    }
    for (frame, out) in out.chunks_exact_mut(sizes.patches() * sizes.patch_values()).enumerate() {
        clip.pixel_values(frame, &mut pixels);
        let place = clip.whereabouts(frame, Masks::Exact);
        if other.is_some() {
            over_backdrop(&mut pixels, place.person(), &backdrop);
        }
        masking.apply(&pixels, &place.regions(), &mut scratch, &mut masked)?;
        patches::cut(&masked, sizes, shift, out);
    }
    Ok(())
}

/// Joints as numbers of the order of 1: the hips from the middle of the picture, all others from the hips, and of each pair
/// of limbs the one whose end is further left first, because a picture does not always tell left from right.
fn posture_of(joints: &[[f32; 2]; JOINTS], shift: Shift, side: usize) -> [f32; POSTURE] {
    let mut joints = joints.map(|joint| shift.moved(joint, side));
    for [first, second] in [[3, 5], [7, 9]] {
        if joints[first + 1][0] > joints[second + 1][0] {
            joints.swap(first, second);
            joints.swap(first + 1, second + 1);
        }
    }
    let (hips, unit) = (joints[0], 4.0 / side as f32);
    let mut posture = [0.0; POSTURE];
    for (i, joint) in joints.iter().enumerate() {
        let from = if i == 0 { [0.5 * side as f32; 2] } else { hips };
        for axis in 0..2 {
            posture[2 * i + axis] = (joint[axis] - from[axis]) * unit;
        }
    }
    posture
}
