//! One model, once, on whatever tensors it takes.

use super::rewrite::rewrite;
use crate::error::{Error, Result, Stage};
use crate::model::{Model, Tensor, Values, guarded};
use tract_onnx::prelude::{Datum, IntoRunnable, IntoTValue, TValue, TVec, Tensor as TractTensor, TractResult};

/// Runs `model` on `inputs`, in its order, and returns its outputs, in its order.
///
/// # Errors
/// When an input does not fit the model, or an operator fails.
pub fn infer(model: &Model, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    if inputs.len() != model.inputs().len() {
        let expected = format!("{} inputs", model.inputs().len());
        return Err(Error::new(Stage::Engine, expected, inputs.len(), "pass one tensor an input"));
    }
    let shapes: Vec<(&str, &[usize])> =
        model.inputs().iter().zip(inputs).map(|(port, input)| (port.name.as_str(), input.shape.as_slice())).collect();
    let graph = model.decluttered(&shapes, &[])?;
    guarded(model.path(), || {
        let plan = rewrite(graph)?.into_optimized()?.into_runnable()?;
        let inputs: TVec<TValue> = inputs.iter().map(to_tract).collect::<TractResult<_>>()?;
        plan.run(inputs)?.iter().map(|value| from_tract(value)).collect()
    })
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
