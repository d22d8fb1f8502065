//! Which nodes run as one dispatch.

use super::chains::is_element_wise;
use super::{kernels, layout};
use crate::engine::gpu::chain::{MAX_OPERANDS, MAX_STEPS};
use std::collections::HashSet;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::konst::Const;

/// A node, and the element-wise nodes that follow it in one chain; the last one's output is what others read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The kernel, or the first element-wise node.
    pub root: usize,
    /// The element-wise nodes behind it, in order.
    pub members: Vec<usize>,
}

impl Group {
    /// The node whose output it makes.
    pub fn exit(&self) -> usize {
        self.members.last().copied().unwrap_or(self.root)
    }
}

/// All nodes of `model` in groups, in an order in which each group's inputs come before it.
pub fn groups(model: &TypedModel) -> TractResult<Vec<Group>> {
    let order = model.eval_order()?;
    let outputs: HashSet<OutletId> = model.output_outlets()?.iter().copied().collect();
    let mut taken: HashSet<usize> = HashSet::new();
    let mut groups = Vec::new();
    for (at, &root) in order.iter().enumerate() {
        if taken.contains(&root) {
            continue;
        }
        let node = model.node(root);
        let grows = (is_element_wise(model, node) || kernels::is_kernel(node)) && !layout::is_layout(node);
        let members = if grows { grown(model, &order[at + 1..], root, &outputs, &taken)? } else { Vec::new() };
        taken.extend(&members);
        groups.push(Group { root, members });
    }
    // A group runs where its last node stood: everything it reads is there by then, and nobody needs it before.
    let place = |group: &Group| order.iter().position(|&node| node == group.exit());
    groups.sort_by_key(place);
    Ok(groups)
}

/// The longest run of element-wise nodes behind `root` of which only the last one is read by others.
fn grown(
    model: &TypedModel,
    behind: &[usize],
    root: usize,
    outputs: &HashSet<OutletId>,
    taken: &HashSet<usize>,
) -> TractResult<Vec<usize>> {
    let shape = &model.outlet_fact(root.into())?.shape;
    let mut within: HashSet<usize> = HashSet::from([root]);
    let mut members = Vec::new();
    let mut whole = 0;
    for &id in behind {
        let node = model.node(id);
        let follows = node.inputs.iter().any(|input| within.contains(&input.node));
        if !follows || taken.contains(&id) || !is_element_wise(model, node) || node.outputs[0].fact.shape != *shape {
            continue;
        }
        within.insert(id);
        members.push(id);
        if members.len() > MAX_STEPS / 4 || operands(model, root, &members)? > MAX_OPERANDS {
            break;
        }
        if is_exit(model, &within, id, outputs) {
            whole = members.len();
        }
    }
    members.truncate(whole);
    Ok(members)
}

/// Whether nobody outside reads any node of `within` but `exit`.
fn is_exit(model: &TypedModel, within: &HashSet<usize>, exit: usize, outputs: &HashSet<OutletId>) -> bool {
    within.iter().filter(|id| **id != exit).all(|&id| {
        let outlet = OutletId::from(id);
        let inside = model.node(id).outputs[0].successors.iter().all(|inlet| within.contains(&inlet.node));
        inside && !outputs.contains(&outlet)
    })
}

/// How many tensors the chain of `root` and `members` reads beside what the kernel makes.
fn operands(model: &TypedModel, root: usize, members: &[usize]) -> TractResult<usize> {
    let chained: Vec<usize> = if is_element_wise(model, model.node(root)) { vec![root] } else { vec![] };
    let within: HashSet<usize> = members.iter().copied().chain([root]).collect();
    let bias = usize::from(kernels::has_bias(model.node(root)));
    let mut read: HashSet<OutletId> = HashSet::new();
    for &id in chained.iter().chain(members) {
        for &input in &model.node(id).inputs {
            let number = model.node(input.node).op_as::<Const>().is_some_and(|constant| constant.val().len() == 1);
            if !number && !within.contains(&input.node) {
                read.insert(input);
            }
        }
    }
    Ok(read.len() + bias)
}
