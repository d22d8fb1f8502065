//! A chain on its own.

use super::{Kernel, spread};
use crate::engine::gpu::shader::Shader;

static SHADER: Shader = Shader {
    file: "element_wise.wgsl",
    source: include_str!("../../../../shaders/element_wise.wgsl"),
    entry: "element_wise",
    buffers: &[],
    cooperative: None,
};

/// `count` elements, made of operands alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElementWise {
    /// Elements of the output.
    pub count: usize,
}

impl Kernel for ElementWise {
    fn shader(&self) -> &'static Shader {
        &SHADER
    }

    fn parameters(&self) -> &[u8] {
        &[]
    }

    fn groups(&self) -> [u32; 3] {
        spread(self.count, 256)
    }

    fn operations(&self) -> u64 {
        self.count as u64
    }

    fn twin(&self, _inputs: &[&[f32]]) -> Vec<f32> {
        vec![0.0; self.count]
    }
}
