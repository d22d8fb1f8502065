//! Samples batches of augmented clips with their texts.
//!
//! All random numbers follow from the seed, the epoch and the step, so that a resumed run draws the same batches.

use crate::augmentation::{Augmentation, Shift};
use crate::background::replace_background;
use crate::clip::{MaskSource, ProcessedClip};
use crate::pair::{JointTargets, PairSizes};
use crate::patchify::patchify;
use figureground::Result;
use figureground::bundle::tokenizer::Tokenizer;
use figureground::mask::Shape;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use rayon::prelude::*;

/// A batch of clips and texts.
#[derive(Clone, Debug)]
pub struct ClipBatch {
    /// Patches of all frames, `[n, T, patches, 3 * patch * patch]`.
    pub patches: Vec<f32>,
    /// Targets of a posture head for all frames.
    pub joint_targets: JointTargets,
    /// Number of clips (n).
    pub clips: usize,
    /// Token ids of the distinct texts.
    pub texts: Vec<Vec<i64>>,
    /// Index of each clip's text.
    pub labels: Vec<usize>,
}

/// A source of batches.
pub trait BatchSampler {
    /// Returns a description of clips and augmentation; equal descriptions mean equal batches.
    fn describe(&self) -> String;

    /// Returns the number of steps per epoch.
    fn steps(&self) -> usize;

    /// Draws the batch of step `step` of epoch `epoch`.
    ///
    /// # Errors
    /// Returns an error if the clips do not have the pair's picture size.
    fn batch(&self, epoch: usize, step: usize) -> Result<ClipBatch>;
}

/// Samples clips with the prompts of their classes.
#[derive(Debug)]
pub struct ClassBatches<'a> {
    /// The clips.
    pub clips: &'a [ProcessedClip],
    /// Index of each clip's class.
    pub labels: &'a [usize],
    /// Token ids of each class's prompt.
    pub prompts: &'a [Vec<i64>],
    /// Sizes of the pair.
    pub sizes: PairSizes,
    /// Clips per step.
    pub batch_size: usize,
    /// How samples are augmented.
    pub augmentation: Augmentation,
    /// Seed of order, masks and colours.
    pub seed: u64,
}

impl BatchSampler for ClassBatches<'_> {
    fn describe(&self) -> String {
        let Self { clips, prompts, batch_size, augmentation, seed, .. } = self;
        format!(
            "{} clips of {} classes, {batch_size} a step, {}, seed {seed}",
            clips.len(),
            prompts.len(),
            augmentation.describe()
        )
    }

    fn steps(&self) -> usize {
        self.clips.len().div_ceil(self.batch_size)
    }

    fn batch(&self, epoch: usize, step: usize) -> Result<ClipBatch> {
        let order = shuffled(self.clips.len(), self.seed, epoch);
        let chosen = &order[step * self.batch_size..self.clips.len().min((step + 1) * self.batch_size)];
        let samples: Vec<ChosenFrames> = chosen
            .iter()
            .map(|&clip| ChosenFrames { clip, frames: (0..self.clips[clip].frames()).collect() })
            .collect();
        let drawer = SampleDrawer { clips: self.clips, augmentation: self.augmentation, sizes: &self.sizes };
        let (patches, joint_targets) = drawer.draw(&samples, step_rng(self.seed, epoch, step))?;
        Ok(ClipBatch {
            patches,
            joint_targets,
            clips: chosen.len(),
            texts: self.prompts.to_vec(),
            labels: chosen.iter().map(|i| self.labels[*i]).collect(),
        })
    }
}

/// Samples single frames of clips with captions that name, at random, some of person, action, object and scene.
#[derive(Debug)]
pub struct CaptionBatches<'a> {
    /// The clips; a step uses one frame of each.
    pub clips: &'a [ProcessedClip],
    /// Tokenizer of the captions.
    pub tokenizer: &'a Tokenizer,
    /// Sizes of the pair.
    pub sizes: PairSizes,
    /// Clips per step.
    pub batch_size: usize,
    /// How samples are augmented.
    pub augmentation: Augmentation,
    /// Seed of order, captions, masks and colours.
    pub seed: u64,
}

impl BatchSampler for CaptionBatches<'_> {
    fn describe(&self) -> String {
        let Self { clips, batch_size, augmentation, seed, .. } = self;
        format!("{} clips with captions, {batch_size} a step, {}, seed {seed}", clips.len(), augmentation.describe())
    }

    fn steps(&self) -> usize {
        self.clips.len() / self.batch_size
    }

    fn batch(&self, epoch: usize, step: usize) -> Result<ClipBatch> {
        let order = shuffled(self.clips.len(), self.seed, epoch);
        let chosen = &order[step * self.batch_size..][..self.batch_size];
        let mut rng = step_rng(self.seed, epoch, step);
        let (mut captions, mut labels) = (Vec::new(), Vec::new());
        for i in chosen {
            let caption = caption(&self.clips[*i].caption_parts, &mut rng);
            let known = captions.iter().position(|known| *known == caption);
            labels.push(known.unwrap_or(captions.len()));
            if known.is_none() {
                captions.push(caption);
            }
        }
        let texts = captions.iter().map(|caption| self.tokenizer.encode(caption)).collect();
        let samples: Vec<ChosenFrames> = chosen
            .iter()
            .map(|&clip| ChosenFrames { clip, frames: vec![rng.random_range(0..self.clips[clip].frames())] })
            .collect();
        let drawer = SampleDrawer { clips: self.clips, augmentation: self.augmentation, sizes: &self.sizes };
        let (patches, joint_targets) = drawer.draw(&samples, rng)?;
        Ok(ClipBatch { patches, joint_targets, clips: chosen.len(), texts, labels })
    }
}

