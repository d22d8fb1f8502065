//! A CLIP pair: pictures and texts in one space. Field names are Hugging Face's, so that names of tensors need no table.

mod fusion;
mod posture;
mod sizes;
mod text;
mod transformer;
mod vision;
pub mod weights;

pub use fusion::{FUSION_LAYERS, TemporalFusion};
pub use posture::{COORDINATES, PostureHead, Postures};
pub use sizes::{Sizes, Tower};
pub use text::{Prompts, TextModel};
pub use vision::VisionModel;

use burn::module::{Module, ModuleVisitor, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, PoisonError};
use transformer::normal_linear;

/// The largest `logit_scale` a pair learns: cosines are multiplied by at most 100, as in CLIP.
pub const MAX_LOGIT_SCALE: f32 = 4.6052;
/// Where training from scratch starts, `ln(1 / 0.07)`, as in CLIP.
const FIRST_LOGIT_SCALE: f32 = 2.6593;

/// How the embeddings of a clip's frames become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Fusion {
    /// ViFi-CLIP: their mean.
    Mean,
    /// ActionCLIP: a temporal transformer, then the mean.
    Temporal,
}

/// Two encoders and what joins them.
#[derive(Module, Debug)]
pub struct ClipPair {
    vision_model: VisionModel,
    visual_projection: Linear,
    text_model: TextModel,
    text_projection: Linear,
    logit_scale: Param<Tensor<1>>,
    fusion: Option<TemporalFusion>,
    posture: Option<PostureHead>,
}

impl ClipPair {
    /// A pair with weights drawn at random, by [`seeded`] numbers where they are to be the same again; its fusion is the
    /// mean.
    pub fn new(sizes: &Sizes, device: &Device) -> Self {
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

    /// The same encoders with `fusion`; a temporal transformer starts from random weights.
    #[must_use]
    pub fn with_fusion(mut self, fusion: Fusion, sizes: &Sizes, device: &Device) -> Self {
        let tower = Tower { width: sizes.projection, layers: FUSION_LAYERS, heads: sizes.vision.heads };
        self.fusion = match fusion {
            Fusion::Mean => None,
            Fusion::Temporal => Some(TemporalFusion::new(sizes.frames, tower, device)),
        };
        self
    }

    /// The same pair with a posture head.
    #[must_use]
    pub fn with_posture_head(mut self, sizes: &Sizes, device: &Device) -> Self {
        self.posture = Some(PostureHead::new(sizes, device));
        self
    }

    /// The posture head, where there is one.
    pub fn posture(&self) -> Option<&PostureHead> {
        self.posture.as_ref()
    }

    /// Pictures as `patches` [n, patches, 3 * patch * patch] -> embeddings [n, dimension], not normalised.
    pub fn image_embeds(&self, patches: Tensor<3>) -> Tensor<2> {
        self.visual_projection.forward(self.vision_model.forward(patches).0)
    }

    /// As [`ClipPair::image_embeds`], followed in each row, where there is a posture head, by what it says of each patch:
    /// [n, dimension + patches * JOINTS].
    pub fn image_lessons(&self, patches: Tensor<3>) -> Tensor<2> {
        let (class, tokens) = self.vision_model.forward(patches);
        let embeds = self.visual_projection.forward(class);
        match &self.posture {
            Some(head) => Tensor::cat(vec![embeds, head.joints(tokens)], 1),
            None => embeds,
        }
    }

    /// Texts -> embeddings [n, dimension], of unit norm.
    pub fn text_embeds(&self, prompts: &Prompts) -> Tensor<2> {
        unit(self.text_projection.forward(self.text_model.forward(prompts)))
    }

    /// `frame_embeds` [n, T, dimension] -> clip embeddings [n, dimension], of unit norm.
    pub fn clip_embeds(&self, frame_embeds: Tensor<3>) -> Tensor<2> {
        unit(match &self.fusion {
            Some(fusion) => fusion.forward(frame_embeds),
            None => fusion::mean(frame_embeds),
        })
    }

    /// What cosines are multiplied by, `exp(logit_scale)`, `[1]`.
    pub fn scale(&self) -> Tensor<1> {
        self.logit_scale.val().clamp_max(MAX_LOGIT_SCALE).exp()
    }
}

/// The module that `make` makes, its weights drawn from `seed`: one caller at a time, because all share the device's random
/// numbers, and at once, because burn otherwise draws a weight when it is first looked at.
pub fn seeded<M: Module>(seed: u64, device: &Device, make: impl FnOnce() -> M) -> M {
    static DRAWING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = DRAWING.lock().unwrap_or_else(PoisonError::into_inner);
    device.seed(seed);
    let module = make();
    module.visit(&mut Look);
    module
}

/// Looks at every weight.
struct Look;

impl ModuleVisitor for Look {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        param.val();
    }
}

/// The values of `tensor`, row-major.
pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().expect("every tensor here holds f32")
}

/// Rows of `x` [n, dimension] at unit norm.
fn unit(x: Tensor<2>) -> Tensor<2> {
    let norm = x.clone().powi_scalar(2).sum_dim(1).add_scalar(1e-12).sqrt();
    x / norm
}
