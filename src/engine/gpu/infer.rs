//! One model, once, on whatever tensors it takes.

use super::{Device, Session, plan};
use crate::engine::Precision;
use crate::error::{Error, Result, Stage};
use crate::model::{Model, Tensor, Values};
use std::sync::Arc;
use std::time::Instant;

/// Runs `model` on `inputs`, in its order, and returns its outputs, in its order. Integers come back as integers, exact
/// up to 2^24.
///
/// # Errors
/// When an input does not fit the model, an operator is not there, or the device fails.
pub fn infer(model: &Model, inputs: &[Tensor], device: &Arc<Device>, precision: Precision) -> Result<Vec<Tensor>> {
    run(model, inputs, device, precision).map(|(_, outputs)| outputs)
}

/// Milliseconds of each of `runs` runs after a first one, with the inputs on the device and the outputs left there.
///
/// # Errors
/// As [`infer`].
pub fn time(
    model: &Model,
    inputs: &[Tensor],
    device: &Arc<Device>,
    precision: Precision,
    runs: usize,
) -> Result<Vec<f64>> {
    let (session, _) = run(model, inputs, device, precision)?;
    let timed = |_| {
        let began = Instant::now();
        session.again().map(|()| began.elapsed().as_secs_f64() * 1e3)
    };
    (0..runs).map(timed).collect()
}

fn run(model: &Model, inputs: &[Tensor], device: &Arc<Device>, precision: Precision) -> Result<(Session, Vec<Tensor>)> {
    if inputs.len() != model.inputs().len() {
        let expected = format!("{} inputs", model.inputs().len());
        return Err(Error::new(Stage::Engine, expected, inputs.len(), "pass one tensor an input"));
    }
    let shapes: Vec<(&str, &[usize])> =
        model.inputs().iter().zip(inputs).map(|(port, input)| (port.name.as_str(), input.shape.as_slice())).collect();
    let mut session = Session::new(device.clone(), plan(model, &shapes, &[])?, precision, &[])?;
    let floats: Vec<Vec<f32>> = inputs.iter().map(floats).collect();
    let floats: Vec<&[f32]> = floats.iter().map(Vec::as_slice).collect();
    let mut rows: Vec<Vec<f32>> = session.plan().outputs.iter().map(|view| vec![0.0; view.len()]).collect();
    let mut slices: Vec<&mut [f32]> = rows.iter_mut().map(Vec::as_mut_slice).collect();
    session.run(&floats, &mut slices)?;
    let plan = session.plan();
    let tensor = |(view, values): (&super::view::View, Vec<f32>)| Tensor {
        shape: view.shape.clone(),
        values: match plan.tensors[view.tensor].element {
            super::shader::Element::Integer => Values::I64(values.iter().map(|&v| v as i64).collect()),
            _ => Values::F32(values),
        },
    };
    let outputs = plan.outputs.iter().zip(rows).map(tensor).collect();
    Ok((session, outputs))
}

fn floats(tensor: &Tensor) -> Vec<f32> {
    match &tensor.values {
        Values::F32(values) => values.clone(),
        Values::I64(values) => values.iter().map(|&v| v as f32).collect(),
    }
}
