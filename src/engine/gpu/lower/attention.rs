//! Scores, softmax and mixed values as one kernel.

use super::group::Group;
use super::kernels::Ready;
use super::{Lowering, floats};
use crate::engine::gpu::kernel::Attention;
use crate::engine::gpu::view::View;
use std::collections::{HashMap, HashSet};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::konst::Const;
use tract_onnx::tract_core::ops::nn::{Softmax, SoftmaxKind};

/// The nodes that an attention is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pattern {
    /// Scores of queries and keys.
    scores: usize,
    /// What the scores are multiplied by.
    scale: f32,
    /// What is added to them then.
    mask: Option<OutletId>,
    /// Which input of the mixing node the probabilities are.
    probabilities: usize,
}

/// Attentions of a model.
#[derive(Debug, Default)]
pub struct Attentions {
    /// By the node that mixes the values.
    pub patterns: HashMap<usize, Pattern>,
    /// The roots of the groups that they are made of besides.
    pub within: HashSet<usize>,
}

/// All attentions of `model`.
pub fn attentions(model: &TypedModel, groups: &[Group]) -> TractResult<Attentions> {
    let by_exit: HashMap<usize, &Group> = groups.iter().map(|group| (group.exit(), group)).collect();
    let mut found = Attentions::default();
    for group in groups {
        let softmax = model.node(group.root);
        let Some((mixing, pattern)) = pattern(model, group, &by_exit)? else { continue };
        found.patterns.insert(mixing, pattern);
        found.within.extend([softmax.id, pattern.scores]);
    }
    Ok(found)
}

/// The attention whose softmax is `group`, and the node that mixes its values.
fn pattern(
    model: &TypedModel,
    group: &Group,
    by_exit: &HashMap<usize, &Group>,
) -> TractResult<Option<(usize, Pattern)>> {
    let softmax = model.node(group.root);
    let Some(op) = softmax.op_as::<Softmax>() else { return Ok(None) };
    let rank = softmax.outputs[0].fact.rank();
    let plain = op.kind == SoftmaxKind::Softmax && op.quant_output_dt.is_none() && *op.axes == [rank - 1];
    let Some(mixing) = model.single_succ(softmax.id)?.filter(|node| node.op_is::<EinSum>()) else { return Ok(None) };
    let Some(scoring) = by_exit.get(&softmax.inputs[0].node) else { return Ok(None) };
    let alone = model.single_succ(scoring.exit())?.is_some();
    let outputs = model.output_outlets()?;
    let seen = [softmax.id, scoring.exit()].into_iter().any(|id| outputs.contains(&id.into()));
    let two = mixing.inputs.len() == 2 && model.node(scoring.root).inputs.len() == 2;
    if seen || !two || !plain || !group.members.is_empty() || !alone || !model.node(scoring.root).op_is::<EinSum>() {
        return Ok(None);
    }
    let Some((scale, mask)) = scale_and_mask(model, scoring) else { return Ok(None) };
    let Some(probabilities) = mixing.inputs.iter().position(|input| input.node == softmax.id) else { return Ok(None) };
    let pattern = Pattern { scores: scoring.root, scale, mask, probabilities };
    Ok(axes(model, &pattern, mixing).map(|_| (mixing.id, pattern)))
}

/// The chain behind the scores, where that is factors first and one mask last.
fn scale_and_mask(model: &TypedModel, group: &Group) -> Option<(f32, Option<OutletId>)> {
    let (mut scale, mut mask) = (1.0, None);
    let mut last = OutletId::from(group.root);
    for &id in &group.members {
        let node = model.node(id);
        let op = node.op_as::<TypedBinOp>()?;
        let place = node.inputs.iter().position(|input| *input == last)?;
        let other = node.inputs[1 - place];
        match (op.0.name(), mask) {
            ("Mul", None) => scale *= number(model, other)?,
            ("Div", None) if place == 0 => scale /= number(model, other)?,
            ("Add", None) if other != last => mask = Some(other),
            _ => return None,
        }
        last = id.into();
    }
    Some((scale, mask))
}

/// A constant of one element.
fn number(model: &TypedModel, outlet: OutletId) -> Option<f32> {
    let constant = model.node(outlet.node).op_as::<Const>()?.val();
    if constant.len() == 1 { floats(constant).ok()?.first().copied() } else { None }
}

