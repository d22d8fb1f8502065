//! Puts this engine's kernels into a decluttered graph: each rule replaces one pattern by one node.

use super::activation::Activation;
use super::contraction::Contraction;
use super::layer_norm::LayerNorm;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::binary::{BinMiniOp, TypedBinOp};
use tract_onnx::tract_core::ops::cast::Cast;
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::math::{Add, Mul, Sub};
use tract_onnx::tract_core::ops::nn::{Reduce, Reducer, RmsNorm, Sigmoid};

type Rule = fn(&TypedModel, &TypedNode) -> TractResult<Option<TypedModelPatch>>;

/// The rules, in the order in which they feed each other.
const RULES: [Rule; 5] = [weight, layer_norm, contraction, bias, swish];

/// Applies every rule.
pub fn rewrite(model: TypedModel) -> TractResult<TypedModel> {
    applied(model, &RULES)
}

/// Makes weights f32 and puts layer norms together: what every backend begins with.
#[cfg(feature = "gpu")]
pub fn with_layer_norms(model: TypedModel) -> TractResult<TypedModel> {
    applied(model, &RULES[..2])
}

/// Applies every rule to every node, one rule after the other.
fn applied(mut model: TypedModel, rules: &[Rule]) -> TractResult<TypedModel> {
    for rule in rules {
        for id in model.eval_order()? {
            if let Some(patch) = rule(&model, model.node(id))? {
                patch.apply(&mut model)?;
            }
        }
    }
    model.compact()?;
    Ok(model)
}

/// A weight that is stored in another precision becomes f32 once, not in every run.
fn weight(model: &TypedModel, node: &TypedNode) -> TractResult<Option<TypedModelPatch>> {
    let Some(cast) = node.op_as::<Cast>().filter(|cast| cast.to == f32::datum_type()) else { return Ok(None) };
    let Some(stored) = &model.outlet_fact(node.inputs[0])?.konst else { return Ok(None) };
    let mut patch = TypedModelPatch::new("weight");
    let float = patch.add_const(&node.name, stored.cast_to_dt(cast.to)?.into_owned())?;
    patch.shunt_outside(model, node.id.into(), float)?;
    Ok(Some(patch))
}

/// `EinSum` to [`Contraction`].
fn contraction(model: &TypedModel, node: &TypedNode) -> TractResult<Option<TypedModelPatch>> {
    let Some(einsum) = node.op_as::<EinSum>() else { return Ok(None) };
    let Some(contraction) = Contraction::of(einsum, &model.node_input_facts(node.id)?) else { return Ok(None) };
    TypedModelPatch::replace_single_op(model, node, &node.inputs, contraction).map(Some)
}

/// A contraction and the constant row added to it become one.
fn bias(model: &TypedModel, node: &TypedNode) -> TractResult<Option<TypedModelPatch>> {
    // A third input would be a bias that is there already.
    let Some(contraction) = node.op_as::<Contraction>().filter(|_| node.inputs.len() == 2) else { return Ok(None) };
    let Some(add) = model.single_succ(node.id)? else { return Ok(None) };
    let Some(bias) = other_operand::<Add>(add, node.id.into()) else { return Ok(None) };
    let Some(row) = constant_row(model, bias, &node.outputs[0].fact)? else { return Ok(None) };
    let mut patch = TypedModelPatch::new("bias");
    let mut inputs = patch.taps(model, &node.inputs)?;
    inputs.push(patch.add_const(format!("{}.row", add.name), row)?);
    let fused = patch.wire_node(&add.name, contraction.clone(), &inputs)?;
    patch.shunt_outside(model, add.id.into(), fused[0])?;
    Ok(Some(patch))
}

/// `y = contraction; y * sigmoid(slope * y)` becomes one.
fn swish(model: &TypedModel, node: &TypedNode) -> TractResult<Option<TypedModelPatch>> {
    let Some(product) = binary::<Mul>(node) else { return Ok(None) };
    for (linear, gate) in [(product[0], product[1]), (product[1], product[0])] {
        let Some(contraction) = model.node(linear.node).op_as::<Contraction>() else { continue };
        if contraction.activation.is_some() || model.node(linear.node).outputs[0].successors.len() != 2 {
            continue;
        }
        let gate = model.node(gate.node);
        if !is_element_wise::<Sigmoid>(gate) {
            continue;
        }
        let steep = model.node(gate.inputs[0].node);
        let Some(slope) = other_operand::<Mul>(steep, linear) else { continue };
        let Some(slope) = constant_scalar(model, slope)? else { continue };
        let fused = Contraction { activation: Some(Activation::swish(slope)), ..contraction.clone() };
        let mut patch = TypedModelPatch::new("swish");
        let inputs = patch.taps(model, &model.node(linear.node).inputs)?;
        let output = patch.wire_node(&node.name, fused, &inputs)?;
        patch.shunt_outside(model, node.id.into(), output[0])?;
        return Ok(Some(patch));
    }
    Ok(None)
}