/// Draws a caption: nearly always with the action, sometimes with person, object and scene.
fn caption(parts: &pantomime::CaptionParts, rng: &mut Pcg64) -> String {
    let mut named = |probability: f64| rng.random_bool(probability);
    let mut phrases = vec![if named(0.3) { parts.person.as_str() } else { "a person" }];
    if named(0.95) {
        phrases.push(&parts.action);
    }
    if let Some(object) = parts.object.as_deref().filter(|_| named(0.3)) {
        phrases.push(object);
    }
    if named(0.3) {
        phrases.push(&parts.scene);
    }
    let opening = if named(0.7) { "a photo of " } else { "" };
    format!("{opening}{}", phrases.join(" "))
}

/// Returns the order of `n` clips in epoch `epoch`.
fn shuffled(n: usize, seed: u64, epoch: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(&mut step_rng(seed, epoch, usize::MAX));
    order
}

/// Returns the random numbers of one step.
fn step_rng(seed: u64, epoch: usize, step: usize) -> Pcg64 {
    Pcg64::new(u128::from(seed) << 64 | epoch as u128, step as u128)
}

/// A clip and the frames of it that are in a batch.
struct ChosenFrames {
    clip: usize,
    frames: Vec<usize>,
}

/// One sample before it is drawn. All its frames share one shift, one masking and one colour.
struct Sample<'a> {
    clip: &'a ProcessedClip,
    frames: &'a [usize],
    shift: Shift,
    rng: Pcg64,
}

/// Draws augmented samples of clips; other backgrounds are those of the same clips.
struct SampleDrawer<'a> {
    clips: &'a [ProcessedClip],
    augmentation: Augmentation,
    sizes: &'a PairSizes,
}

impl SampleDrawer<'_> {
    /// Returns patches and joint targets of the frames in `chosen`, each clip augmented on its own.
    fn draw(&self, chosen: &[ChosenFrames], mut rng: Pcg64) -> Result<(Vec<f32>, JointTargets)> {
        let sample_len = chosen[0].frames.len() * self.sizes.patch_count() * self.sizes.patch_values();
        let mut patches = vec![0.0; chosen.len() * sample_len];
        let mut joint_targets = JointTargets::default();
        let mut samples = Vec::with_capacity(chosen.len());
        for ChosenFrames { clip, frames } in chosen {
            let mut rng = Pcg64::seed_from_u64(rng.random());
            let (clip, shift) = (&self.clips[*clip], Shift::draw(self.augmentation.max_shift, &mut rng));
            for frame in frames {
                let joints = clip.joints(*frame).map(|joint| shift.apply_to_point(joint, self.sizes.image_size));
                joint_targets.push(joints, self.sizes);
            }
            samples.push(Sample { clip, frames, shift, rng });
        }
        patches
            .par_chunks_exact_mut(sample_len)
            .zip(samples)
            .try_for_each(|(patches, sample)| self.write_sample(sample, patches))?;
        Ok((patches, joint_targets))
    }

    /// Writes the patches of one sample to `out`.
    fn write_sample(&self, sample: Sample<'_>, out: &mut [f32]) -> Result<()> {
        let Sample { clip, frames, shift, mut rng } = sample;
        let masking = self.augmentation.ratio.draw(&mut rng);
        let swapped = rng.random_bool(f64::from(self.augmentation.swap));
        let other = swapped.then(|| self.clips.choose(&mut rng)).flatten();
        let len = 3 * clip.size().area();
        let [mut pixels, mut masked, mut background] = [(); 3].map(|()| vec![0.0; len]);
        let mut scratch = Shape::new(clip.size());
        if let Some(other) = other {
            other.background(&mut background);
        }
        for (frame, out) in
            frames.iter().zip(out.chunks_exact_mut(self.sizes.patch_count() * self.sizes.patch_values()))
        {
            clip.pixel_values(*frame, &mut pixels);
            let regions = clip.regions_of(*frame, MaskSource::Exact);
            if other.is_some() {
                replace_background(&mut pixels, regions.person(), &background);
            }
            masking.apply(&pixels, &regions.regions(), &mut scratch, &mut masked)?;
            shift.apply(&masked, self.sizes.image_size, &mut pixels);
            patchify(&pixels, self.sizes, out);
        }
        Ok(())
    }
}
