//! What a picture encoder is asked about bodies while it is pretrained. No checkpoint holds it: CLIP learned postures from
//! 400 million pictures, and a pair that sees a thousand times fewer learns them from joints.

use super::Sizes;
use super::transformer::normal_linear;
use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use pantomime::JOINTS;

/// Numbers that say where the joints of one picture are: x and y of each.
pub const COORDINATES: usize = 2 * JOINTS;

/// Where the joints of pictures are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Postures {
    /// Coordinates of the order of 1, `[n, COORDINATES]`.
    pub coordinates: Vec<f32>,
    /// The patch that each joint is in, `[n, JOINTS]`; a joint outside the picture is in the nearest patch.
    pub patches: Vec<usize>,
}

/// Two linear readings of a picture: all joints off its embedding, and off each patch's token which joints are there.
#[derive(Module, Debug)]
pub struct PostureHead {
    coordinates: Linear,
    joints: Linear,
}

impl PostureHead {
    pub(super) fn new(sizes: &Sizes, device: &Device) -> Self {
        let linear = |from: usize, to| normal_linear(from, to, (from as f64).powf(-0.5), true, device);
        Self { coordinates: linear(sizes.projection, COORDINATES), joints: linear(sizes.vision.width, JOINTS) }
    }

    /// Which joints are where: `tokens` [n, patches, width] -> [n, patches * JOINTS].
    pub(super) fn joints(&self, tokens: Tensor<3>) -> Tensor<2> {
        let [n, patches, _] = tokens.dims();
        self.joints.forward(tokens).reshape([n, patches * JOINTS])
    }

    /// The mean square error of the coordinates read off `embeds` [n, dimension], plus the cross entropy of the patches
    /// that `joints` [n, patches * JOINTS] says the joints are in.
    pub fn loss(&self, embeds: Tensor<2>, joints: Tensor<2>, truth: &Postures) -> Tensor<1> {
        let said = self.coordinates.forward(embeds);
        let device = said.device();
        let [n, numbers] = joints.dims();
        let coordinates = Tensor::<2>::from_data(TensorData::new(truth.coordinates.clone(), said.dims()), &device);
        let places: Vec<i32> = truth.patches.iter().map(|patch| *patch as i32).collect();
        let places = Tensor::<3, Int>::from_data(TensorData::new(places, [n, 1, JOINTS]), &device);
        let scores = activation::log_softmax(joints.reshape([n, numbers / JOINTS, JOINTS]), 1);
        (said - coordinates).powi_scalar(2).mean() - scores.gather(1, places).mean()
    }
}
