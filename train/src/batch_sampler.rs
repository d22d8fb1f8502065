//! From clips to batches: which clips, masked and moved how, with which texts. Everything random follows from the seed
//! and the number of the step, so that a run that is taken up again goes on as if it had never stopped.

use crate::clip::{Masks, ProcessedClip};
use crate::compose::over_background;
use crate::masking_ratio::MaskingRatio;
use crate::pair::{Postures, Sizes};
use crate::patchify::{self, Shift};
use figureground::Result;
use figureground::bundle::tokenizer::Tokenizer;
use figureground::mask::Shape;
use pantomime::JOINTS;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// What one step learns from.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Patches of all frames, `[n, T, patches, 3 * patch * patch]`.
    pub patches: Vec<f32>,
    /// What a posture head is to say of all frames.
    pub postures: Postures,
    /// Number of clips (n).
    pub clips: usize,
    /// Token ids of the texts, each once.
    pub texts: Vec<Vec<i64>>,
    /// Which text each clip has.
    pub labels: Vec<usize>,
}

/// A source of batches.
pub trait BatchSampler {
    /// What is learned from, in words: batch_sampler of equal words are equal.
    fn describe(&self) -> String;

    /// Steps of an epoch.
    fn steps(&self) -> usize;

    /// The batch of step `step` of epoch `epoch`.
    ///
    /// # Errors
    /// When clips does not fit the sizes.
    fn batch(&self, epoch: usize, step: usize) -> Result<Batch>;
}

/// How samples are varied.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Augmentation {
    /// Which kind of masking each sample gets.
    pub ratio: MaskingRatio,
    /// How often the background is replaced by that of another clip, in 0..=1: an augmentation to compare masking with.
    pub swap: f32,
    /// How far, in pixels, samples are moved at most.
    pub reach: u32,
}

impl Augmentation {
    /// No masking and no other background.
    pub const PLAIN: Self = Self { ratio: MaskingRatio::NONE, swap: 0.0, reach: 6 };

    fn describe(&self) -> String {
        let Self { ratio, swap, reach } = self;
        format!("masked {ratio}, swapped {swap}, moved {reach}")
    }

    /// With masking as `ratio` says.
    pub const fn masked(ratio: MaskingRatio) -> Self {
        Self { ratio, ..Self::PLAIN }
    }
}

/// Clips with their class names.
#[derive(Debug)]
pub struct ClassBatches<'a> {
    /// The clips.
    pub clips: &'a [ProcessedClip],
    /// Each clip's class.
    pub labels: &'a [usize],
    /// Token ids of each class's prompt.
    pub prompts: &'a [Vec<i64>],
    /// Sizes of the pair.
    pub sizes: Sizes,
    /// Clips of a step.
    pub batch: usize,
    /// How they are varied.
    pub augmentation: Augmentation,
    /// Seed of order, masks and colours.
    pub seed: u64,
}

impl BatchSampler for ClassBatches<'_> {
    fn describe(&self) -> String {
        let Self { clips, prompts, batch, augmentation, seed, .. } = self;
        format!(
            "{} clips of {} classes, {batch} a step, {}, seed {seed}",
            clips.len(),
            prompts.len(),
            augmentation.describe()
        )
    }

    fn steps(&self) -> usize {
        self.clips.len().div_ceil(self.batch)
    }

    fn batch(&self, epoch: usize, step: usize) -> Result<Batch> {
        let order = order(self.clips.len(), self.seed, epoch);
        let chosen = &order[step * self.batch..self.clips.len().min((step + 1) * self.batch)];
        let frames: Vec<Vec<usize>> = chosen.iter().map(|clip| (0..self.clips[*clip].frames()).collect()).collect();
        let rng = rng(self.seed, epoch, step);
        let (patches, postures) = draw(self.clips, chosen, &frames, self.augmentation, &self.sizes, rng)?;
        Ok(Batch {
            patches,
            postures,
            clips: chosen.len(),
            texts: self.prompts.to_vec(),
            labels: chosen.iter().map(|i| self.labels[*i]).collect(),
        })
    }
}

/// Clips with captions that name, at random, some of person, action, object and scene: how CLIP learned.
#[derive(Debug)]
pub struct CaptionBatches<'a> {
    /// The clips; a step sees one frame of each.
    pub clips: &'a [ProcessedClip],
    /// CaptionParts to token ids.
    pub tokenizer: &'a Tokenizer,
    /// Sizes of the pair.
    pub sizes: Sizes,
    /// Clips of a step.
    pub batch: usize,
    /// How they are varied.
    pub augmentation: Augmentation,
    /// Seed of order, captions, masks and colours.
    pub seed: u64,
}

