//! Convolutions and their transpose.

use super::{Kernel, parameters, spread};
use crate::engine::gpu::shader::{Element, Shader};

/// Its code: as a matrix product, one element a thread, and the transpose.
pub static SHADERS: [Shader; 3] = [shader("convolve"), shader("convolve_depthwise"), shader("convolve_transposed")];

const fn shader(entry: &'static str) -> Shader {
    Shader {
        file: "convolution.wgsl",
        source: include_str!("../../../../shaders/convolution.wgsl"),
        entry,
        buffers: &[Element::Stored, Element::Stored],
        cooperative: None,
    }
}

/// Elements of a workgroup's tile along filters and pixels.
const TILE: usize = 64;
/// Fewer filters a group than this leave most of a tile empty.
const FEW: u32 = 8;

parameters! {
    /// x [batch, groups channels, height, width] with `groups` times `filters` kernels, everything by strides.
    pub struct Convolution {
        batch: u32,
        groups: u32,
        channels: u32,
        filters: u32,
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
        x_offset: u32,
        x_batch: u32,
        x_channel: u32,
        x_row: u32,
        x_column: u32,
        k_offset: u32,
        k_filter: u32,
        k_channel: u32,
        k_row: u32,
        k_column: u32,
        y_batch: u32,
        y_channel: u32,
        y_row: u32,
        y_column: u32,
        k_group: u32,
        pad_0: u32,
    }
}

impl Convolution {
    fn elements(&self) -> usize {
        [self.batch, self.groups, self.filters, self.out_height, self.out_width].map(|n| n as usize).iter().product()
    }

    fn area(&self) -> u64 {
        u64::from(self.kernel_height) * u64::from(self.kernel_width)
    }
}

/// A convolution and how it is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Form {
    /// Its sizes.
    pub convolution: Convolution,
    /// Which of [`SHADERS`].
    pub entry: usize,
}

impl Form {
    /// A convolution: a matrix product where a group has filters enough for one.
    pub fn forward(convolution: Convolution) -> Self {
        Self { convolution, entry: usize::from(convolution.filters < FEW) }
    }

    /// The transpose of a convolution.
    pub fn transposed(convolution: Convolution) -> Self {
        Self { convolution, entry: 2 }
    }

    fn at(&self, [n, o, v, u]: [u32; 4]) -> usize {
        let p = &self.convolution;
        (n * p.y_batch + o * p.y_channel + v * p.y_row + u * p.y_column) as usize
    }

    /// The place of x that tap (j, i) of the kernel meets at (v, u), if there is one.
    fn source(&self, [v, u]: [u32; 2], [j, i]: [u32; 2]) -> Option<[u32; 2]> {
        let p = &self.convolution;
        let along = |out: u32, tap: u32, stride: u32, dilation: u32, pad: u32, size: u32| {
            let place = if self.entry == 2 {
                (out + pad).checked_sub(tap * dilation).filter(|at| at % stride == 0).map(|at| at / stride)
            } else {
                (out * stride + tap * dilation).checked_sub(pad)
            };
            place.filter(|place| *place < size)
        };
        Some([
            along(v, j, p.stride_y, p.dilation_y, p.pad_top, p.height)?,
            along(u, i, p.stride_x, p.dilation_x, p.pad_left, p.width)?,
        ])
    }

    fn element(&self, x: &[f32], k: &[f32], [n, o, v, u]: [u32; 4]) -> f32 {
        let p = &self.convolution;
        let group = o / p.filters;
        let mut sum = 0.0f64;
        for c in 0..p.channels {
            let k_0 = group * p.k_group + (o % p.filters) * p.k_filter + c * p.k_channel;
            for j in 0..p.kernel_height {
                for i in 0..p.kernel_width {
                    let Some([row, column]) = self.source([v, u], [j, i]) else { continue };
                    let at = p.x_offset
                        + n * p.x_batch
                        + (group * p.channels + c) * p.x_channel
                        + row * p.x_row
                        + column * p.x_column;
                    let tap = p.k_offset + k_0 + j * p.k_row + i * p.k_column;
                    sum += f64::from(x[at as usize]) * f64::from(k[tap as usize]);
                }
            }
        }
        sum as f32
    }
}

impl Kernel for Form {
    fn shader(&self) -> &'static Shader {
        &SHADERS[self.entry]
    }

    fn parameters(&self) -> &[u8] {
        bytemuck::bytes_of(&self.convolution)
    }

    fn groups(&self) -> [u32; 3] {
        let p = &self.convolution;
        if self.entry > 0 {
            return spread(p.elements(), 256);
        }
        let pixels = (p.out_height as usize * p.out_width as usize).div_ceil(TILE) as u32;
        [pixels, p.filters.div_ceil(TILE as u32), p.batch * p.groups]
    }

    fn operations(&self) -> u64 {
        2 * self.convolution.elements() as u64 * u64::from(self.convolution.channels) * self.convolution.area()
    }

    fn twin(&self, inputs: &[&[f32]]) -> Vec<f32> {
        let p = &self.convolution;
        let mut made = vec![0.0; p.elements()];
        for n in 0..p.batch {
            for o in 0..p.groups * p.filters {
                for v in 0..p.out_height {
                    for u in 0..p.out_width {
                        made[self.at([n, o, v, u])] = self.element(inputs[0], inputs[1], [n, o, v, u]);
                    }
                }
            }
        }
        made
    }
}
