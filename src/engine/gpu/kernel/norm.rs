//! Layer norm and RMS norm.

use super::{Kernel, parameters, spread};
use crate::engine::gpu::shader::{Element, Shader};

static SHADER: Shader = Shader {
    file: "norm.wgsl",
    source: include_str!("../../../../shaders/norm.wgsl"),
    entry: "norm",
    buffers: &[Element::Stored, Element::Stored, Element::Stored],
    cooperative: None,
};

parameters! {
    /// Rows of `size`, each to mean 0 (where `centred` is 1) and mean square 1, times a scale and plus a shift (where
    /// `scaled` is 1).
    pub struct Norm {
        rows: u32,
        size: u32,
        offset: u32,
        centred: u32,
        epsilon: f32,
        scaled: u32,
        pad_0: u32,
        pad_1: u32,
    }
}

impl Kernel for Norm {
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
        8 * u64::from(self.rows) * u64::from(self.size)
    }

    fn twin(&self, inputs: &[&[f32]]) -> Vec<f32> {
        let size = self.size as usize;
        let rows = inputs[0][self.offset as usize..].chunks_exact(size).take(self.rows as usize);
        rows.flat_map(|row| {
            let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / size as f64;
            let middle = if self.centred == 1 { mean(&mut row.iter().map(|&x| f64::from(x))) } else { 0.0 };
            let square = mean(&mut row.iter().map(|&x| (f64::from(x) - middle).powi(2)));
            let factor = 1.0 / (square + f64::from(self.epsilon)).sqrt();
            let value = move |(i, &x): (usize, &f32)| {
                let value = ((f64::from(x) - middle) * factor) as f32;
                if self.scaled == 1 { value * inputs[1][i] + inputs[2][i] } else { value }
            };
            row.iter().enumerate().map(value).collect::<Vec<f32>>()
        })
        .collect()
    }
}