/// What tract leaves of a LayerNormalization: `RmsNorm(x - sum(x) / n)`, times a row, plus a row.
fn layer_norm(model: &TypedModel, node: &TypedNode) -> TractResult<Option<TypedModelPatch>> {
    let Some(rms) = node.op_as::<RmsNorm>() else { return Ok(None) };
    let fact = &node.outputs[0].fact;
    let last = fact.rank().checked_sub(1);
    let centred = binary::<Sub>(model.node(node.inputs[0].node));
    let (Some([x, mean]), true) = (centred, last == Some(rms.axis)) else { return Ok(None) };
    let Some(size) = fact.shape[rms.axis].to_usize().ok().filter(|_| fact.datum_type == f32::datum_type()) else {
        return Ok(None);
    };
    if !is_mean(model, mean, x, rms.axis, size)? {
        return Ok(None);
    }
    let (scale, after) = following_row::<Mul>(model, node, node)?;
    let (shift, after) = following_row::<Add>(model, after, node)?;
    let mut patch = TypedModelPatch::new("layer norm");
    let input = patch.tap_model(model, x)?;
    let row = |row: Option<Tensor>, value: f32| row.map_or_else(|| Tensor::from_shape(&[size], &vec![value; size]), Ok);
    let scale = patch.add_const(format!("{}.scale", node.name), row(scale, 1.0)?)?;
    let shift = patch.add_const(format!("{}.shift", node.name), row(shift, 0.0)?)?;
    let op = LayerNorm::new(rms.eps.cast_to_scalar::<f32>()?);
    let fused = patch.wire_node(&after.name, op, &[input, scale, shift])?;
    patch.shunt_outside(model, after.id.into(), fused[0])?;
    Ok(Some(patch))
}

/// Whether `mean` is `sum(x) * (1 / size)` along `axis`.
fn is_mean(model: &TypedModel, mean: OutletId, x: OutletId, axis: usize, size: usize) -> TractResult<bool> {
    let Some([left, right]) = binary::<Mul>(model.node(mean.node)) else { return Ok(false) };
    for (sum, factor) in [(left, right), (right, left)] {
        let node = model.node(sum.node);
        let reduces = node.op_as::<Reduce>().is_some_and(|r| r.reducer == Reducer::Sum && *r.axes == [axis]);
        if reduces && node.inputs[0] == x {
            let factor = constant_scalar(model, factor)?;
            return Ok(factor.is_some_and(|factor| (factor * size as f32 - 1.0).abs() < 1e-5));
        }
    }
    Ok(false)
}

/// The constant row that the one node after `node` combines with it by `O`, and that node; else `None` and `node`.
fn following_row<'m, O: BinMiniOp>(
    model: &'m TypedModel,
    node: &'m TypedNode,
    shaped: &TypedNode,
) -> TractResult<(Option<Tensor>, &'m TypedNode)> {
    if let Some(next) = model.single_succ(node.id)?
        && let Some(other) = other_operand::<O>(next, node.id.into())
        && let Some(row) = constant_row(model, other, &shaped.outputs[0].fact)?
    {
        return Ok((Some(row), next));
    }
    Ok((None, node))
}

/// The operands of a binary `O`.
fn binary<O: BinMiniOp>(node: &TypedNode) -> Option<[OutletId; 2]> {
    node.op_as::<TypedBinOp>().filter(|op| op.0.is::<O>())?;
    (&*node.inputs).try_into().ok()
}

/// The operand of a binary `O` that is not `one`.
fn other_operand<O: BinMiniOp>(node: &TypedNode, one: OutletId) -> Option<OutletId> {
    match binary::<O>(node)? {
        [left, right] if left == one && right != one => Some(right),
        [left, right] if right == one && left != one => Some(left),
        _ => None,
    }
}

fn is_element_wise<O: tract_onnx::tract_core::ops::element_wise::ElementWiseMiniOp>(node: &TypedNode) -> bool {
    node.op_as::<ElementWiseOp>().is_some_and(|op| op.0.is::<O>())
}

/// The f32 constant at `outlet`, as a [n] tensor, where it runs along the last axis of `fact` and nowhere else.
fn constant_row(model: &TypedModel, outlet: OutletId, fact: &TypedFact) -> TractResult<Option<Tensor>> {
    let Some(constant) = &model.outlet_fact(outlet)?.konst else { return Ok(None) };
    let Some((last, leading)) = constant.shape().split_last() else { return Ok(None) };
    let along = fact.shape.last().is_some_and(|size| *size == last.to_dim());
    if constant.datum_type() != f32::datum_type() || !along || leading.iter().any(|&size| size != 1) {
        return Ok(None);
    }
    let row = constant.clone().into_tensor();
    Ok(Some(row.into_shape(&[*last])?))
}

/// The f32 constant of one element at `outlet`.
fn constant_scalar(model: &TypedModel, outlet: OutletId) -> TractResult<Option<f32>> {
    let Some(constant) = &model.outlet_fact(outlet)?.konst else { return Ok(None) };
    if constant.len() != 1 || constant.datum_type() != f32::datum_type() {
        return Ok(None);
    }
    Ok(constant.try_as_plain_ram()?.as_slice::<f32>()?.first().copied())
}
