//! One axis of a resize.

use super::{Kernel, parameters, spread};
use crate::engine::gpu::shader::{Element, Shader};

static SHADER: Shader = Shader {
    file: "resample.wgsl",
    source: include_str!("../../../../shaders/resample.wgsl"),
    entry: "resample",
    buffers: &[Element::Stored, Element::Bits],
    cooperative: None,
};

parameters! {
    /// x [outer, size, inner] to [outer, out_size, inner], every place a sum of `window` weighed others.
    pub struct Resample {
        outer: u32,
        size: u32,
        out_size: u32,
        inner: u32,
        window: u32,
        offset: u32,
        pad_0: u32,
        pad_1: u32,
    }
}

/// The shader's table of `places` and their `weights`, both [out_size, window].
pub fn taps(places: &[usize], weights: &[f32]) -> Vec<u32> {
    places.iter().zip(weights).flat_map(|(&place, weight)| [place as u32, weight.to_bits()]).collect()
}

impl Kernel for Resample {
    fn shader(&self) -> &'static Shader {
        &SHADER
    }

    fn parameters(&self) -> &[u8] {
        bytemuck::bytes_of(self)
    }

    fn groups(&self) -> [u32; 3] {
        spread(self.outer as usize * self.out_size as usize * self.inner as usize, 256)
    }

    fn operations(&self) -> u64 {
        2 * [self.outer, self.out_size, self.inner, self.window].map(u64::from).iter().product::<u64>()
    }

    /// The second input is the table's places and weights as they are, not their bits.
    fn twin(&self, inputs: &[&[f32]]) -> Vec<f32> {
        let [outer, size, out_size, inner, window] =
            [self.outer, self.size, self.out_size, self.inner, self.window].map(|n| n as usize);
        let x = &inputs[0][self.offset as usize..];
        let mut made = Vec::with_capacity(outer * out_size * inner);
        for a in 0..outer {
            for j in 0..out_size {
                let taps = inputs[1][2 * j * window..][..2 * window].chunks_exact(2);
                for b in 0..inner {
                    made.push(taps.clone().map(|tap| tap[1] * x[(a * size + tap[0] as usize) * inner + b]).sum());
                }
            }
        }
        made
    }
}
