//! The kernels: for each its parameters as the shader lays them out, how many workgroups it takes, and its twin on the
//! CPU.

mod attention;
mod contraction;
mod convolution;
pub mod cooperative;
mod element_wise;
pub mod frame;
mod gather;
mod norm;
mod pooling;
mod reduce;
mod resample;
mod softmax;

pub use attention::Attention;
pub use contraction::Contraction;
pub use convolution::{Convolution, Form, SHADERS as CONVOLUTIONS};
pub use cooperative::CooperativeContraction;
pub use element_wise::ElementWise;
pub use gather::Gather;
pub use norm::Norm;
pub use pooling::{Kind as PoolingKind, Pooling};
pub use reduce::{Kind as ReduceKind, Reduce, Reduction};
pub use resample::{Resample, taps};
pub use softmax::Softmax;

use super::shader::Shader;
use core::fmt;

/// A kernel with the sizes of one dispatch. Its output is counted in the output's own order, whatever the strides
/// with which the output is then stored.
pub trait Kernel: fmt::Debug + Send + Sync {
    /// Its code.
    fn shader(&self) -> &'static Shader;
    /// Its parameters, as the struct of the shader lays them out; none for a shader without.
    fn parameters(&self) -> &[u8];
    /// Workgroups along x, y, z.
    fn groups(&self) -> [u32; 3];
    /// Multiplications and additions.
    fn operations(&self) -> u64;
    /// What the shader makes of `inputs`, for each element of the output: slow, plain, and the reference for it. Empty
    /// for the steps of a frame's way, whose reference is what the CPU does with the same frame.
    fn twin(&self, inputs: &[&[f32]]) -> Vec<f32>;
    /// The same by products of square matrices of `side`, where there is such a form and it is worth it.
    fn cooperative(&self, side: u32) -> Option<Box<dyn Kernel>> {
        let _ = side;
        None
    }
}

/// The most workgroups along an axis that every adapter has.
const MAX_GROUPS: usize = 65_535;

/// Workgroups for `count` things of which each does `each`, spread over two axes.
fn spread(count: usize, each: usize) -> [u32; 3] {
    let groups = count.div_ceil(each).max(1);
    let rows = groups.div_ceil(MAX_GROUPS);
    [groups.div_ceil(rows) as u32, rows as u32, 1]
}

/// Declares a struct that a shader has too: `u32` and `f32` fields one behind the other. `FIELDS` names them, so that a
/// test can hold them against the shader's own.
macro_rules! parameters {
    ($(#[$meta:meta])* pub struct $name:ident { $($field:ident: $kind:ty,)* }) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
        pub struct $name {
            $(#[allow(missing_docs, reason = "named and explained in the shader")] pub $field: $kind,)*
        }

        impl $name {
            /// Names and places of the fields.
            pub const FIELDS: &[(&str, usize)] = &[$((stringify!($field), core::mem::offset_of!($name, $field)),)*];
        }
    };
}
pub(crate) use parameters;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workgroups_cover_everything_within_what_every_adapter_has() {
        for count in [0, 1, 255, 256, 257, 256 * MAX_GROUPS, 256 * MAX_GROUPS + 1, 1 << 31] {
            let [x, y, _] = spread(count, 256);
            assert!(x as usize * y as usize * 256 >= count && x as usize <= MAX_GROUPS, "{count}: {x} {y}");
        }
    }
}
