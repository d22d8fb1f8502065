//! Trains a pair, with checkpoints and a loss curve. A resumed run gives the same weights as an uninterrupted one.

use crate::batch_sampler::{BatchSampler, ClipBatch};
use crate::checkpoint::{Checkpoints, RunIdentity, TrainingState};
use crate::loss_curve::LossCurve;
use crate::objective::{Albar, Objective, albar, cross_entropy, gradient_norm, info_nce};
use crate::pair::{ClipPair, PairSizes, values, weights};
use crate::parallel_encoder::{EncodedChunk, EncoderChunk, ParallelEncoder, leaf};
use crate::training_settings::TrainingSettings;
use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Int, Tensor, TensorData, s};
use figureground::{Error, Result, Stage};
use indicatif::ProgressBar;
use std::path::Path;

/// Receives the epoch, from 0, and the pair after it, outside any graph. An error ends the run.
pub type AfterEpoch<'a> = dyn FnMut(usize, &ClipPair) -> Result<()> + 'a;

/// A training run of a pair.
pub struct PairTrainer<'a> {
    pair: ClipPair,
    optimiser: ModuleOptimizer,
    settings: TrainingSettings,
    sizes: PairSizes,
    encoder: &'a ParallelEncoder,
    device: Device,
}

impl std::fmt::Debug for PairTrainer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PairTrainer")
            .field("settings", &self.settings)
            .field("sizes", &self.sizes)
            .finish_non_exhaustive()
    }
}

impl<'a> PairTrainer<'a> {
    /// Creates a trainer of `pair`, which is on the autodiff backend of `device`.
    pub fn new(
        pair: ClipPair,
        settings: TrainingSettings,
        sizes: PairSizes,
        encoder: &'a ParallelEncoder,
        device: &Device,
    ) -> Self {
        let optimiser = settings.optimiser.build(settings.weight_decay);
        Self { pair, optimiser, settings, sizes, encoder, device: device.clone().autodiff() }
    }

    /// Runs all epochs, or those after the newest complete checkpoint in `directory`, and calls `after_epoch` after
    /// each of them. Returns the trained pair.
    ///
    /// # Errors
    /// Returns an error if a batch cannot be drawn, the loss is not finite, or a file cannot be written.
    pub fn run(
        mut self,
        batch_sampler: &dyn BatchSampler,
        directory: &Path,
        bar: &ProgressBar,
        after_epoch: &mut AfterEpoch<'_>,
    ) -> Result<ClipPair> {
        let steps = batch_sampler.steps();
        let total = self.settings.epochs * steps;
        let checkpoints = Checkpoints::open(directory)?;
        let start = weights::checksum(&self.pair, &self.sizes);
        let run = RunIdentity { settings: self.settings, sizes: self.sizes, batches: batch_sampler.describe(), start };
        let mut state = TrainingState { step: 0, run };
        if let Some(checkpoint) = checkpoints.newest(&state.run)? {
            (self.pair, self.optimiser, state) = checkpoint.load(self.pair, self.optimiser)?;
        }
        let mut curve = LossCurve::open(&directory.join("curve.csv"), state.step)?;
        bar.set_length(total as u64);
        bar.set_position(state.step as u64);
        bar.reset_eta();
        while state.step < total {
            let (epoch, step) = (state.step / steps, state.step % steps);
            let rate = self.settings.learning_rate_at(state.step, steps);
            let loss = self.step(&batch_sampler.batch(epoch, step)?, rate)?;
            state.step += 1;
            curve.push(state.step, epoch, rate, loss)?;
            bar.set_message(format!("loss {loss:.3}"));
            bar.inc(1);
            if state.step.is_multiple_of(steps) {
                after_epoch(epoch, &self.pair.valid())?;
                curve.flush()?;
                checkpoints.write(&self.pair, &self.optimiser, &state)?;
            }
        }
        Ok(self.pair.valid())
    }

