//! The network: a small U-Net that works on blocks of 2x2 pixels.
//!
//! Full resolution is where convolutions cost most and learn least, so the network starts with the twelve values of each
//! 2x2 block at half resolution, and ends with the four logits of each block. In between it halves three times and
//! doubles three times; on the way up it adds what it saw at the same resolution on the way down.

use super::convolution::Convolution;
use super::moments::{Moments, Spread};
use burn::module::Module;
use burn::tensor::{Device, Tensor, activation::relu};
use rand::SeedableRng;
use rand_pcg::Pcg64;

/// Steps by which the picture is halved after the first.
pub const LEVELS: usize = 3;
/// Values of a 2x2 block of RGB pixels.
pub const BLOCK: usize = 12;

/// How large a network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Side of the square pictures it is trained on in pixels, a multiple of 16.
    pub side: usize,
    /// Side of those it looks at when it is exported, a multiple of 16. Larger ones show more; that the person is larger
    /// then, training's zoom has taught it.
    pub exported: usize,
    /// Channels at 1/2, 1/4, 1/8 and 1/16 of the side.
    pub channels: [usize; LEVELS + 1],
    /// Residual layers at 1/4, 1/8 and 1/16 on the way down: what tells a limb from a chair is there, and costs little.
    pub layers: [usize; LEVELS],
}

impl Default for Sizes {
    /// 1.1 million parameters as exported.
    fn default() -> Self {
        Self { side: 96, exported: 128, channels: [24, 48, 96, 128], layers: [2, 3, 4] }
    }
}

/// Pictures to person logits.
#[derive(Module, Debug)]
pub struct Network {
    /// From the values of a block to the first channels.
    pub stem: Convolution,
    /// To half the resolution, from fine to coarse.
    pub halve: Vec<Convolution>,
    /// At each coarser resolution, from fine to coarse.
    pub encode: Vec<Vec<Convolution>>,
    /// To twice the resolution, from coarse to fine: four times the channels of the finer one.
    pub double: Vec<Convolution>,
    /// At each finer resolution, from coarse to fine.
    pub decode: Vec<Convolution>,
    /// To the four logits of a block.
    pub head: Convolution,
}

impl Network {
    /// A network of `sizes` drawn from `seed`.
    pub fn new(sizes: &Sizes, seed: u64, device: &Device) -> Self {
        let rng = &mut Pcg64::seed_from_u64(seed);
        let mut layer = |input, output, side| Convolution::normalised(input, output, side, rng, device);
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
            head: Convolution::plain(channels[0], 4, 1, 0.1, rng, device),
        }
    }

    /// The person logits [n, 1, side, side] of `blocks` [n, 12, side / 2, side / 2], normalised pictures as
    /// [`to_blocks`] cuts them. The moments of each normalised layer are noted.
    pub fn forward(&self, blocks: Tensor<4>, moments: &mut Moments) -> Tensor<4> {
        let mut x = relu(self.stem.forward(blocks, moments));
        let mut seen = Vec::with_capacity(LEVELS);
        for (halve, encode) in self.halve.iter().zip(&self.encode) {
            seen.push(x.clone());
            x = relu(halve.forward(x, moments));
            for layer in encode {
                x = residual(layer, x, moments);
            }
        }
        for ((double, decode), skip) in self.double.iter().zip(&self.decode).zip(seen.into_iter().rev()) {
            let doubled = unfold(double.forward(x, moments));
            x = residual(decode, relu(doubled + skip), moments);
        }
        unfold(self.head.forward(x, moments))
    }

    /// The same network with the normalisation by `spreads` in its kernels: what is exported.
    #[must_use]
    pub fn folded(&self, spreads: &[Spread]) -> Self {
        let mut spreads = spreads.iter();
        let mut fold = |layer: &Convolution| match (&layer.scale, spreads.next()) {
            (Some(_), Some((mean, variance))) => layer.folded(mean, variance),
            _ => layer.clone(),
        };
        // In the order of `forward`, in which the spreads come.
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

/// `relu(x + layer(x))`.
fn residual(layer: &Convolution, x: Tensor<4>, moments: &mut Moments) -> Tensor<4> {
    relu(x.clone() + layer.forward(x, moments))
}

/// [n, 4c, h, w] to [n, c, 2h, 2w], ONNX's `DepthToSpace`: channel `(2i + j)c + k` becomes channel k at row i and column
/// j of each block.
pub fn unfold(x: Tensor<4>) -> Tensor<4> {
    let [n, channels, h, w] = x.dims();
    let c = channels / 4;
    x.reshape([n, 2, 2, c, h, w]).permute([0, 3, 4, 1, 5, 2]).reshape([n, c, 2 * h, 2 * w])
}

/// Writes `picture`, RGB8 [side, side, 3], to `blocks` [12, side / 2, side / 2], the inverse of [`unfold`], each byte
/// through `normalise`.
pub fn to_blocks(picture: &[u8], side: usize, normalise: impl Fn(u8) -> f32, blocks: &mut [f32]) {
    let half = side / 2;
    for (y, row) in picture.chunks_exact(3 * side).enumerate() {
        for (x, pixel) in row.chunks_exact(3).enumerate() {
            let place = 2 * (y % 2) + x % 2;
            for (channel, byte) in pixel.iter().enumerate() {
                blocks[((3 * place + channel) * half + y / 2) * half + x / 2] = normalise(*byte);
            }
        }
    }
}
