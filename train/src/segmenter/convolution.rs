//! A convolution, normalised over the batch while it is trained: the one kind of layer that has weights here.

use super::moments::Moments;
use burn::module::{Module, Param};
use burn::tensor::module::{batch_norm_train, conv2d};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData};
use rand::{Rng, RngExt};

/// What keeps a channel without variance from being divided by 0.
const EPSILON: f32 = 1e-5;

/// Kernels of size 1, of size 3 that keep the size of the picture, or of size 2 that halve it.
#[derive(Module, Debug)]
pub struct Convolution {
    /// Kernels [output, input * side * side]: a matrix, because its optimiser makes updates orthogonal.
    pub weight: Param<Tensor<2>>,
    /// What is added to each output, behind the normalisation where there is one, `[output]`.
    pub bias: Param<Tensor<1>>,
    /// What each normalised output is multiplied by, `[output]`; none where nothing is normalised.
    pub scale: Option<Param<Tensor<1>>>,
    /// Height and width of the kernels.
    pub side: usize,
}

/// Values of a convolution, off the device.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernels {
    /// Kernels, row-major.
    pub weight: Vec<f32>,
    /// [output, input, side, side].
    pub shape: [usize; 4],
    /// What is added to each output.
    pub bias: Vec<f32>,
}

impl Convolution {
    /// From `input` to `output` channels by kernels of `side`, not normalised; drawn so that a ReLU behind them keeps the
    /// variance, times `gain`.
    pub fn plain(input: usize, output: usize, side: usize, gain: f32, rng: &mut impl Rng, device: &Device) -> Self {
        let inputs = input * side * side;
        // A uniform distribution of this reach has the standard deviation sqrt(2 / inputs).
        let reach = gain * (6.0 / inputs as f32).sqrt();
        let weight = (0..output * inputs).map(|_| reach * (2.0 * rng.random::<f32>() - 1.0)).collect();
        Self::of(Kernels { weight, shape: [output, input, side, side], bias: vec![0.0; output] }, device)
    }

    /// The same, its outputs normalised to mean 0 and standard deviation 1.
    pub fn normalised(input: usize, output: usize, side: usize, rng: &mut impl Rng, device: &Device) -> Self {
        let scale = Param::from_data(TensorData::new(vec![1.0f32; output], [output]), device);
        Self { scale: Some(scale), ..Self::plain(input, output, side, 1.0, rng, device) }
    }

    fn of(kernels: Kernels, device: &Device) -> Self {
        let [outputs, inputs, side, _] = kernels.shape;
        let weight = TensorData::new(kernels.weight, [outputs, inputs * side * side]);
        Self {
            weight: Param::from_data(weight, device),
            bias: Param::from_data(TensorData::new(kernels.bias, [outputs]), device),
            scale: None,
            side,
        }
    }

    /// [n, input, h, w] to [n, output, h, w], or to half that height and width with kernels of size 2. Where outputs are
    /// normalised, the batch's moments are noted.
    pub fn forward(&self, x: Tensor<4>, moments: &mut Moments) -> Tensor<4> {
        let weight = self.weight.val().reshape(self.shape());
        let (stride, padding) = geometry(self.side);
        let options = ConvOptions::new([stride; 2], [padding; 2], [1, 1], 1);
        let Some(scale) = &self.scale else { return conv2d(x, weight, Some(self.bias.val()), options) };
        let y = conv2d(x, weight, None, options);
        let normalised = batch_norm_train(y, scale.val(), self.bias.val(), f64::from(EPSILON));
        moments.note(normalised.mean, normalised.variance);
        normalised.output
    }

    /// The same layer with the normalisation by `mean` and `variance` of each output in its kernels.
    #[must_use]
    pub fn folded(&self, mean: &[f32], variance: &[f32]) -> Self {
        let mut kernels = self.kernels();
        let Some(scale) = &self.scale else { return Self::of(kernels, &self.weight.device()) };
        let factors: Vec<f32> =
            values(scale.val()).iter().zip(variance).map(|(scale, v)| scale / (v + EPSILON).sqrt()).collect();
        let inputs = kernels.weight.len() / factors.len().max(1);
        for (weights, factor) in kernels.weight.chunks_exact_mut(inputs.max(1)).zip(&factors) {
            weights.iter_mut().for_each(|weight| *weight *= factor);
        }
        for ((bias, factor), mean) in kernels.bias.iter_mut().zip(&factors).zip(mean) {
            *bias -= factor * mean;
        }
        Self::of(kernels, &self.weight.device())
    }

    /// Its values, off the device.
    pub fn kernels(&self) -> Kernels {
        Kernels { shape: self.shape(), weight: values(self.weight.val()), bias: values(self.bias.val()) }
    }

    /// Shape of the kernels, [output, input, side, side].
    fn shape(&self) -> [usize; 4] {
        let [output, inputs] = self.weight.dims();
        [output, inputs / (self.side * self.side), self.side, self.side]
    }
}

/// The values of a tensor, row-major.
pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().unwrap_or_default()
}

/// Stride and padding of kernels of `side`.
pub fn geometry(side: usize) -> (usize, usize) {
    match side {
        2 => (2, 0),
        _ => (1, side / 2),
    }
}
