//! The GPU engine: the same graphs as on the CPU, lowered to compute shaders and run through wgpu.
//!
//! In the order of a model's way: [`lower`](lower::lower) turns a decluttered graph into a [`Plan`] of
//! dispatches, each a [`kernel`] with a [`chain`] of element-wise steps at its end; a [`Session`] puts the plan on a
//! [`Device`] and runs it. The [`GpuClipEncoder`] chains the plans of a bundle's models, and of all that lies between
//! them, so that a frame stays on the device.

pub mod chain;
pub mod kernel;
pub mod lower;
pub mod plan;
pub mod shader;
pub mod tail;
pub mod view;

mod adapter;
mod cooperation;
mod device;
mod infer;
mod observer;
mod pipelines;
mod session;

pub use adapter::{Description, Gpu};
pub use device::{Bounds, Device};
pub use infer::{infer, time};
pub use observer::GpuClipEncoder;
pub use session::Session;

use crate::error::Result;
use crate::model::{Model, guarded};
use plan::Plan;

/// Creates the plan of `model` for inputs of these shapes, with the named outputs, or all.
///
/// # Errors
/// Returns an error if an input or output is missing, a shape does not fit, or an operator is not supported.
pub fn plan(model: &Model, shapes: &[(&str, &[usize])], outputs: &[&str]) -> Result<Plan> {
    let graph = model.decluttered(shapes, outputs)?;
    let graph = guarded(model.path(), || super::cpu::with_layer_norms(graph))?;
    lower::lower(&graph)
}
