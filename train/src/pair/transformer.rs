//! Pre-norm residual blocks with Hugging Face's field names, so that a checkpoint needs no translation.

use super::sizes::Tower;
use burn::module::Module;
use burn::nn::{Initializer, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor, activation};

/// Added to the variance in layer normalisation, as in CLIP.
pub(super) const EPSILON: f64 = 1e-5;
/// Added to masked attention scores: its `exp` is 0, and it is finite in every precision.
const MASKED: f32 = -6e4;

/// A stack of residual blocks.
#[derive(Module, Debug)]
pub struct Encoder {
    layers: Vec<Layer>,
}

/// One block: `x += attention(norm(x)); x += mlp(norm(x))`.
#[derive(Module, Debug)]
struct Layer {
    layer_norm1: LayerNorm,
    self_attn: Attention,
    layer_norm2: LayerNorm,
    mlp: Perceptron,
}

#[derive(Module, Debug)]
struct Attention {
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    out_proj: Linear,
    heads: usize,
}

#[derive(Module, Debug)]
struct Perceptron {
    fc1: Linear,
    fc2: Linear,
}

impl Encoder {
    /// Creates blocks with CLIP's initialisation: the deeper the stack, the smaller the outputs of a block.
    pub fn new(tower: Tower, device: &Device) -> Self {
        Self { layers: (0..tower.layers).map(|_| Layer::new(tower, device)).collect() }
    }

    /// Applies all blocks to `tokens` [n, t, width]; `mask` [1, 1, t, t] is added to the attention scores.
    pub fn forward(&self, tokens: Tensor<3>, mask: Option<&Tensor<4>>) -> Tensor<3> {
        self.layers.iter().fold(tokens, |tokens, layer| layer.forward(tokens, mask))
    }
}

impl Layer {
    fn new(tower: Tower, device: &Device) -> Self {
        let width = tower.width as f64;
        let (inner, outer) = (width.powf(-0.5), width.powf(-0.5) * (2.0 * tower.layers as f64).powf(-0.5));
        let linear = |from: usize, to: usize, std: f64| normal_linear(from, to, std, true, device);
        let square = |std: f64| linear(tower.width, tower.width, std);
        Self {
            layer_norm1: layer_norm(tower.width, device),
            self_attn: Attention {
                q_proj: square(inner),
                k_proj: square(inner),
                v_proj: square(inner),
                out_proj: square(outer),
                heads: tower.heads,
            },
            layer_norm2: layer_norm(tower.width, device),
            mlp: Perceptron {
                fc1: linear(tower.width, 4 * tower.width, (2.0 * width).powf(-0.5)),
                fc2: linear(4 * tower.width, tower.width, outer),
            },
        }
    }

    fn forward(&self, tokens: Tensor<3>, mask: Option<&Tensor<4>>) -> Tensor<3> {
        let tokens = tokens.clone() + self.self_attn.forward(self.layer_norm1.forward(tokens), mask);
        tokens.clone() + self.mlp.forward(self.layer_norm2.forward(tokens))
    }
}

impl Attention {
    fn forward(&self, tokens: Tensor<3>, mask: Option<&Tensor<4>>) -> Tensor<3> {
        let [n, t, width] = tokens.dims();
        let head = width / self.heads;
        let split = |x: Tensor<3>| x.reshape([n, t, self.heads, head]).swap_dims(1, 2);
        let query = split(self.q_proj.forward(tokens.clone()).mul_scalar((head as f32).powf(-0.5)));
        let key = split(self.k_proj.forward(tokens.clone()));
        let value = split(self.v_proj.forward(tokens));
        let scores = query.matmul(key.swap_dims(2, 3));
        let scores = match mask {
            Some(mask) => scores + mask.clone(),
            None => scores,
        };
        let mixed = activation::softmax(scores, 3).matmul(value);
        self.out_proj.forward(mixed.swap_dims(1, 2).reshape([n, t, width]))
    }
}

impl Perceptron {
    fn forward(&self, tokens: Tensor<3>) -> Tensor<3> {
        let x = self.fc1.forward(tokens);
        // OpenAI's QuickGELU.
        let gate = activation::sigmoid(x.clone().mul_scalar(1.702));
        self.fc2.forward(x * gate)
    }
}

/// Returns a mask `[1, 1, length, length]` with which every token attends to itself and those before it.
pub(super) fn causal_mask(length: usize, device: &Device) -> Tensor<4> {
    let masked = |i: usize| if i % length > i / length { MASKED } else { 0.0 };
    let values: Vec<f32> = (0..length * length).map(masked).collect();
    Tensor::<1>::from_floats(values.as_slice(), device).reshape([1, 1, length, length])
}

pub(super) fn layer_norm(width: usize, device: &Device) -> LayerNorm {
    LayerNormConfig::new(width).with_epsilon(EPSILON).init(device)
}

/// Creates a linear layer with weights from N(0, std²) and, if any, a bias of zeros.
pub(super) fn normal_linear(from: usize, to: usize, std: f64, bias: bool, device: &Device) -> Linear {
    let initializer = Initializer::Normal { mean: 0.0, std };
    let mut linear = LinearConfig::new(from, to).with_bias(bias).with_initializer(initializer).init(device);
    linear.bias = linear.bias.map(|_| Initializer::Zeros.init([to], device));
    linear
}
