//! What a pair says of clips, whole and in parts.

pub mod backdrops;
pub mod metrics;
pub mod showing;

pub use metrics::Tops;
pub use showing::Showing;

use crate::footage::{Footage, Masks};
use crate::pair::{ClipPair, Sizes, values};
use crate::patches::{self, Shift};
use crate::shards::Shards;
use burn::tensor::Tensor;
use figureground::Result;
use figureground::view::{Fill, View};
use rayon::prelude::*;

/// Clips that are encoded at once.
const CLIPS: usize = 16;

/// Shows clips to a pair and reads off what it takes them for.
#[derive(Debug)]
pub struct Examiner<'a> {
    /// What encodes.
    pub shards: &'a Shards,
    /// Sizes of the pair.
    pub sizes: Sizes,
    /// What hides pixels.
    pub fill: Fill,
    /// What objects become in the Person view; without it they are hidden like the background.
    pub object_fill: Option<Fill>,
}

impl Examiner<'_> {
    /// One view of whole clips, by the exact masks.
    pub fn view(&self, view: View) -> showing::OneView {
        showing::OneView { view, masks: Masks::Exact, fill: self.fill, object_fill: self.object_fill }
    }

    /// Text embeddings [classes, dimension] of `prompts`.
    pub fn texts(&self, pair: &ClipPair, prompts: &[Vec<i64>]) -> Tensor<2> {
        self.shards.infer(pair, self.shards.texts(prompts))
    }

    /// Clip embeddings [n, dimension] of `footage`, of which `showing` decides what is seen.
    ///
    /// # Errors
    /// When footage does not fit the sizes.
    pub fn clips(&self, pair: &ClipPair, footage: &[Footage], showing: &dyn Showing) -> Result<Tensor<2>> {
        let embeds: Result<Vec<_>> = (0..footage.len())
            .collect::<Vec<_>>()
            .chunks(CLIPS)
            .map(|c| self.some(pair, footage, c, showing))
            .collect();
        Ok(Tensor::cat(embeds?, 0))
    }

    fn some(&self, pair: &ClipPair, footage: &[Footage], chosen: &[usize], showing: &dyn Showing) -> Result<Tensor<2>> {
        let frame_len = self.sizes.patches() * self.sizes.patch_values();
        let frames = footage[chosen[0]].frames();
        let mut patches = vec![0.0; chosen.len() * frames * frame_len];
        patches.par_chunks_exact_mut(frame_len).enumerate().try_for_each(|(i, out)| {
            let mut pixels = vec![0.0; 3 * self.sizes.image_size * self.sizes.image_size];
            showing.show(footage, chosen[i / frames], i % frames, &mut pixels)?;
            patches::cut(&pixels, &self.sizes, Shift::default(), out);
            Ok(())
        })?;
        let embeds = self.shards.infer(pair, self.shards.pictures(&patches));
        let dimension = embeds.dims()[1];
        Ok(pair.clip_embeds(embeds.reshape([chosen.len(), frames, dimension])))
    }

    /// The class of each clip: the row of `texts` with the largest cosine.
    pub fn predictions(&self, clips: Tensor<2>, texts: &Tensor<2>) -> Vec<usize> {
        let classes = texts.dims()[0];
        let logits = values(clips.matmul(texts.clone().transpose()));
        logits.chunks_exact(classes).map(largest).collect()
    }

    /// top1, B-top1 and P-top1 of `footage` whose classes are `labels`.
    ///
    /// # Errors
    /// When footage does not fit the sizes.
    pub fn tops(
        &self,
        pair: &ClipPair,
        footage: &[Footage],
        labels: &[usize],
        texts: &Tensor<2>,
        masks: Masks,
    ) -> Result<Tops> {
        let top1 = |view: View| -> Result<f64> {
            let showing = showing::OneView { masks, ..self.view(view) };
            let said = self.predictions(self.clips(pair, footage, &showing)?, texts);
            Ok(metrics::accuracy(&said, labels))
        };
        Ok(Tops { top1: top1(View::Full)?, b_top1: top1(View::Background)?, p_top1: top1(View::Person)? })
    }
}

fn largest(logits: &[f32]) -> usize {
    let first = |best: usize, next: usize| if logits[next] > logits[best] { next } else { best };
    (0..logits.len()).reduce(first).unwrap_or(0)
}
