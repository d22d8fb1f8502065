//! What a pair says of clips, whole and in parts.

pub mod backgrounds;
pub mod metrics;
pub mod stimulus;

pub use metrics::ViewAccuracies;
pub use stimulus::Stimulus;

use crate::clip::{Masks, ProcessedClip};
use crate::pair::{ClipPair, Sizes, values};
use crate::parallel_encoder::ParallelEncoder;
use crate::patchify::{self, Shift};
use burn::tensor::Tensor;
use figureground::Result;
use figureground::view::{Fill, View};
use rayon::prelude::*;

/// Clips that are encoded at once.
const CLIPS: usize = 16;

/// Shows clips to a pair and reads off what it specs them for.
#[derive(Debug)]
pub struct Evaluator<'a> {
    /// What encodes.
    pub encoder: &'a ParallelEncoder,
    /// Sizes of the pair.
    pub sizes: Sizes,
    /// What hides pixels.
    pub fill: Fill,
    /// What objects become in the Person view; without it they are hidden like the background.
    pub object_fill: Option<Fill>,
}

impl Evaluator<'_> {
    /// One view of whole clips, by the exact masks.
    pub fn view(&self, view: View) -> stimulus::SingleView {
        stimulus::SingleView { view, masks: Masks::Exact, fill: self.fill, object_fill: self.object_fill }
    }

    /// Text embeddings [classes, dimension] of `prompts`.
    pub fn texts(&self, pair: &ClipPair, prompts: &[Vec<i64>]) -> Tensor<2> {
        self.encoder.infer(pair, self.encoder.texts(prompts))
    }

    /// Clip embeddings [n, dimension] of `clips`, of which `stimulus` decides what is seen.
    ///
    /// # Errors
    /// When clips does not fit the sizes.
    pub fn clips(&self, pair: &ClipPair, clips: &[ProcessedClip], stimulus: &dyn Stimulus) -> Result<Tensor<2>> {
        let embeds: Result<Vec<_>> =
            (0..clips.len()).collect::<Vec<_>>().chunks(CLIPS).map(|c| self.some(pair, clips, c, stimulus)).collect();
        Ok(Tensor::cat(embeds?, 0))
    }

    fn some(
        &self,
        pair: &ClipPair,
        clips: &[ProcessedClip],
        chosen: &[usize],
        stimulus: &dyn Stimulus,
    ) -> Result<Tensor<2>> {
        let frame_len = self.sizes.patches() * self.sizes.patch_values();
        let frames = clips[chosen[0]].frames();
        let mut patches = vec![0.0; chosen.len() * frames * frame_len];
        patches.par_chunks_exact_mut(frame_len).enumerate().try_for_each(|(i, out)| {
            let mut pixels = vec![0.0; 3 * self.sizes.image_size * self.sizes.image_size];
            stimulus.show(clips, chosen[i / frames], i % frames, &mut pixels)?;
            patchify::patchify(&pixels, &self.sizes, Shift::default(), out);
            Ok(())
        })?;
        let embeds = self.encoder.infer(pair, self.encoder.pictures(&patches));
        let dimension = embeds.dims()[1];
        Ok(pair.clip_embeds(embeds.reshape([chosen.len(), frames, dimension])))
    }

    /// The class of each clip: the row of `texts` with the largest cosine.
    pub fn predictions(&self, clips: Tensor<2>, texts: &Tensor<2>) -> Vec<usize> {
        let classes = texts.dims()[0];
        let logits = values(clips.matmul(texts.clone().transpose()));
        logits.chunks_exact(classes).map(largest).collect()
    }

    /// top1, B-top1 and P-top1 of `clips` whose classes are `labels`.
    ///
    /// # Errors
    /// When clips does not fit the sizes.
    pub fn tops(
        &self,
        pair: &ClipPair,
        clips: &[ProcessedClip],
        labels: &[usize],
        texts: &Tensor<2>,
        masks: Masks,
    ) -> Result<ViewAccuracies> {
        let top1 = |view: View| -> Result<f64> {
            let stimulus = stimulus::SingleView { masks, ..self.view(view) };
            let said = self.predictions(self.clips(pair, clips, &stimulus)?, texts);
            Ok(metrics::accuracy(&said, labels))
        };
        Ok(ViewAccuracies { top1: top1(View::Full)?, b_top1: top1(View::Background)?, p_top1: top1(View::Person)? })
    }
}

fn largest(logits: &[f32]) -> usize {
    let first = |best: usize, next: usize| if logits[next] > logits[best] { next } else { best };
    (0..logits.len()).reduce(first).unwrap_or(0)
}
