//! The network: a small U-Net that works on blocks of 2x2 pixels.
//!
//! Convolutions at full resolution cost most and help least. So the input is the twelve values of each 2x2 block at
//! half resolution, and the output the four logits of each block. In between, the resolution is halved and doubled
//! three times, with skip connections between equal resolutions.

use super::convolution::{Convolution, LayerShape};
use super::moments::{ChannelMoments, MomentRecorder};
use burn::module::Module;
use burn::tensor::{Device, Tensor, activation::relu};
use rand::SeedableRng;
use rand_pcg::Pcg64;

/// Number of times the resolution is halved after the first.
pub const LEVELS: usize = 3;
/// Values of a 2x2 block of RGB pixels.
pub const BLOCK: usize = 12;

/// Sizes of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkSizes {
    /// Side of the square training pictures in pixels, a multiple of 16.
    pub side: usize,
    /// Side of the input of the exported network in pixels, a multiple of 16. A larger input has more detail; the
    /// random zoom in training covers the larger persons.
    pub exported: usize,
    /// Channels at 1/2, 1/4, 1/8 and 1/16 of the side.
    pub channels: [usize; LEVELS + 1],
    /// Residual layers at 1/4, 1/8 and 1/16 of the side, where they cost little and distinguish a limb from a chair.
    pub layers: [usize; LEVELS],
}

impl Default for NetworkSizes {
    /// Returns the sizes of the shipped segmenter, 1.1 million parameters.
    fn default() -> Self {
        Self { side: 96, exported: 128, channels: [24, 48, 96, 128], layers: [2, 3, 4] }
    }
}

/// Maps pictures to person logits.
#[derive(Module, Debug)]
pub struct Network {
    /// Maps the values of a block to the first channels.
    pub stem: Convolution,
    /// Layers that halve the resolution, from fine to coarse.
    pub halve: Vec<Convolution>,
    /// Residual layers at each coarser resolution, from fine to coarse.
    pub encode: Vec<Vec<Convolution>>,
    /// Layers that double the resolution, from coarse to fine: four times the channels of the finer one.
    pub double: Vec<Convolution>,
    /// Residual layers at each finer resolution, from coarse to fine.
    pub decode: Vec<Convolution>,
    /// Maps the last channels to the four logits of a block.
    pub head: Convolution,
}

impl Network {
    /// Creates a network of `sizes` with weights drawn from `seed`.
    pub fn new(sizes: &NetworkSizes, seed: u64, device: &Device) -> Self {
        let rng = &mut Pcg64::seed_from_u64(seed);
        let mut layer = |input, output, side| Convolution::normalised(LayerShape { input, output, side }, rng, device);
        let channels = sizes.channels;
        let down = || (0..LEVELS).map(|level| (channels[level], channels[level + 1]));
        let up = || down().rev();
        Self {
            stem: layer(BLOCK, channels[0], 3),
            halve: down().map(|(fine, coarse)| layer(fine, coarse, 2)).collect(),
            encode: down()
                .zip(sizes.layers)
                .map(|((_, coarse), layers)| (0..layers).map(|_| layer(coarse, coarse, 3)).collect())
                .collect(),
            double: up().map(|(fine, coarse)| layer(coarse, 4 * fine, 1)).collect(),
            decode: up().map(|(fine, _)| layer(fine, fine, 3)).collect(),
            head: Convolution::plain(LayerShape { input: channels[0], output: 4, side: 1 }, 0.1, rng, device),
        }
    }

    /// Computes the person logits [n, 1, side, side] of `blocks` [n, 12, side / 2, side / 2], normalised pictures from
    /// [`to_blocks`]. Each normalised layer adds its moments to `moments`.
    pub fn forward(&self, blocks: Tensor<4>, moments: &mut MomentRecorder) -> Tensor<4> {
        let mut x = relu(self.stem.forward(blocks, moments));
        let mut skips = Vec::with_capacity(LEVELS);
        for (halve, encode) in self.halve.iter().zip(&self.encode) {
            skips.push(x.clone());
            x = relu(halve.forward(x, moments));
            for layer in encode {
                x = residual(layer, x, moments);
            }
        }
        for ((double, decode), skip) in self.double.iter().zip(&self.decode).zip(skips.into_iter().rev()) {
            let doubled = unfold(double.forward(x, moments));
            x = residual(decode, relu(doubled + skip), moments);
        }
        unfold(self.head.forward(x, moments))
    }

    /// Returns the network to export: the normalisation by `moments` is folded into its kernels.
    #[must_use]
    pub fn folded(&self, moments: &[ChannelMoments]) -> Self {
        let mut moments = moments.iter();
        let mut fold = |layer: &Convolution| match (&layer.scale, moments.next()) {
            (Some(_), Some(moments)) => layer.folded(moments),
            _ => layer.clone(),
        };
        // In the order of `forward`, which is that of the moments.
        let stem = fold(&self.stem);
        let (halve, encode) = self
            .halve
            .iter()
            .zip(&self.encode)
            .map(|(halve, layers)| (fold(halve), layers.iter().map(&mut fold).collect()))
            .unzip();
        let (double, decode) = self.double.iter().zip(&self.decode).map(|(a, b)| (fold(a), fold(b))).unzip();
        Self { stem, halve, encode, double, decode, head: fold(&self.head) }
    }
}

/// Computes `relu(x + layer(x))`.
fn residual(layer: &Convolution, x: Tensor<4>, moments: &mut MomentRecorder) -> Tensor<4> {
    relu(x.clone() + layer.forward(x, moments))
}

/// Maps [n, 4c, h, w] to [n, c, 2h, 2w] like ONNX's `DepthToSpace`: channel `(2i + j)c + k` becomes channel k at row i
/// and column j of each block.
pub fn unfold(x: Tensor<4>) -> Tensor<4> {
    let [n, channels, h, w] = x.dims();
    let c = channels / 4;
    x.reshape([n, 2, 2, c, h, w]).permute([0, 3, 4, 1, 5, 2]).reshape([n, c, 2 * h, 2 * w])
}

/// Writes `picture`, RGB8 [side, side, 3], to `blocks` [12, side / 2, side / 2] with each byte normalised. It is the
/// inverse of [`unfold`].
pub fn to_blocks(picture: &[u8], side: usize, normalise: impl Fn(u8) -> f32, blocks: &mut [f32]) {
    let half = side / 2;
    for (y, row) in picture.chunks_exact(3 * side).enumerate() {
        for (x, pixel) in row.chunks_exact(3).enumerate() {
            let cell = 2 * (y % 2) + x % 2;
            for (channel, byte) in pixel.iter().enumerate() {
                blocks[((3 * cell + channel) * half + y / 2) * half + x / 2] = normalise(*byte);
            }
        }
    }
}