    /// Takes one step of the optimiser and returns the loss.
    fn step(&mut self, batch: &ClipBatch, rate: f64) -> Result<f32> {
        let (loss, gradients) = self.loss_and_gradients(batch);
        if !loss.is_finite() {
            let next = "lower the learning rate";
            return Err(Error::new(Stage::Training, "a finite loss", loss, next));
        }
        self.pair = self.optimiser.step(rate, self.pair.clone(), gradients);
        Ok(loss)
    }

    /// Computes the loss of `batch` and its gradients.
    pub fn loss_and_gradients(&self, batch: &ClipBatch) -> (f32, GradientsParams) {
        match self.settings.objective {
            Objective::Albar(weights) => self.albar_loss(batch, weights),
            objective => self.clip_loss(batch, objective),
        }
    }

    /// Computes a loss of clips and texts, plus that of the posture head.
    fn clip_loss(&self, batch: &ClipBatch, objective: Objective) -> (f32, GradientsParams) {
        let frames = self.encoder.forward(&self.pair, self.encoder.pictures(&batch.patches));
        let texts = self.encoder.forward(&self.pair, self.encoder.texts(&batch.texts));
        let (frame_leaf, text_leaf) = (leaf(&frames), leaf(&texts));
        let dimension = self.sizes.projection;
        let embeds = frame_leaf.clone().slice(s![.., ..dimension]);
        let clips = self.clips(embeds.clone(), batch.clips);
        let loss = match objective {
            Objective::InfoNce => {
                let texts = text_leaf.clone().select(0, self.indices(&batch.labels));
                info_nce(clips, texts, &batch.labels, self.pair.scale())
            }
            _ => cross_entropy(self.logits(clips, text_leaf.clone()), &batch.labels),
        };
        let loss = match self.pair.posture() {
            Some(head) => {
                let joints = frame_leaf.clone().slice(s![.., dimension..]);
                loss + head.loss(embeds, joints, &batch.joint_targets).mul_scalar(self.settings.posture)
            }
            None => loss,
        };
        self.gradients(&loss, vec![(frames, frame_leaf), (texts, text_leaf)])
    }

    /// Computes ALBAR's loss.
    fn albar_loss(&self, batch: &ClipBatch, weights: Albar) -> (f32, GradientsParams) {
        let stills = self.stills(batch);
        let frames = self.encoder.forward(&self.pair, self.encoder.pictures(&batch.patches));
        let texts = self.encoder.forward(&self.pair, self.encoder.texts(&batch.texts));
        let still = self.encoder.forward(&self.pair, self.encoder.pictures(&stills));
        let [forward, backward] = self.steps_along_gradient(&stills, &texts, batch.clips, weights.step);
        let (forward, backward) =
            (self.encoder.forward(&self.pair, forward), self.encoder.forward(&self.pair, backward));
        let leaves = [&frames, &texts, &still, &forward, &backward].map(|encoded| leaf(encoded));
        let [frame_leaf, text_leaf, still_leaf, forward_leaf, backward_leaf] = &leaves;
        let logits = |clips: Tensor<2>| self.logits(clips, text_leaf.clone());
        let score = |stills: &Tensor<2>| total(logits(self.repeated(stills.clone())));
        let norm = gradient_norm(score(forward_leaf), score(backward_leaf), weights.step).mean();
        let clips = logits(self.clips(frame_leaf.clone(), batch.clips));
        let loss = weights.loss(clips, logits(self.repeated(still_leaf.clone())), &batch.labels)
            + norm.mul_scalar(weights.penalty);
        let encoded = [frames, texts, still, forward, backward];
        self.gradients(&loss, encoded.into_iter().zip(leaves).collect())
    }

