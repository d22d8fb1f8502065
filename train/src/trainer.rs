//! Steps from batch to weights, with checkpoints, a curve, and the same result after a kill.

use crate::batch_sampler::{Batch, BatchSampler};
use crate::checkpoint::{Checkpoints, Run, State};
use crate::loss_curve::LossCurve;
use crate::objective::{Albar, Objective, albar, cross_entropy, gradient_norm, info_nce};
use crate::pair::{ClipPair, Sizes, values, weights};
use crate::parallel_encoder::{Encoded, Input, ParallelEncoder, leaf};
use burn::grad_clipping::GradientClippingConfig;
use burn::module::{Module, ParamGroup};
use burn::optim::{AdamWConfig, AdjustLrFn, GradientsAccumulator, GradientsParams, ModuleOptimizer, MuonConfig};
use burn::tensor::{Device, Int, Tensor, TensorData, s};
use figureground::{Error, Result, Stage};
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What specs the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Optimiser {
    /// AdamW for everything, as the papers fine-tune.
    AdamW,
    /// Muon for the matrices of the encoders and AdamW for the rest: from random weights, a pair learns postures with it
    /// and hardly without.
    Muon,
}

impl Optimiser {
    fn build(self, weight_decay: f32) -> ModuleOptimizer {
        let adam = AdamWConfig::new()
            .with_beta_2(0.98)
            .with_epsilon(1e-6)
            .with_weight_decay(weight_decay)
            .with_grad_clipping(Some(GradientClippingConfig::Norm(1.0)))
            .init();
        match self {
            Self::AdamW => adam,
            Self::Muon => {
                let matrices = MuonConfig::new().with_adjust_lr_fn(AdjustLrFn::MatchRmsAdamW).build();
                adam.with_group(ParamGroup::from_any_predicates(MATRICES.to_vec()), matrices, None)
            }
        }
    }
}

/// Ends of the names of the encoders' matrices.
const MATRICES: [&str; 6] = [
    "_proj.weight",
    "fc1.weight",
    "fc2.weight",
    "patch_embedding.weight",
    "visual_projection.weight",
    "text_projection.weight",
];

/// How a run goes over its batch_sampler.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// How often all clips are seen.
    pub epochs: usize,
    /// The largest learning rate.
    pub learning_rate: f64,
    /// Epochs over which it rises from 0; then it falls to 0 along a cosine.
    pub warmup_epochs: f64,
    /// What specs the steps.
    pub optimiser: Optimiser,
    /// AdamW's weight decay.
    pub weight_decay: f32,
    /// What is minimised.
    pub objective: Objective,
    /// Weight of the posture head's loss, where the pair has one.
    pub posture: f32,
}

impl Settings {
    /// The learning rate of step `step` of `steps` an epoch.
    fn learning_rate(&self, step: usize, steps: usize) -> f64 {
        let (done, total) = (step as f64 + 1.0, (self.epochs * steps) as f64);
        let warmup = self.warmup_epochs * steps as f64;
        if done < warmup {
            return self.learning_rate * done / warmup;
        }
        let progress = ((done - warmup) / (total - warmup).max(1.0)).min(1.0);
        self.learning_rate * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos())
    }
}

/// One run: a pair, its optimiser, and where they stand.
pub struct Trainer<'a> {
    pair: ClipPair,
    optimiser: ModuleOptimizer,
    settings: Settings,
    sizes: Sizes,
    encoder: &'a ParallelEncoder,
    device: Device,
}

impl std::fmt::Debug for Trainer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trainer").field("settings", &self.settings).field("sizes", &self.sizes).finish_non_exhaustive()
    }
}

impl<'a> Trainer<'a> {
    /// Trains `pair`, a pair on the autodiff side of `device`.
    pub fn new(
        pair: ClipPair,
        settings: Settings,
        sizes: Sizes,
        encoder: &'a ParallelEncoder,
        device: &Device,
    ) -> Self {
        let optimiser = settings.optimiser.build(settings.weight_decay);
        Self { pair, optimiser, settings, sizes, encoder, device: device.clone().autodiff() }
    }

    /// Runs all epochs, or what is left of them after the newest whole checkpoint in `directory`. `after_epoch` sees the
    /// pair after each epoch, outside any graph, and may end the run by an error; it is not called again for epochs
    /// that a former run finished.
    ///
    /// # Errors
    /// When a batch cannot be made, the loss is not finite, or a file cannot be written.
    pub fn run(
        mut self,
        batch_sampler: &dyn BatchSampler,
        directory: &Path,
        bar: &ProgressBar,
        after_epoch: &mut dyn FnMut(usize, &ClipPair) -> Result<()>,
    ) -> Result<ClipPair> {
        let steps = batch_sampler.steps();
        let total = self.settings.epochs * steps;
        let checkpoints = Checkpoints::open(directory)?;
        let start = weights::checksum(&self.pair, &self.sizes);
        let run = Run { settings: self.settings, sizes: self.sizes, batch_sampler: batch_sampler.describe(), start };
        let mut state = State { step: 0, run };
        if let Some(found) = checkpoints.newest(&state.run)? {
            (self.pair, self.optimiser, state) = found.load(self.pair, self.optimiser)?;
        }
        let mut curve = LossCurve::open(&directory.join("curve.csv"), state.step)?;
        bar.set_length(total as u64);
        bar.set_position(state.step as u64);
        bar.reset_eta();
        while state.step < total {
            let (epoch, step) = (state.step / steps, state.step % steps);
            let rate = self.settings.learning_rate(state.step, steps);
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

    /// One step of the optimiser; gives the loss.
    fn step(&mut self, batch: &Batch, rate: f64) -> Result<f32> {
        let (loss, gradients) = self.loss_and_gradients(batch);
        if !loss.is_finite() {
            let next = "lower the learning rate";
            return Err(Error::new(Stage::Training, "a finite loss", loss, next));
        }
        self.pair = self.optimiser.step(rate, self.pair.clone(), gradients);
        Ok(loss)
    }

    /// The loss of `batch` and its gradients.
    pub fn loss_and_gradients(&self, batch: &Batch) -> (f32, GradientsParams) {
        match self.settings.objective {
            Objective::Albar(weights) => self.albar(batch, weights),
            objective => self.plain(batch, objective),
        }
    }

    /// The loss of clips and texts alone.
    fn plain(&self, batch: &Batch, objective: Objective) -> (f32, GradientsParams) {
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
                loss + head.loss(embeds, joints, &batch.postures).mul_scalar(self.settings.posture)
            }
            None => loss,
        };
        self.gradients(&loss, vec![(frames, frame_leaf), (texts, text_leaf)])
    }