/// Where an axis is in queries, keys, scores, values and the output.
#[derive(Clone, Copy, Debug, Default)]
struct Axis {
    queries: Option<usize>,
    keys: Option<usize>,
    scores: Option<usize>,
    values: Option<usize>,
    output: Option<usize>,
}

/// The axes of an attention by role.
struct Axes {
    /// Whether the first operand of the scores holds the keys.
    turned: bool,
    query: Axis,
    key: Axis,
    depth: Axis,
    width: Axis,
    batch: Vec<Axis>,
}

/// The axes of `pattern`, whose values are mixed by `mixing`; `None` where they are not those of an attention.
fn axes(model: &TypedModel, pattern: &Pattern, mixing: &TypedNode) -> Option<Axes> {
    let (scoring, mix) = (model.node(pattern.scores).op_as::<EinSum>()?, mixing.op_as::<EinSum>()?);
    let rank = model.outlet_fact(pattern.scores.into()).ok()?.rank();
    let values = 1 - pattern.probabilities;
    let once = |op: &EinSum| {
        op.q_params.is_none()
            && op.axes.iter_all_axes().all(|axis| axis.inputs.iter().chain(&axis.outputs).all(|at| at.len() <= 1))
    };
    if !once(scoring) || !once(mix) {
        return None;
    }
    // Of every axis of the scores, what the two contractions say.
    let mut all: Vec<Axis> = (0..rank).map(|at| Axis { scores: Some(at), ..Axis::default() }).collect();
    let (mut depth, mut width) = (Vec::new(), Vec::new());
    for axis in scoring.axes.iter_all_axes() {
        let [queries, keys] = [0, 1].map(|input| axis.inputs[input].first().copied());
        match axis.outputs[0].first() {
            Some(&at) => (all[at].queries, all[at].keys) = (queries, keys),
            None => depth.push(Axis { queries, keys, ..Axis::default() }),
        }
    }
    for axis in mix.axes.iter_all_axes() {
        let value = axis.inputs[values].first().copied();
        let output = axis.outputs[0].first().copied();
        match axis.inputs[pattern.probabilities].first() {
            Some(&at) => (all[at].values, all[at].output) = (value, output),
            None => width.push(Axis { values: value, output, ..Axis::default() }),
        }
    }
    let mut key = all.pop()?;
    // Softmax runs over the last axis: that is the keys', and whichever operand has it holds them.
    let turned = key.queries.is_some();
    if turned {
        let turn = |axis: &mut Axis| core::mem::swap(&mut axis.queries, &mut axis.keys);
        [&mut key].into_iter().chain(&mut all).chain(&mut depth).for_each(turn);
    }
    let (query, batch): (Vec<Axis>, Vec<Axis>) =
        all.into_iter().partition(|axis| axis.keys.is_none() && axis.values.is_none());
    let (&[query], &[depth], &[width]) = (query.as_slice(), depth.as_slice(), width.as_slice()) else { return None };
    let whole = key.queries.is_none()
        && key.keys.is_some()
        && key.values.is_some()
        && key.output.is_none()
        && query.queries.is_some()
        && query.output.is_some()
        && depth.queries.is_some()
        && depth.keys.is_some()
        && width.values.is_some()
        && width.output.is_some()
        && batch.iter().all(|axis| axis.output.is_some());
    let size = |node: usize, input: usize, axis: Option<usize>| {
        let fact = model.outlet_fact(model.node(node).inputs[input]).ok()?;
        fact.shape[axis?].to_usize().ok()
    };
    let (first, second) = (usize::from(turned), usize::from(!turned));
    let depths = [size(pattern.scores, first, depth.queries), size(pattern.scores, second, depth.keys)];
    let keys = [size(pattern.scores, second, key.keys), size(mixing.id, values, key.values)];
    if depths[0] != depths[1] || keys[0] != keys[1] {
        return None;
    }
    let widest = [depths[0], size(mixing.id, values, width.values)];
    let fits = widest.into_iter().all(|size| size.is_some_and(|size| size <= Attention::MOST));
    (whole && fits).then_some(Axes { turned, query, key, depth, width, batch })
}

