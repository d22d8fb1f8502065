//! A pair of encoders with projections to a shared space.

use super::fusion::{self, FUSION_LAYERS, TemporalFusion};
use super::posture::PostureHead;
use super::sizes::{PairSizes, Tower};
use super::text::{Prompts, TextModel};
use super::transformer::normal_linear;
use super::vision::VisionModel;
use burn::module::{Module, ModuleVisitor, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, PoisonError};

/// Largest `logit_scale`: cosines are multiplied by at most 100, as in CLIP.
pub const MAX_LOGIT_SCALE: f32 = 4.6052;
/// Initial `logit_scale`, `ln(1 / 0.07)`, as in CLIP.
const FIRST_LOGIT_SCALE: f32 = 2.6593;

/// Fusion of frame embeddings to a clip embedding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum FusionKind {
    /// The mean, as in ViFi-CLIP.
    Mean,
    /// A temporal transformer, then the mean, as in ActionCLIP.
    Temporal,
}

/// An image and a text encoder with projections to a shared space.
#[derive(Module, Debug)]
pub struct ClipPair {
    vision_model: VisionModel,
    visual_projection: Linear,
    text_model: TextModel,
    text_projection: Linear,
    logit_scale: Param<Tensor<1>>,
    pub(super) fusion: Option<TemporalFusion>,
    posture: Option<PostureHead>,
}

impl ClipPair {
    /// Creates a pair with random weights and mean fusion. Within [`seeded`], the weights follow from a seed.
    pub fn new(sizes: &PairSizes, device: &Device) -> Self {
        let projection =
            |width: usize| normal_linear(width, sizes.projection, (width as f64).powf(-0.5), false, device);
        Self {
            vision_model: VisionModel::new(sizes, device),
            visual_projection: projection(sizes.vision.width),
            text_model: TextModel::new(sizes, device),
            text_projection: projection(sizes.text.width),
            logit_scale: Param::from_tensor(Tensor::from_floats([FIRST_LOGIT_SCALE], device)),
            fusion: None,
            posture: None,
        }
    }

    /// Sets the fusion; a temporal transformer gets random weights.
    #[must_use]
    pub fn with_fusion(mut self, fusion: FusionKind, sizes: &PairSizes, device: &Device) -> Self {
        let tower = Tower { width: sizes.projection, layers: FUSION_LAYERS, heads: sizes.vision.heads };
        self.fusion = match fusion {
            FusionKind::Mean => None,
            FusionKind::Temporal => Some(TemporalFusion::new(sizes.frames, tower, device)),
        };
        self
    }

    /// Adds a posture head.
    #[must_use]
    pub fn with_posture_head(mut self, sizes: &PairSizes, device: &Device) -> Self {
        self.posture = Some(PostureHead::new(sizes, device));
        self
    }

    /// Returns the posture head, if there is one.
    pub fn posture(&self) -> Option<&PostureHead> {
        self.posture.as_ref()
    }

    /// Maps pictures as `patches` [n, patches, 3 * patch * patch] to embeddings [n, dimension], not normalised.
    pub fn image_embeds(&self, patches: Tensor<3>) -> Tensor<2> {
        self.visual_projection.forward(self.vision_model.forward(patches).0)
    }

    /// Returns [`ClipPair::image_embeds`], followed in each row by the joint logits of the posture head, if there is
    /// one: [n, dimension + patches * JOINTS].
    pub fn image_embeds_and_joints(&self, patches: Tensor<3>) -> Tensor<2> {
        let (class, tokens) = self.vision_model.forward(patches);
        let embeds = self.visual_projection.forward(class);
        match &self.posture {
            Some(head) => Tensor::cat(vec![embeds, head.joints(tokens)], 1),
            None => embeds,
        }
    }

    /// Maps texts to embeddings [n, dimension] of unit norm.
    pub fn text_embeds(&self, prompts: &Prompts) -> Tensor<2> {
        unit(self.text_projection.forward(self.text_model.forward(prompts)))
    }

    /// Maps `frame_embeds` [n, T, dimension] to clip embeddings [n, dimension] of unit norm.
    pub fn clip_embeds(&self, frame_embeds: Tensor<3>) -> Tensor<2> {
        unit(match &self.fusion {
            Some(fusion) => fusion.forward(frame_embeds),
            None => fusion::mean(frame_embeds),
        })
    }

    /// Returns the factor of cosines, `exp(logit_scale)`, `[1]`.
    pub fn scale(&self) -> Tensor<1> {
        self.logit_scale.val().clamp_max(MAX_LOGIT_SCALE).exp()
    }
}

/// Returns the module that `make` creates, with weights drawn from `seed`.
///
/// Callers wait for each other, because they share the device's random numbers. All weights are drawn before it
/// returns, because burn otherwise draws a weight at its first use.
pub fn seeded<M: Module>(seed: u64, device: &Device, make: impl FnOnce() -> M) -> M {
    static LOCK: Mutex<()> = Mutex::new(());
    let _guard = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    device.seed(seed);
    let module = make();
    module.visit(&mut DrawWeights);
    module
}

/// Accesses every weight, so that burn draws it.
struct DrawWeights;

impl ModuleVisitor for DrawWeights {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        param.val();
    }
}

/// Returns the values of `tensor`, row-major.
pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().expect("all tensors hold f32")
}

/// Normalises the rows of `x` [n, dimension] to unit norm.
fn unit(x: Tensor<2>) -> Tensor<2> {
    let norm = x.clone().powi_scalar(2).sum_dim(1).add_scalar(1e-12).sqrt();
    x / norm
}
