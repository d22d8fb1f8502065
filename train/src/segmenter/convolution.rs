//! A convolution with optional batch normalisation, the only kind of layer with weights.

use super::moments::{ChannelMoments, MomentRecorder};
use crate::pair::values;
use burn::module::{Module, Param};
use burn::tensor::module::{batch_norm_train, conv2d};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData};
use rand::{Rng, RngExt};

/// Added to the variance of a channel, so that it is never 0.
const EPSILON: f32 = 1e-5;

/// A convolution with kernels of size 1, of size 3 with padding, or of size 2 that halve the resolution.
#[derive(Module, Debug)]
pub struct Convolution {
    /// Kernels [output, input * side * side]: a matrix, because Muon makes its updates orthogonal.
    pub weight: Param<Tensor<2>>,
    /// Bias of each output after the normalisation, `[output]`.
    pub bias: Param<Tensor<1>>,
    /// Factor of each normalised output, `[output]`; `None` without normalisation.
    pub scale: Option<Param<Tensor<1>>>,
    /// Height and width of the kernels.
    pub side: usize,
}

/// Weights of a convolution in host memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernels {
    /// Kernels, row-major.
    pub weight: Vec<f32>,
    /// Shape [output, input, side, side].
    pub shape: [usize; 4],
    /// Bias of each output.
    pub bias: Vec<f32>,
}

/// Channels and kernel size of a convolution.
#[derive(Clone, Copy, Debug)]
pub struct LayerShape {
    /// Input channels.
    pub input: usize,
    /// Output channels.
    pub output: usize,
    /// Height and width of the kernels.
    pub side: usize,
}

impl Convolution {
    /// Creates a convolution without normalisation. With a gain of 1, the random kernels keep the variance of their
    /// input behind a ReLU.
    pub fn plain(shape: LayerShape, gain: f32, rng: &mut impl Rng, device: &Device) -> Self {
        let LayerShape { input, output, side } = shape;
        let inputs = input * side * side;
        // A uniform distribution in -reach..reach has the standard deviation sqrt(2 / inputs).
        let reach = gain * (6.0 / inputs as f32).sqrt();
        let weight = (0..output * inputs).map(|_| reach * (2.0 * rng.random::<f32>() - 1.0)).collect();
        Self::from_kernels(Kernels { weight, shape: [output, input, side, side], bias: vec![0.0; output] }, device)
    }

    /// Creates a convolution whose outputs are normalised to mean 0 and standard deviation 1.
    pub fn normalised(shape: LayerShape, rng: &mut impl Rng, device: &Device) -> Self {
        let scale = Param::from_data(TensorData::new(vec![1.0f32; shape.output], [shape.output]), device);
        Self { scale: Some(scale), ..Self::plain(shape, 1.0, rng, device) }
    }

    fn from_kernels(kernels: Kernels, device: &Device) -> Self {
        let [outputs, inputs, side, _] = kernels.shape;
        let weight = TensorData::new(kernels.weight, [outputs, inputs * side * side]);
        Self {
            weight: Param::from_data(weight, device),
            bias: Param::from_data(TensorData::new(kernels.bias, [outputs]), device),
            scale: None,
            side,
        }
    }

    /// Maps [n, input, h, w] to [n, output, h, w], or to half that height and width with kernels of size 2. A
    /// normalised layer adds the moments of the batch to `moments`.
    pub fn forward(&self, x: Tensor<4>, moments: &mut MomentRecorder) -> Tensor<4> {
        let weight = self.weight.val().reshape(self.shape());
        let ConvolutionGeometry { stride, padding } = ConvolutionGeometry::of_side(self.side);
        let options = ConvOptions::new([stride; 2], [padding; 2], [1, 1], 1);
        let Some(scale) = &self.scale else { return conv2d(x, weight, Some(self.bias.val()), options) };
        let y = conv2d(x, weight, None, options);
        let normalised = batch_norm_train(y, scale.val(), self.bias.val(), f64::from(EPSILON));
        moments.push(normalised.mean, normalised.variance);
        normalised.output
    }

    /// Returns the layer with the normalisation by `moments` folded into its kernels.
    #[must_use]
    pub fn folded(&self, moments: &ChannelMoments) -> Self {
        let mut kernels = self.kernels();
        let Some(scale) = &self.scale else { return Self::from_kernels(kernels, &self.weight.device()) };
        let factors: Vec<f32> =
            values(scale.val()).iter().zip(&moments.variance).map(|(scale, v)| scale / (v + EPSILON).sqrt()).collect();
        let inputs = kernels.weight.len() / factors.len().max(1);
        for (weights, factor) in kernels.weight.chunks_exact_mut(inputs.max(1)).zip(&factors) {
            weights.iter_mut().for_each(|weight| *weight *= factor);
        }
        for ((bias, factor), mean) in kernels.bias.iter_mut().zip(&factors).zip(&moments.mean) {
            *bias -= factor * mean;
        }
        Self::from_kernels(kernels, &self.weight.device())
    }

    /// Copies the weights to host memory.
    pub fn kernels(&self) -> Kernels {
        Kernels { shape: self.shape(), weight: values(self.weight.val()), bias: values(self.bias.val()) }
    }

    /// Returns the shape of the kernels, [output, input, side, side].
    fn shape(&self) -> [usize; 4] {
        let [output, inputs] = self.weight.dims();
        [output, inputs / (self.side * self.side), self.side, self.side]
    }
}

/// Stride and padding of a convolution, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvolutionGeometry {
    /// Stride.
    pub stride: usize,
    /// Padding at each side.
    pub padding: usize,
}

impl ConvolutionGeometry {
    /// Returns the geometry of kernels of `side`.
    pub fn of_side(side: usize) -> Self {
        match side {
            2 => Self { stride: 2, padding: 0 },
            _ => Self { stride: 1, padding: side / 2 },
        }
    }
}