    /// ALBAR's loss.
    fn albar(&self, batch: &Batch, weights: Albar) -> (f32, GradientsParams) {
        let stills = self.stills(batch);
        let frames = self.encoder.forward(&self.pair, self.encoder.pictures(&batch.patches));
        let texts = self.encoder.forward(&self.pair, self.encoder.texts(&batch.texts));
        let still = self.encoder.forward(&self.pair, self.encoder.pictures(&stills));
        let [ahead, behind] = self.steps_along_gradient(&stills, &texts, batch.clips, weights.step);
        let (ahead, behind) = (self.encoder.forward(&self.pair, ahead), self.encoder.forward(&self.pair, behind));
        let leaves = [&frames, &texts, &still, &ahead, &behind].map(|encoded| leaf(encoded));
        let [frame_leaf, text_leaf, still_leaf, ahead_leaf, behind_leaf] = &leaves;
        let logits = |clips: Tensor<2>| self.logits(clips, text_leaf.clone());
        let score = |stills: &Tensor<2>| total(logits(self.shown_still(stills.clone())));
        let norm = gradient_norm(score(ahead_leaf), score(behind_leaf), weights.step).mean();
        let clips = logits(self.clips(frame_leaf.clone(), batch.clips));
        let loss = weights.loss(clips, logits(self.shown_still(still_leaf.clone())), &batch.labels)
            + norm.mul_scalar(weights.penalty);
        let encoded = [frames, texts, still, ahead, behind];
        self.gradients(&loss, encoded.into_iter().zip(leaves).collect())
    }

    /// The middle frame of every clip, `[n, patches, 3 * patch * patch]`.
    fn stills(&self, batch: &Batch) -> Vec<f32> {
        let frame = self.sizes.patches() * self.sizes.patch_values();
        let clip = batch.patches.len() / batch.clips;
        let middle = clip / frame / 2;
        batch.patches.chunks_exact(clip).flat_map(|clip| &clip[middle * frame..][..frame]).copied().collect()
    }

    /// The stills moved by `length` along, and against, the gradient of the sum of their logits.
    fn steps_along_gradient(&self, stills: &[f32], texts: &[Encoded], clips: usize, length: f32) -> [Vec<Input>; 2] {
        let encoded = self.encoder.forward(&self.pair, self.encoder.pictures(stills));
        let still_leaf = leaf(&encoded);
        let texts = Tensor::cat(texts.iter().map(Encoded::embeds).collect(), 0).autodiff();
        let score = total(self.logits(self.shown_still(still_leaf.clone()), texts)).sum();
        let gradient = still_leaf.grad_remove(&mut score.backward()).unwrap_or_else(|| still_leaf.inner().zeros_like());
        let gradient = self.encoder.picture_gradient(encoded, &gradient);
        let shape = [clips, self.sizes.patches(), self.sizes.patch_values()];
        let device = self.device.clone().inner();
        let stills = Tensor::<3>::from_data(TensorData::new(stills.to_vec(), shape), &device);
        let along = albar::directions(gradient).mul_scalar(length);
        [stills.clone() + along.clone(), stills - along].map(|moved| self.encoder.pictures(&values(moved)))
    }

    /// Clip embeddings of frame embeddings [n * T, dimension].
    fn clips(&self, frame_embeds: Tensor<2>, clips: usize) -> Tensor<2> {
        let [rows, dimension] = frame_embeds.dims();
        self.pair.clip_embeds(frame_embeds.reshape([clips, rows / clips, dimension]))
    }

    /// Clip embeddings of stills [n, dimension], each shown for a whole clip.
    fn shown_still(&self, still_embeds: Tensor<2>) -> Tensor<2> {
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

    /// The gradients that `loss` leaves at the parameters, through its leaves and their encoder.
    fn gradients(&self, loss: &Tensor<1>, encoders: Vec<(Vec<Encoded>, Tensor<2>)>) -> (f32, GradientsParams) {
        let value = loss.clone().into_scalar::<f32>();
        let mut gradients = loss.backward();
        let mut sum = GradientsAccumulator::new();
        let leaves: Vec<_> = encoders.iter().map(|(_, leaf)| leaf.grad_remove(&mut gradients)).collect();
        sum.accumulate(&self.pair, GradientsParams::from_grads(gradients, &self.pair));
        for ((encoded, _), gradient) in encoders.into_iter().zip(leaves) {
            if let Some(gradient) = gradient {
                sum.accumulate(&self.pair, self.encoder.backward(&self.pair, encoded, &gradient));
            }
        }
        (value, sum.grads())
    }
}

/// F: the sum of each row's logits, `[n]`.
fn total(logits: Tensor<2>) -> Tensor<1> {
    let n = logits.dims()[0];
    logits.sum_dim(1).reshape([n])
}
