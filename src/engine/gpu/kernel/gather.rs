//! Rows of a table by their places.

use super::{Kernel, parameters, spread};
use crate::engine::gpu::shader::{Element, Shader};

static SHADER: Shader = Shader {
    file: "gather.wgsl",
    source: include_str!("../../../../shaders/gather.wgsl"),
    entry: "gather",
    buffers: &[Element::Stored, Element::Integer],
    cooperative: None,
};

parameters! {
    /// `y[a, j, b] = x[a, places[a places_step + j], b]`, x being [outer, size, inner].
    pub struct Gather {
        outer: u32,
        size: u32,
        count: u32,
        inner: u32,
        x_offset: u32,
        places_offset: u32,
        places_step: u32,
        pad_0: u32,
    }
}

impl Kernel for Gather {
    fn shader(&self) -> &'static Shader {
        &SHADER
    }

    fn parameters(&self) -> &[u8] {
        bytemuck::bytes_of(self)
    }

    fn groups(&self) -> [u32; 3] {
        spread(self.outer as usize * self.count as usize * self.inner as usize, 256)
    }

    fn operations(&self) -> u64 {
        0
    }

    fn twin(&self, inputs: &[&[f32]]) -> Vec<f32> {
        let [outer, size, inner] = [self.outer, self.size, self.inner].map(|n| n as usize);
        let places =
            |a: usize| &inputs[1][self.places_offset as usize + a * self.places_step as usize..][..self.count as usize];
        let row = |a: usize, place: f32| {
            let at = if place < 0.0 { place + size as f32 } else { place };
            let at = (at.max(0.0) as usize).min(size - 1);
            &inputs[0][self.x_offset as usize + (a * size + at) * inner..][..inner]
        };
        (0..outer).flat_map(|a| places(a).iter().flat_map(move |&place| row(a, place))).copied().collect()
    }
}