impl Lowering<'_> {
    /// The kernel of the attention whose values `mixing` mixes to `shape`.
    pub(super) fn attention(&mut self, pattern: &Pattern, mixing: &TypedNode, shape: &[usize]) -> TractResult<Ready> {
        let axes = axes(self.model, pattern, mixing).context("no attention")?;
        let scoring = self.model.node(pattern.scores);
        let scores = self.shape(scoring.id.into())?;
        let (queries, keys) = (scoring.inputs[usize::from(axes.turned)], scoring.inputs[usize::from(!axes.turned)]);
        let (queries, keys) = (self.view(queries)?, self.view(keys)?);
        let values = self.view(mixing.inputs[1 - pattern.probabilities])?;
        let mask = pattern.mask.map(|mask| self.view(mask)).transpose()?.map(|view| view.broadcast(&scores));
        let output = View::whole(0, shape);
        // What has one element along an axis is read again and again.
        let step = |view: &View, axis: Option<usize>| match axis {
            Some(axis) if view.shape[axis] > 1 => view.strides[axis],
            _ => 0,
        };
        let steps = |axis: &Axis| {
            let masked = mask.as_ref().map_or(0, |mask| step(mask, axis.scores));
            let [q, k] = [step(&queries, axis.queries), step(&keys, axis.keys)];
            [q, k, step(&values, axis.values), masked, step(&output, axis.output)]
        };
        let batch: Vec<(usize, [usize; 5])> =
            axes.batch.iter().map(|axis| (axis.scores.map_or(1, |at| scores[at]), steps(axis))).collect();
        let [(outer_size, outer), (inner_size, inner)] = two(&batch).context("an attention of many batch axes")?;
        let [query, key, depth, width] = [&axes.query, &axes.key, &axes.depth, &axes.width].map(steps);
        let size = |view: &View, axis: Option<usize>| axis.map_or(1, |axis| view.shape[axis]) as u32;
        let kernel = Attention {
            batches: (outer_size * inner_size) as u32,
            batches_inner: inner_size as u32,
            queries: size(&queries, axes.query.queries),
            keys: size(&keys, axes.key.keys),
            depth: size(&queries, axes.depth.queries),
            width: size(&values, axes.width.values),
            scale: pattern.scale,
            masked: u32::from(mask.is_some()),
            q_offset: queries.offset as u32,
            q_batch_outer: outer[0] as u32,
            q_batch: inner[0] as u32,
            q_row: query[0] as u32,
            q_depth: depth[0] as u32,
            k_offset: keys.offset as u32,
            k_batch_outer: outer[1] as u32,
            k_batch: inner[1] as u32,
            k_row: key[1] as u32,
            k_depth: depth[1] as u32,
            v_offset: values.offset as u32,
            v_batch_outer: outer[2] as u32,
            v_batch: inner[2] as u32,
            v_row: key[2] as u32,
            v_width: width[2] as u32,
            mask_offset: mask.as_ref().map_or(0, |mask| mask.offset) as u32,
            mask_batch_outer: outer[3] as u32,
            mask_batch: inner[3] as u32,
            mask_row: query[3] as u32,
            mask_column: key[3] as u32,
            y_batch_outer: outer[4] as u32,
            y_batch: inner[4] as u32,
            y_row: query[4] as u32,
            y_width: width[4] as u32,
        };
        // A binding must hold something; without a mask nobody reads it.
        let mask = mask.map_or(queries.tensor, |mask| mask.tensor);
        Ok(Ready::new(kernel, vec![queries.tensor, keys.tensor, values.tensor, mask]))
    }
}

/// At most two axes, neighbours merged where they continue each other, the inner one last.
fn two(axes: &[(usize, [usize; 5])]) -> Option<[(usize, [usize; 5]); 2]> {
    let mut merged: Vec<(usize, [usize; 5])> = Vec::new();
    for &(size, steps) in axes.iter().filter(|(size, _)| *size != 1) {
        match merged.last_mut() {
            Some((outer, before)) if before.iter().zip(&steps).all(|(o, i)| *o == i * size) => {
                (*outer, *before) = (*outer * size, steps);
            }
            _ => merged.push((size, steps)),
        }
    }
    match merged[..] {
        [] => Some([(1, [0; 5]); 2]),
        [one] => Some([(1, [0; 5]), one]),
        [outer, inner] => Some([outer, inner]),
        _ => None,
    }
}
