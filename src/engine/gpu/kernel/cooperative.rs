//! Matrix products by an adapter's own products of small matrices.

use super::{Contraction, Kernel};
use crate::engine::gpu::shader::{Element, Shader};

static OF_8: Shader = shader(8);
static OF_16: Shader = shader(16);

const fn shader(side: u32) -> Shader {
    Shader {
        file: "cooperative.wgsl",
        source: include_str!("../../../../shaders/cooperative.wgsl"),
        entry: "contract_cooperatively",
        buffers: &[Element::Stored, Element::Stored],
        cooperative: Some(side),
    }
}

/// Products smaller than this along an axis are mostly padding.
const LEAST: u32 = 16;

/// Bytes of memory that a workgroup shares: two tiles of stored numbers and one of sums.
pub fn shared_bytes(stored: usize) -> u32 {
    (2 * 64 * 32 * stored + 64 * 64 * 4) as u32
}

/// A [`Contraction`] by products of square matrices of one side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CooperativeContraction {
    contraction: Contraction,
    shader: &'static Shader,
}

impl CooperativeContraction {
    /// `contraction` by products of this side; none where there is no shader for such, or the contraction is too small.
    pub fn new(contraction: Contraction, side: u32) -> Option<Self> {
        let shader = match side {
            8 => &OF_8,
            16 => &OF_16,
            _ => return None,
        };
        let Contraction { rows, columns, depth, .. } = contraction;
        (rows.min(columns).min(depth) >= LEAST).then_some(Self { contraction, shader })
    }
}

impl Kernel for CooperativeContraction {
    fn shader(&self) -> &'static Shader {
        self.shader
    }

    fn parameters(&self) -> &[u8] {
        self.contraction.parameters()
    }

    fn groups(&self) -> [u32; 3] {
        self.contraction.groups()
    }

    fn operations(&self) -> u64 {
        self.contraction.operations()
    }

    fn twin(&self, inputs: &[&[f32]]) -> Vec<f32> {
        self.contraction.twin(inputs)
    }
}
