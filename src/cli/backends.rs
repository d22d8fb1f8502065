//! Values of `--backend` and `--precision`.

use super::choices::Choice;
use figureground::engine::{Backend, Precision};

pub const BACKENDS: [Choice<Backend>; 3] = [
    Choice { value: Backend::Auto, name: "auto", help: "A GPU if this build and this machine have one, else the CPU" },
    Choice { value: Backend::Cpu, name: "cpu", help: "The CPU, through tract" },
    Choice { value: Backend::Gpu, name: "gpu", help: "A GPU, through wgpu" },
];
pub const PRECISIONS: [Choice<Precision>; 2] = [
    Choice { value: Precision::F32, name: "f32", help: "32 bits" },
    Choice { value: Precision::F16, name: "f16", help: "16 bits, if the adapter supports them" },
];