impl BatchSampler for CaptionBatches<'_> {
    fn describe(&self) -> String {
        let Self { clips, batch, augmentation, seed, .. } = self;
        format!("{} clips with captions, {batch} a step, {}, seed {seed}", clips.len(), augmentation.describe())
    }

    fn steps(&self) -> usize {
        self.clips.len() / self.batch
    }

    fn batch(&self, epoch: usize, step: usize) -> Result<Batch> {
        let order = order(self.clips.len(), self.seed, epoch);
        let chosen = &order[step * self.batch..][..self.batch];
        let mut rng = rng(self.seed, epoch, step);
        let (mut captions, mut labels) = (Vec::new(), Vec::new());
        for i in chosen {
            let caption = caption(&self.clips[*i].words, &mut rng);
            let known = captions.iter().position(|known| *known == caption);
            labels.push(known.unwrap_or(captions.len()));
            if known.is_none() {
                captions.push(caption);
            }
        }
        let texts = captions.iter().map(|caption| self.tokenizer.encode(caption)).collect();
        let frames: Vec<Vec<usize>> =
            chosen.iter().map(|clip| vec![rng.random_range(0..self.clips[*clip].frames())]).collect();
        let (patches, postures) = draw(self.clips, chosen, &frames, self.augmentation, &self.sizes, rng)?;
        Ok(Batch { patches, postures, clips: chosen.len(), texts, labels })
    }
}

/// A caption: the action nearly always; person, object and scene now and then.
fn caption(words: &pantomime::CaptionParts, rng: &mut Pcg64) -> String {
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

/// One clip as it is shown: which frames, moved how, and what decides on the rest; one masking and one colour for all
/// its frames.
struct ClipSpec<'a> {
    clip: &'a ProcessedClip,
    frames: &'a [usize],
    shift: Shift,
    rng: Pcg64,
}

/// The patches and postures of `frames` of each of the `chosen` clips, each varied in its own way.
fn draw(
    clips: &[ProcessedClip],
    chosen: &[usize],
    frames: &[Vec<usize>],
    augmentation: Augmentation,
    sizes: &Sizes,
    mut rng: Pcg64,
) -> Result<(Vec<f32>, Postures)> {
    let take_len = frames[0].len() * sizes.patches() * sizes.patch_values();
    let mut patches = vec![0.0; chosen.len() * take_len];
    let mut postures = Postures::default();
    let mut specs = Vec::with_capacity(chosen.len());
    for (clip, frames) in chosen.iter().zip(frames) {
        let mut rng = Pcg64::seed_from_u64(rng.random());
        let (clip, shift) = (&clips[*clip], Shift::draw(augmentation.reach as i32, &mut rng));
        for frame in frames {
            push_posture(&mut postures, clip.joints(*frame).map(|joint| shift.moved(joint, sizes.image_size)), sizes);
        }
        specs.push(ClipSpec { clip, frames, shift, rng });
    }
    patches
        .par_chunks_exact_mut(take_len)
        .zip(specs)
        .try_for_each(|(patches, take)| draw_patches(take, clips, augmentation, sizes, patches))?;
    Ok((patches, postures))
}

/// The patches of one take; other backgrounds are those of `clips`.
fn draw_patches(
    take: ClipSpec<'_>,
    clips: &[ProcessedClip],
    augmentation: Augmentation,
    sizes: &Sizes,
    out: &mut [f32],
) -> Result<()> {
    let ClipSpec { clip, frames, shift, mut rng } = take;
    let masking = augmentation.ratio.draw(&mut rng);
    let other = rng.random_bool(f64::from(augmentation.swap)).then(|| clips.choose(&mut rng)).flatten();
    let len = 3 * clip.size().area();
    let (mut pixels, mut masked, mut background) = (vec![0.0; len], vec![0.0; len], vec![0.0; len]);
    let mut scratch = Shape::new(clip.size());
    if let Some(other) = other {
        other.background(&mut background);
    }
    for (frame, out) in frames.iter().zip(out.chunks_exact_mut(sizes.patches() * sizes.patch_values())) {
        clip.pixel_values(*frame, &mut pixels);
        let place = clip.regions_of(*frame, Masks::Exact);
        if other.is_some() {
            over_background(&mut pixels, place.person(), &background);
        }
        masking.apply(&pixels, &place.regions(), &mut scratch, &mut masked)?;
        patchify::patchify(&masked, sizes, shift, out);
    }
    Ok(())
}

/// Adds the posture of `joints`, in pixels. Coordinates are of the order of 1: the hips from the middle of the picture, all
/// others from the hips. Of each pair of limbs the one whose end is further left comes first, because a picture does not
/// always tell left from right.
fn push_posture(postures: &mut Postures, mut joints: [[f32; 2]; JOINTS], sizes: &Sizes) {
    for [first, second] in [[3, 5], [7, 9]] {
        if joints[first + 1][0] > joints[second + 1][0] {
            joints.swap(first, second);
            joints.swap(first + 1, second + 1);
        }
    }
    let (side, grid) = (sizes.image_size as f32, sizes.image_size / sizes.patch_size);
    let place = |v: f32| ((v.max(0.0) as usize) / sizes.patch_size).min(grid - 1);
    for (i, [x, y]) in joints.into_iter().enumerate() {
        let [left, top] = if i == 0 { [0.5 * side; 2] } else { joints[0] };
        postures.coordinates.extend([x - left, y - top].map(|v| v * 4.0 / side));
        postures.patches.push(place(y) * grid + place(x));
    }
}