    /// Returns the middle frame of every clip, `[n, patches, 3 * patch * patch]`.
    fn stills(&self, batch: &ClipBatch) -> Vec<f32> {
        let frame = self.sizes.patch_count() * self.sizes.patch_values();
        let clip = batch.patches.len() / batch.clips;
        let middle = clip / frame / 2;
        batch.patches.chunks_exact(clip).flat_map(|clip| &clip[middle * frame..][..frame]).copied().collect()
    }

    /// Returns the stills moved by `length` along, and against, the gradient of the sum of their logits.
    fn steps_along_gradient(
        &self,
        stills: &[f32],
        texts: &[EncodedChunk],
        clips: usize,
        length: f32,
    ) -> [Vec<EncoderChunk>; 2] {
        let encoded = self.encoder.forward(&self.pair, self.encoder.pictures(stills));
        let still_leaf = leaf(&encoded);
        let texts = Tensor::cat(texts.iter().map(EncodedChunk::embeds).collect(), 0).autodiff();
        let score = total(self.logits(self.repeated(still_leaf.clone()), texts)).sum();
        let gradient = still_leaf.grad_remove(&mut score.backward()).unwrap_or_else(|| still_leaf.inner().zeros_like());
        let gradient = self.encoder.picture_gradient(encoded, &gradient);
        let shape = [clips, self.sizes.patch_count(), self.sizes.patch_values()];
        let device = self.device.clone().inner();
        let stills = Tensor::<3>::from_data(TensorData::new(stills.to_vec(), shape), &device);
        let along = albar::directions(gradient).mul_scalar(length);
        [stills.clone() + along.clone(), stills - along].map(|moved| self.encoder.pictures(&values(moved)))
    }

    /// Returns the clip embeddings of frame embeddings [n * T, dimension].
    fn clips(&self, frame_embeds: Tensor<2>, clips: usize) -> Tensor<2> {
        let [rows, dimension] = frame_embeds.dims();
        self.pair.clip_embeds(frame_embeds.reshape([clips, rows / clips, dimension]))
    }

    /// Returns the clip embeddings of stills [n, dimension], each repeated for a whole clip.
    fn repeated(&self, still_embeds: Tensor<2>) -> Tensor<2> {
        let [n, dimension] = still_embeds.dims();
        let frames = self.sizes.frames;
        self.pair.clip_embeds(still_embeds.reshape([n, 1, dimension]).expand([n, frames, dimension]))
    }

    fn logits(&self, clips: Tensor<2>, texts: Tensor<2>) -> Tensor<2> {
        clips.matmul(texts.transpose()) * self.pair.scale().reshape([1, 1])
    }

    fn indices(&self, labels: &[usize]) -> Tensor<1, Int> {
        let labels: Vec<i32> = labels.iter().map(|label| *label as i32).collect();
        let n = labels.len();
        Tensor::from_data(TensorData::new(labels, [n]), &self.device)
    }

    /// Computes the gradients of `loss` with respect to the parameters, through its leaves and their encoded chunks.
    fn gradients(&self, loss: &Tensor<1>, encoded: Vec<(Vec<EncodedChunk>, Tensor<2>)>) -> (f32, GradientsParams) {
        let value = loss.clone().into_scalar::<f32>();
        let mut gradients = loss.backward();
        let mut sum = GradientsAccumulator::new();
        let leaves: Vec<_> = encoded.iter().map(|(_, leaf)| leaf.grad_remove(&mut gradients)).collect();
        sum.accumulate(&self.pair, GradientsParams::from_grads(gradients, &self.pair));
        for ((chunks, _), gradient) in encoded.into_iter().zip(leaves) {
            if let Some(gradient) = gradient {
                sum.accumulate(&self.pair, self.encoder.backward(&self.pair, chunks, &gradient));
            }
        }
        (value, sum.grads())
    }
}

/// Returns F, the sum of each row's logits, `[n]`.
fn total(logits: Tensor<2>) -> Tensor<1> {
    let n = logits.dims()[0];
    logits.sum_dim(1).reshape([n])
}
