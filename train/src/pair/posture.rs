//! A head that predicts joints while the image encoder is pretrained.
//!
//! Checkpoints do not contain it. CLIP learned postures from 400 million pictures; this pair sees a thousand times
//! fewer and learns them from joints.

use super::sizes::PairSizes;
use super::transformer::normal_linear;
use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use pantomime::JOINTS;

/// Number of coordinates of the joints of a picture: x and y of each.
pub const COORDINATES: usize = 2 * JOINTS;

/// Joints of pictures as training targets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JointTargets {
    /// Coordinates of the order of 1, `[n, COORDINATES]`.
    pub coordinates: Vec<f32>,
    /// Index of the patch of each joint, `[n, JOINTS]`; a joint outside the picture has the nearest patch.
    pub patches: Vec<usize>,
}

impl JointTargets {
    /// Appends the joints of one picture, in pixels.
    ///
    /// Coordinates are of the order of 1: those of the hips relative to the middle of the picture, all others relative
    /// to the hips. Of each pair of limbs, the one whose end is further left comes first, because a picture does not
    /// always show which one is the left limb.
    pub fn push(&mut self, mut joints: [[f32; 2]; JOINTS], sizes: &PairSizes) {
        for [first, second] in [[3, 5], [7, 9]] {
            if joints[first + 1][0] > joints[second + 1][0] {
                joints.swap(first, second);
                joints.swap(first + 1, second + 1);
            }
        }
        let (side, grid) = (sizes.image_size as f32, sizes.image_size / sizes.patch_size);
        let cell = |v: f32| ((v.max(0.0) as usize) / sizes.patch_size).min(grid - 1);
        for (i, [x, y]) in joints.into_iter().enumerate() {
            let [left, top] = if i == 0 { [0.5 * side; 2] } else { joints[0] };
            self.coordinates.extend([x - left, y - top].map(|v| v * 4.0 / side));
            self.patches.push(cell(y) * grid + cell(x));
        }
    }
}

/// Two linear layers: the coordinates of all joints from the embedding, and the joints in a patch from its token.
#[derive(Module, Debug)]
pub struct PostureHead {
    coordinates: Linear,
    joints: Linear,
}

impl PostureHead {
    pub(super) fn new(sizes: &PairSizes, device: &Device) -> Self {
        let linear = |from: usize, to| normal_linear(from, to, (from as f64).powf(-0.5), true, device);
        Self { coordinates: linear(sizes.projection, COORDINATES), joints: linear(sizes.vision.width, JOINTS) }
    }

    /// Maps `tokens` [n, patches, width] to logits of the joints [n, patches * JOINTS].
    pub(super) fn joints(&self, tokens: Tensor<3>) -> Tensor<2> {
        let [n, patches, _] = tokens.dims();
        self.joints.forward(tokens).reshape([n, patches * JOINTS])
    }

    /// Computes the mean square error of the coordinates predicted from `embeds` [n, dimension], plus the cross-entropy
    /// of the logits `joints` [n, patches * JOINTS] over the patches.
    pub fn loss(&self, embeds: Tensor<2>, joints: Tensor<2>, targets: &JointTargets) -> Tensor<1> {
        let predicted = self.coordinates.forward(embeds);
        let device = predicted.device();
        let [n, numbers] = joints.dims();
        let coordinates =
            Tensor::<2>::from_data(TensorData::new(targets.coordinates.clone(), predicted.dims()), &device);
        let patches: Vec<i32> = targets.patches.iter().map(|patch| *patch as i32).collect();
        let patches = Tensor::<3, Int>::from_data(TensorData::new(patches, [n, 1, JOINTS]), &device);
        let scores = activation::log_softmax(joints.reshape([n, numbers / JOINTS, JOINTS]), 1);
        (predicted - coordinates).powi_scalar(2).mean() - scores.gather(1, patches).mean()
    }
}
