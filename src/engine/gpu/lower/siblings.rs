//! Linear layers of one input, such as the queries, keys and values of an attention, as one matrix product.

use super::group::Group;
use super::{Lowering, Value, floats};
use crate::engine::gpu::chain::{Binary, Chain, Step};
use crate::engine::gpu::plan::Weight;
use crate::engine::gpu::shader::Element;
use crate::engine::gpu::view::View;
use crate::engine::roles::Run;
use std::collections::{BTreeMap, HashMap, HashSet};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::konst::Const;

/// `(x weight + bias) factor`.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    root: usize,
    exit: usize,
    weight: OutletId,
    bias: Option<OutletId>,
    factor: f32,
}

/// Layers that one product makes.
#[derive(Debug, Default)]
pub struct Siblings {
    /// By the root of the one that comes first.
    pub layers: HashMap<usize, Vec<Linear>>,
    /// The roots of the others.
    pub others: HashSet<usize>,
}

/// All layers of `model` that have the same input and the same sizes, but for those `within` something else.
pub fn siblings(model: &TypedModel, groups: &[Group], within: &HashSet<usize>) -> TractResult<Siblings> {
    let mut alike: BTreeMap<_, Vec<Linear>> = BTreeMap::new();
    for group in groups.iter().filter(|group| !within.contains(&group.root)) {
        let Some(linear) = linear(model, group)? else { continue };
        let node = model.node(group.root);
        let weight = model.outlet_fact(linear.weight)?.shape.as_concrete().map(<[usize]>::to_vec);
        let shape = node.outputs[0].fact.shape.as_concrete().map(<[usize]>::to_vec);
        let axes = node.op_as::<EinSum>().map(|op| op.axes.to_string());
        alike.entry((node.inputs[0], axes, weight, shape, linear.bias.is_some())).or_default().push(linear);
    }
    let several = alike.into_values().filter(|layers| layers.len() > 1);
    let mut found = Siblings::default();
    for layers in several {
        found.others.extend(layers[1..].iter().map(|layer| layer.root));
        found.layers.insert(layers[0].root, layers);
    }
    Ok(found)
}

/// The layer that `group` is, where it is one: a product with constant weights, a constant row, a constant factor.
fn linear(model: &TypedModel, group: &Group) -> TractResult<Option<Linear>> {
    let root = model.node(group.root);
    if !root.op_is::<EinSum>() || root.inputs.len() != 2 {
        return Ok(None);
    }
    let weight = model.node(root.inputs[1].node).op_as::<Const>().map(Const::val);
    if weight.is_none_or(|weight| weight.rank() != 2) {
        return Ok(None);
    }
    let row = root.outputs[0].fact.shape.last().and_then(|size| size.to_usize().ok());
    let mut layer = Linear { root: root.id, exit: group.exit(), weight: root.inputs[1], bias: None, factor: 1.0 };
    let mut last = OutletId::from(root.id);
    for &id in &group.members {
        let node = model.node(id);
        let Some(op) = node.op_as::<TypedBinOp>() else { return Ok(None) };
        let Some(place) = node.inputs.iter().position(|input| *input == last) else { return Ok(None) };
        let other = node.inputs[1 - place];
        let Some(constant) = model.node(other.node).op_as::<Const>().map(Const::val) else { return Ok(None) };
        let is_row = constant.shape().last().copied() == row && Some(constant.len()) == row;
        match op.0.name() {
            "Add" if is_row && layer.bias.is_none() && layer.factor == 1.0 => layer.bias = Some(other),
            "Mul" if constant.len() == 1 => layer.factor *= floats(constant)?[0],
            _ => return Ok(None),
        }
        last = id.into();
    }
    Ok(Some(layer))
}

impl Lowering<'_> {
    /// Dispatches `layers` as one product, whose output is theirs one behind the other.
    pub(super) fn siblings(&mut self, layers: &[Linear]) -> TractResult<()> {
        let root = self.model.node(layers[0].root);
        let shape = self.shape(root.id.into())?;
        let x = self.view(root.inputs[0])?;
        let mut weights = Vec::new();
        let mut biases = Vec::new();
        for layer in layers {
            let scaled = |values: Vec<f32>| values.into_iter().map(|value| value * layer.factor);
            weights.extend(scaled(self.floats(layer.weight)?));
            if let Some(bias) = layer.bias {
                biases.extend(scaled(self.floats(bias)?));
            }
        }
        let one = self.shape(layers[0].weight)?;
        let stacked = self.numbers(Weight::Floats(weights.into()));
        let weight = View::whole(stacked, &one);
        let mut roles = self.roles(root, &x, &weight, &shape)?;
        ensure!(roles.n.len() < 2, "siblings with two runs of columns at {}", root.name);
        let (step, size) = (weight.len(), shape.iter().product::<usize>());
        let layer = Run { size: layers.len(), a: 0, b: step as isize, c: size as isize };
        roles.n.insert(0, layer);
        // A single run would be taken for the inner one.
        if roles.n.len() == 1 {
            roles.n.push(Run::UNIT);
        }
        let kernel = super::kernels::product(&roles, &x, &weight).context("siblings of many axes")?;
        let whole: Vec<usize> = [layers.len()].into_iter().chain(shape.iter().copied()).collect();
        let mut chain = Chain::stored();
        let mut operands = Vec::new();
        if !biases.is_empty() {
            operands.push(self.stacked_rows(biases, &whole));
            let bias = chain.push(Step::Operand(0));
            chain.push(Step::Binary(Binary::Add, 0, bias));
        }
        let output = self.made(&whole, Element::Stored);
        let name = root.name.clone();
        self.dispatch(&name, Box::new(kernel), vec![x.tensor, stacked], chain, operands, output.clone())?;
        for (place, layer) in layers.iter().enumerate() {
            let part = output.clone().sliced(0, place, place + 1).without_axis(0);
            self.values.insert(layer.exit.into(), Value::View(part));
        }
        Ok(())
    }

    /// A row a layer, repeated over all but the last axis of `whole`.
    fn stacked_rows(&mut self, rows: Vec<f32>, whole: &[usize]) -> View {
        let row = rows.len() / whole[0];
        let tensor = self.numbers(Weight::Floats(rows.into()));
        let mut shape = vec![1; whole.len()];
        (shape[0], shape[whole.len() - 1]) = (whole[0], row);
        View::whole(tensor, &shape).broadcast(whole)
    }

    fn floats(&self, outlet: OutletId) -> TractResult<Vec<f32>> {
        let constant = self.model.node(outlet.node).op_as::<Const>().context("no constant")?;
        floats(constant.val())
    }
}
