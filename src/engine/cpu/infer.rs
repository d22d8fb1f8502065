//! Runs one model on tensors.

use super::rewrite::rewrite;
use crate::error::{Error, Result, Stage};
use crate::model::{Model, Tensor, Values, guarded};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tract_onnx::prelude::{
    Datum, IntoRunnable, IntoTValue, TValue, TVec, Tensor as TractTensor, TractResult, TypedRunnableModel,
};

/// A model that is prepared for inputs of fixed shapes.
pub struct Runner {
    plan: Arc<TypedRunnableModel>,
    path: PathBuf,
}

impl core::fmt::Debug for Runner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Runner").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Runner {
    /// Prepares `model` for inputs of these `shapes`, in its order.
    ///
    /// # Errors
    /// Returns an error if an input does not fit the model.
    pub fn new(model: &Model, shapes: &[&[usize]]) -> Result<Self> {
        if model.inputs().len() != shapes.len() {
            let expected = format!("{} inputs", model.inputs().len());
            return Err(Error::new(Stage::Engine, expected, shapes.len(), "pass one tensor an input"));
        }
        let named: Vec<(&str, &[usize])> =
            model.inputs().iter().zip(shapes).map(|(port, shape)| (port.name.as_str(), *shape)).collect();
        let graph = model.decluttered(&named, &[])?;
        let plan = guarded(model.path(), || rewrite(graph)?.into_optimized()?.into_runnable())?;
        Ok(Self { plan, path: model.path().to_owned() })
    }

    /// Returns the path of the model's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs the model on `inputs`, in its order, and returns its outputs, in its order.
    ///
    /// # Errors
    /// Returns an error if an operator fails.
    pub fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        guarded(&self.path, || {
            let inputs: TVec<TValue> = inputs.iter().map(to_tract).collect::<TractResult<_>>()?;
            self.plan.run(inputs)?.iter().map(|value| from_tract(value)).collect()
        })
    }
}

/// Runs `model` once on `inputs`, in its order, and returns its outputs, in its order.
///
/// # Errors
/// Returns an error if an input does not fit the model, or an operator fails.
pub fn infer(model: &Model, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    let shapes: Vec<&[usize]> = inputs.iter().map(|input| input.shape.as_slice()).collect();
    Runner::new(model, &shapes)?.run(inputs)
}

fn to_tract(tensor: &Tensor) -> TractResult<TValue> {
    let value = match &tensor.values {
        Values::F32(values) => TractTensor::from_shape(&tensor.shape, values)?,
        Values::I64(values) => TractTensor::from_shape(&tensor.shape, values)?,
    };
    Ok(value.into_tvalue())
}

/// Integers stay integers; everything else becomes f32.
fn from_tract(tensor: &TractTensor) -> TractResult<Tensor> {
    let shape = tensor.shape().to_vec();
    let values = if tensor.datum_type().is_integer() {
        Values::I64(tensor.cast_to_dt(i64::datum_type())?.try_as_plain_ram()?.as_slice::<i64>()?.to_vec())
    } else {
        Values::F32(tensor.cast_to_dt(f32::datum_type())?.try_as_plain_ram()?.as_slice::<f32>()?.to_vec())
    };
    Ok(Tensor { shape, values })
}
