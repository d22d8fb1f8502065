//! Softmax of rows.

use super::{Kernel, parameters, spread};
use crate::engine::gpu::shader::{Element, Shader};

static SHADER: Shader = Shader {
    file: "softmax.wgsl",
    source: include_str!("../../../../shaders/softmax.wgsl"),
    entry: "softmax",
    buffers: &[Element::Stored],
    cooperative: None,
};

parameters! {
    /// Rows of `size` to probabilities, or to their logarithms where `logarithm` is 1.
    pub struct Softmax {
        rows: u32,
        size: u32,
        offset: u32,
        logarithm: u32,
    }
}

impl Kernel for Softmax {
    fn shader(&self) -> &'static Shader {
        &SHADER
    }

    fn parameters(&self) -> &[u8] {
        bytemuck::bytes_of(self)
    }

    fn groups(&self) -> [u32; 3] {
        spread(self.rows as usize, 1)
    }

    fn operations(&self) -> u64 {
        5 * u64::from(self.rows) * u64::from(self.size)
    }

    fn twin(&self, inputs: &[&[f32]]) -> Vec<f32> {
        let rows = inputs[0][self.offset as usize..].chunks_exact(self.size as usize).take(self.rows as usize);
        rows.flat_map(|row| {
            let largest = row.iter().fold(f32::MIN, |most, &x| most.max(x));
            let sum: f64 = row.iter().map(|&x| f64::from(x - largest).exp()).sum();
            let value = move |&x: &f32| {
                let logarithm = f64::from(x - largest) - sum.ln();
                (if self.logarithm == 1 { logarithm } else { logarithm.exp() }) as f32
            };
            row.iter().map(value).collect::<Vec<f32>>()
        })
        .collect()
    }
}
