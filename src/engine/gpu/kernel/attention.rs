//! Attention that never writes its scores.

use super::{Kernel, parameters};
use crate::engine::gpu::shader::{Element, Shader};

static SHADER: Shader = Shader {
    file: "attention.wgsl",
    source: include_str!("../../../../shaders/attention.wgsl"),
    entry: "attend",
    buffers: &[Element::Stored, Element::Stored, Element::Stored, Element::Stored],
    cooperative: None,
};

/// Queries of a workgroup.
const BLOCK: u32 = 16;

parameters! {
    /// Queries, keys, values, and a mask added to the scores where `masked` is 1, all by strides.
    pub struct Attention {
        batches: u32,
        batches_inner: u32,
        queries: u32,
        keys: u32,
        depth: u32,
        width: u32,
        scale: f32,
        masked: u32,
        q_offset: u32,
        q_batch_outer: u32,
        q_batch: u32,
        q_row: u32,
        q_depth: u32,
        k_offset: u32,
        k_batch_outer: u32,
        k_batch: u32,
        k_row: u32,
        k_depth: u32,
        v_offset: u32,
        v_batch_outer: u32,
        v_batch: u32,
        v_row: u32,
        v_width: u32,
        mask_offset: u32,
        mask_batch_outer: u32,
        mask_batch: u32,
        mask_row: u32,
        mask_column: u32,
        y_batch_outer: u32,
        y_batch: u32,
        y_row: u32,
        y_width: u32,
    }
}

impl Attention {
    /// The largest depth and width that the shader has room for.
    pub const MOST: usize = 64;

    fn begin(&self, batch: u32, offset: u32, outer: u32, step: u32) -> u32 {
        offset + (batch / self.batches_inner) * outer + (batch % self.batches_inner) * step
    }

    /// The scores of one query.
    fn scores(&self, [queries, keys, mask]: [&[f32]; 3], batch: u32, query: u32) -> Vec<f64> {
        let q_0 = self.begin(batch, self.q_offset, self.q_batch_outer, self.q_batch) + query * self.q_row;
        let k_0 = self.begin(batch, self.k_offset, self.k_batch_outer, self.k_batch);
        let mask_0 = self.begin(batch, self.mask_offset, self.mask_batch_outer, self.mask_batch);
        let score = |key: u32| {
            let products = (0..self.depth).map(|d| {
                let q = queries[(q_0 + d * self.q_depth) as usize];
                f64::from(q) * f64::from(keys[(k_0 + key * self.k_row + d * self.k_depth) as usize])
            });
            let score = f64::from(self.scale) * products.sum::<f64>();
            let masked = || f64::from(mask[(mask_0 + query * self.mask_row + key * self.mask_column) as usize]);
            if self.masked == 1 { score + masked() } else { score }
        };
        (0..self.keys).map(score).collect()
    }
}

impl Kernel for Attention {
    fn shader(&self) -> &'static Shader {
        &SHADER
    }

    fn parameters(&self) -> &[u8] {
        bytemuck::bytes_of(self)
    }

    fn groups(&self) -> [u32; 3] {
        [self.queries.div_ceil(BLOCK), self.batches, 1]
    }

    fn operations(&self) -> u64 {
        let pairs = [self.batches, self.queries, self.keys].map(u64::from).iter().product::<u64>();
        2 * pairs * u64::from(self.depth + self.width)
    }

    fn twin(&self, inputs: &[&[f32]]) -> Vec<f32> {
        let mut made = vec![0.0; self.batches as usize * self.queries as usize * self.width as usize];
        for batch in 0..self.batches {
            let v_0 = self.begin(batch, self.v_offset, self.v_batch_outer, self.v_batch);
            let y_0 = self.begin(batch, 0, self.y_batch_outer, self.y_batch);
            for query in 0..self.queries {
                let scores = self.scores([inputs[0], inputs[1], inputs[3]], batch, query);
                let largest = scores.iter().fold(f64::MIN, |most, &score| most.max(score));
                let weights: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
                let sum: f64 = weights.iter().sum();
                for w in 0..self.width {
                    let value = |key: usize| inputs[2][(v_0 + key as u32 * self.v_row + w * self.v_width) as usize];
                    let mixed: f64 = weights.iter().enumerate().map(|(key, p)| p * f64::from(value(key))).sum();
                    made[(y_0 + query * self.y_row + w * self.y_width) as usize] = (mixed / sum) as f32;
                }
            }
        }
        made
    }
}
