//! Evaluates pairs on clips, whole and in parts.

pub mod accuracy;
pub mod backgrounds;
pub mod crossed_grid;
pub mod stimulus;

pub use accuracy::ViewAccuracies;
pub use backgrounds::BackgroundKind;
pub use crossed_grid::{GridMeasures, GridPredictions};
pub use stimulus::{SingleView, Stimulus};

use crate::clip::{LabelledClips, MaskSource, ProcessedClip};
use crate::pair::{ClipPair, PairSizes, values};
use crate::parallel_encoder::ParallelEncoder;
use crate::patchify::patchify;
use burn::tensor::Tensor;
use figureground::Result;
use figureground::view::{Fill, View};
use rayon::prelude::*;

/// Clips that are encoded at once.
const CLIPS: usize = 16;

/// A pair with the text embeddings of some classes.
#[derive(Clone, Debug)]
pub struct Classifier<'a> {
    /// The pair.
    pub pair: &'a ClipPair,
    /// Text embeddings [classes, dimension] of unit norm.
    pub texts: Tensor<2>,
}

/// Encodes clips and predicts their classes.
#[derive(Debug)]
pub struct Evaluator<'a> {
    /// The encoder.
    pub encoder: &'a ParallelEncoder,
    /// Sizes of the pair.
    pub sizes: PairSizes,
    /// Fill that hides pixels.
    pub fill: Fill,
    /// Fill of objects in the Person view; `None` hides them like the background.
    pub object_fill: Option<Fill>,
}

impl Evaluator<'_> {
    /// Returns a view of whole clips, by the exact masks.
    pub fn view(&self, view: View) -> SingleView {
        SingleView { view, masks: MaskSource::Exact, fill: self.fill, object_fill: self.object_fill }
    }

    /// Embeds `prompts`, the token ids of one prompt per class.
    pub fn classifier<'a>(&self, pair: &'a ClipPair, prompts: &[Vec<i64>]) -> Classifier<'a> {
        Classifier { pair, texts: self.encoder.infer(pair, self.encoder.texts(prompts)) }
    }

    /// Returns the cosines [n, classes] between `clips`, as shown by `stimulus`, and the classes.
    ///
    /// # Errors
    /// Returns an error if the clips do not have the pair's picture size.
    pub fn cosines(
        &self,
        classifier: &Classifier<'_>,
        clips: &[ProcessedClip],
        stimulus: &dyn Stimulus,
    ) -> Result<Tensor<2>> {
        let indices: Vec<usize> = (0..clips.len()).collect();
        let embeds: Result<Vec<_>> = indices
            .chunks(CLIPS)
            .map(|chunk| {
                let patches = self.patchify(clips, chunk, stimulus)?;
                Ok(self.clip_embeds(classifier.pair, &patches, chunk.len()))
            })
            .collect();
        Ok(Tensor::cat(embeds?, 0).matmul(classifier.texts.clone().transpose()))
    }

    /// Returns the patches of all frames of the `chosen` clips.
    fn patchify(&self, clips: &[ProcessedClip], chosen: &[usize], stimulus: &dyn Stimulus) -> Result<Vec<f32>> {
        let frame_len = self.sizes.patch_count() * self.sizes.patch_values();
        let frames = clips[chosen[0]].frames();
        let mut patches = vec![0.0; chosen.len() * frames * frame_len];
        patches.par_chunks_exact_mut(frame_len).enumerate().try_for_each(|(i, out)| {
            let mut pixels = vec![0.0; 3 * self.sizes.image_size * self.sizes.image_size];
            stimulus.write_frame(clips, chosen[i / frames], i % frames, &mut pixels)?;
            patchify(&pixels, &self.sizes, out);
            Ok(())
        })?;
        Ok(patches)
    }

    /// Returns the clip embeddings [clips, dimension] of the patches of all frames.
    fn clip_embeds(&self, pair: &ClipPair, patches: &[f32], clips: usize) -> Tensor<2> {
        let embeds = self.encoder.infer(pair, self.encoder.pictures(patches));
        let [frames, dimension] = embeds.dims();
        pair.clip_embeds(embeds.reshape([clips, frames / clips, dimension]))
    }

    /// Predicts the class of each clip, as shown by `stimulus`: the one with the largest cosine.
    ///
    /// # Errors
    /// Returns an error if the clips do not have the pair's picture size.
    pub fn predictions(
        &self,
        classifier: &Classifier<'_>,
        clips: &[ProcessedClip],
        stimulus: &dyn Stimulus,
    ) -> Result<Vec<usize>> {
        let classes = classifier.texts.dims()[0];
        let cosines = values(self.cosines(classifier, clips, stimulus)?);
        Ok(cosines.chunks_exact(classes).map(index_of_largest).collect())
    }

    /// Measures top1, B-top1 and P-top1 of `clips`, with views by `masks`.
    ///
    /// # Errors
    /// Returns an error if the clips do not have the pair's picture size.
    pub fn view_accuracies(
        &self,
        classifier: &Classifier<'_>,
        clips: &LabelledClips,
        masks: MaskSource,
    ) -> Result<ViewAccuracies> {
        let top1 = |view: View| -> Result<f64> {
            let stimulus = SingleView { masks, ..self.view(view) };
            let predictions = self.predictions(classifier, &clips.clips, &stimulus)?;
            Ok(accuracy::accuracy(&predictions, &clips.labels))
        };
        Ok(ViewAccuracies { top1: top1(View::Full)?, b_top1: top1(View::Background)?, p_top1: top1(View::Person)? })
    }
}

fn index_of_largest(cosines: &[f32]) -> usize {
    let larger = |best: usize, next: usize| if cosines[next] > cosines[best] { next } else { best };
    (0..cosines.len()).reduce(larger).unwrap_or(0)
}
