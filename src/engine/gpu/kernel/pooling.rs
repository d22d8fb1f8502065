//! Sums, means and largest elements of windows.

use super::{Kernel, parameters, spread};
use crate::engine::gpu::shader::{Element, Shader};

static SHADER: Shader = Shader {
    file: "pooling.wgsl",
    source: include_str!("../../../../shaders/pooling.wgsl"),
    entry: "pool",
    buffers: &[Element::Stored],
    cooperative: None,
};

/// What a window becomes; the numbers are the shader's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as everywhere")]
pub enum Kind {
    Sum,
    Mean,
    Largest,
}

parameters! {
    /// Windows of x [batch, channels, height, width] by strides; `kind` is a [`Kind`].
    pub struct Pooling {
        batch: u32,
        channels: u32,
        height: u32,
        width: u32,
        out_height: u32,
        out_width: u32,
        kernel_height: u32,
        kernel_width: u32,
        stride_y: u32,
        stride_x: u32,
        dilation_y: u32,
        dilation_x: u32,
        pad_top: u32,
        pad_left: u32,
        counts_padding: u32,
        kind: u32,
        padded_height: u32,
        padded_width: u32,
        x_offset: u32,
        x_batch: u32,
        x_channel: u32,
        x_row: u32,
        x_column: u32,
        y_batch: u32,
        y_channel: u32,
        y_row: u32,
        y_column: u32,
        pad_0: u32,
    }
}

impl Pooling {
    fn count(&self) -> usize {
        [self.batch, self.channels, self.out_height, self.out_width].map(|n| n as usize).iter().product()
    }

    /// The window of one element of the output: what it holds of x, and how many places of it count.
    fn window(&self, x: &[f32], [n, c, v, u]: [u32; 4]) -> (Vec<f32>, usize) {
        let mut values = Vec::new();
        let mut count = 0;
        for j in 0..self.kernel_height {
            for i in 0..self.kernel_width {
                let (row, column) = (v * self.stride_y + j * self.dilation_y, u * self.stride_x + i * self.dilation_x);
                let rows = self.pad_top..self.pad_top + self.height;
                let columns = self.pad_left..self.pad_left + self.width;
                if rows.contains(&row) && columns.contains(&column) {
                    let at = self.x_offset
                        + n * self.x_batch
                        + c * self.x_channel
                        + (row - self.pad_top) * self.x_row
                        + (column - self.pad_left) * self.x_column;
                    values.push(x[at as usize]);
                    count += 1;
                } else if row < self.padded_height && column < self.padded_width {
                    count += self.counts_padding as usize;
                }
            }
        }
        (values, count)
    }
}

impl Kernel for Pooling {
    fn shader(&self) -> &'static Shader {
        &SHADER
    }

    fn parameters(&self) -> &[u8] {
        bytemuck::bytes_of(self)
    }

    fn groups(&self) -> [u32; 3] {
        spread(self.count(), 256)
    }

    fn operations(&self) -> u64 {
        self.count() as u64 * u64::from(self.kernel_height) * u64::from(self.kernel_width)
    }

    fn twin(&self, inputs: &[&[f32]]) -> Vec<f32> {
        let mut made = vec![0.0; self.count()];
        for n in 0..self.batch {
            for c in 0..self.channels {
                for v in 0..self.out_height {
                    for u in 0..self.out_width {
                        let (values, count) = self.window(inputs[0], [n, c, v, u]);
                        let sum: f32 = values.iter().sum();
                        let o = n * self.y_batch + c * self.y_channel + v * self.y_row + u * self.y_column;
                        made[o as usize] = match self.kind {
                            kind if kind == Kind::Sum as u32 => sum,
                            kind if kind == Kind::Mean as u32 => sum / count.max(1) as f32,
                            _ => values.iter().fold(f32::MIN, |most, &x| most.max(x)),
                        };
                    }
                }
            }
        }
        made
    }
}
