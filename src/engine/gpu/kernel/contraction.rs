//! Matrix products by strides.

use super::{CooperativeContraction, Kernel, parameters};
use crate::engine::gpu::shader::{Element, Shader};

static SHADER: Shader = Shader {
    file: "contraction.wgsl",
    source: include_str!("../../../../shaders/contraction.wgsl"),
    entry: "contract",
    buffers: &[Element::Stored, Element::Stored],
    cooperative: None,
};

/// Elements of a workgroup's tile along rows and columns.
const TILE: u32 = 64;

parameters! {
    /// `c[i, j] = sum_l a[i, l] b[l, j]` for every batch.
    pub struct Contraction {
        rows: u32,
        columns: u32,
        depth: u32,
        batches: u32,
        rows_inner: u32,
        columns_inner: u32,
        depth_inner: u32,
        batches_inner: u32,
        a_offset: u32,
        b_offset: u32,
        a_row_outer: u32,
        a_row: u32,
        c_row_outer: u32,
        c_row: u32,
        b_column_outer: u32,
        b_column: u32,
        c_column_outer: u32,
        c_column: u32,
        a_depth_outer: u32,
        a_depth: u32,
        b_depth_outer: u32,
        b_depth: u32,
        a_batch_outer: u32,
        a_batch: u32,
        b_batch_outer: u32,
        b_batch: u32,
        c_batch_outer: u32,
        c_batch: u32,
    }
}

impl Kernel for Contraction {
    fn shader(&self) -> &'static Shader {
        &SHADER
    }

    fn parameters(&self) -> &[u8] {
        bytemuck::bytes_of(self)
    }

    fn groups(&self) -> [u32; 3] {
        [self.columns.div_ceil(TILE), self.rows.div_ceil(TILE), self.batches]
    }

    fn operations(&self) -> u64 {
        2 * [self.batches, self.rows, self.columns, self.depth].map(u64::from).iter().product::<u64>()
    }

    fn twin(&self, inputs: &[&[f32]]) -> Vec<f32> {
        let run = |i: u32, inner: u32, outer: u32, step: u32| ((i / inner) * outer + (i % inner) * step) as usize;
        let mut made = vec![0.0; self.batches as usize * self.rows as usize * self.columns as usize];
        for batch in 0..self.batches {
            let of = |outer, step| run(batch, self.batches_inner, outer, step);
            let a_0 = self.a_offset as usize + of(self.a_batch_outer, self.a_batch);
            let b_0 = self.b_offset as usize + of(self.b_batch_outer, self.b_batch);
            let c_0 = of(self.c_batch_outer, self.c_batch);
            for i in 0..self.rows {
                for j in 0..self.columns {
                    let a_i = a_0 + run(i, self.rows_inner, self.a_row_outer, self.a_row);
                    let b_j = b_0 + run(j, self.columns_inner, self.b_column_outer, self.b_column);
                    let products = (0..self.depth).map(|l| {
                        let a = inputs[0][a_i + run(l, self.depth_inner, self.a_depth_outer, self.a_depth)];
                        let b = inputs[1][b_j + run(l, self.depth_inner, self.b_depth_outer, self.b_depth)];
                        f64::from(a) * f64::from(b)
                    });
                    let c = c_0
                        + run(i, self.rows_inner, self.c_row_outer, self.c_row)
                        + run(j, self.columns_inner, self.c_column_outer, self.c_column);
                    made[c] = products.sum::<f64>() as f32;
                }
            }
        }
        made
    }

    fn cooperative(&self, side: u32) -> Option<Box<dyn Kernel>> {
        CooperativeContraction::new(*self, side).map(|kernel| Box::new(kernel) as Box<dyn Kernel>)
    }
}
