//! From tract's decluttered graph to a [`Plan`].
//!
//! Layout changes become views. Element-wise nodes become chains, which run at the end of the kernel that makes their
//! first operand wherever nobody else needs what lies between. Everything else is one kernel a node.

mod attention;
mod chains;
mod group;
mod kernels;
mod layout;
mod siblings;

use super::chain::Chain;
use super::kernel::{ElementWise, Kernel};
use super::plan::{Dispatch, Origin, Plan, Tensor, Weight};
use super::shader::Element;
use super::tail::Tail;
use super::view::{TensorId, View};
use crate::error::{Error, Result, Setting, Stage};
use attention::Attentions;
use group::Group;
use siblings::Siblings;
use std::collections::HashMap;
use std::sync::Arc;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;

/// Lowers `model`, decluttered, with concrete shapes and its layer norms put together.
///
/// # Errors
/// When an operator, or a form of one, is not there: all of them by name, with their nodes.
pub fn lower(model: &TypedModel) -> Result<Plan> {
    let unknown = missing(model);
    if !unknown.is_empty() {
        return Err(refused(&unknown));
    }
    let groups = group::groups(model).map_err(|e| failed(model, &e))?;
    let Attentions { patterns, mut within } = attention::attentions(model, &groups).map_err(|e| failed(model, &e))?;
    let Siblings { layers, others } = siblings::siblings(model, &groups, &within).map_err(|e| failed(model, &e))?;
    within.extend(others);
    let mut lowering = Lowering { model, plan: Plan::default(), values: HashMap::new(), attentions: patterns, layers };
    for group in groups.iter().filter(|group| !within.contains(&group.root)) {
        let node = model.node(group.root);
        let named = |e: TractError| refused(&[format!("{} ({}): {e:#}", node.op.name(), node.name)]);
        lowering.group(group).map_err(named)?;
    }
    lowering.finish().map_err(|e| failed(model, &e))
}

/// Nodes of `model` that the GPU engine has no kernel for, as `operator (node)`.
pub fn missing(model: &TypedModel) -> Vec<String> {
    let known = |node: &TypedNode| {
        model.input_outlets().is_ok_and(|inputs| inputs.iter().any(|input| input.node == node.id))
            || chains::is_element_wise(model, node)
            || layout::is_layout(node)
            || kernels::is_kernel(node)
            || node.op_is::<tract_onnx::tract_core::ops::konst::Const>()
    };
    model.nodes().iter().filter(|node| !known(node)).map(|node| format!("{} ({})", node.op.name(), node.name)).collect()
}

fn refused(missing: &[String]) -> Error {
    let next = "choose the backend cpu";
    let expected = "operators that the GPU engine supports";
    Error::new(Stage::Engine, expected, missing.join(", "), next).about(Setting::Backend)
}

fn failed(model: &TypedModel, error: &TractError) -> Error {
    let got = format!("{error:#} in a graph of {} nodes", model.nodes().len());
    let next = "choose the backend cpu";
    Error::new(Stage::Engine, "a graph that the GPU engine can lower", got, next).about(Setting::Backend)
}

/// What an outlet is.
#[derive(Clone, Debug)]
enum Value {
    /// A tensor of the plan.
    View(View),
    /// A constant that no kernel has asked for yet.
    Constant(Arc<tract_onnx::prelude::Tensor>),
}

/// A plan in the making.
struct Lowering<'m> {
    model: &'m TypedModel,
    plan: Plan,
    values: HashMap<OutletId, Value>,
    /// Attentions by the node that mixes their values.
    attentions: HashMap<usize, attention::Pattern>,
    /// Layers of one input by the first one's root.
    layers: HashMap<usize, Vec<siblings::Linear>>,
}

impl Lowering<'_> {
    fn group(&mut self, group: &Group) -> TractResult<()> {
        let root = self.model.node(group.root);
        if let Some(constant) = root.op_as::<tract_onnx::tract_core::ops::konst::Const>() {
            self.values.insert(root.id.into(), Value::Constant(constant.val().clone()));
            return Ok(());
        }
        if let Some(place) = self.model.input_outlets()?.iter().position(|input| input.node == root.id) {
            let shape = self.shape(root.id.into())?;
            let element = element(&self.model.outlet_fact(root.id.into())?.datum_type);
            let tensor = self.tensor(shape.iter().product(), element, Origin::Input(place));
            self.plan.inputs.push(tensor);
            self.values.insert(root.id.into(), Value::View(View::whole(tensor, &shape)));
            return Ok(());
        }
        if layout::is_layout(root) {
            return self.layout(root);
        }
        match self.layers.remove(&group.root) {
            Some(layers) => self.siblings(&layers),
            None => self.kernel(group),
        }
    }

    /// The view of an outlet; a constant becomes a weight of the plan.
    fn view(&mut self, outlet: OutletId) -> TractResult<View> {
        let value = self.values.get(&outlet).cloned();
        match value {
            Some(Value::View(view)) => Ok(view),
            Some(Value::Constant(constant)) => {
                let view = self.weight(&constant)?;
                self.values.insert(outlet, Value::View(view.clone()));
                Ok(view)
            }
            None => bail!("{} before it is made", self.model.node(outlet.node).name),
        }
    }

    /// The same elements in order: as they are, or copied.
    fn in_order(&mut self, view: View, node: &str) -> TractResult<View> {
        if view.is_contiguous() {
            return Ok(view);
        }
        let element = self.plan.tensors[view.tensor].element;
        let shape = view.shape.clone();
        let output = self.made(&shape, element);
        self.copy(view, output.clone(), node)?;
        Ok(output)
    }

    /// Copies `from` to `to`, which has the same shape.
    fn copy(&mut self, from: View, to: View, node: &str) -> TractResult<()> {
        let count = to.len();
        self.dispatch(node, Box::new(ElementWise { count }), vec![], Chain::copied(), vec![from], to)
    }

    /// A new tensor of `shape`.
    fn made(&mut self, shape: &[usize], element: Element) -> View {
        let tensor = self.tensor(shape.iter().product(), element, Origin::Made);
        View::whole(tensor, shape)
    }

    fn tensor(&mut self, len: usize, element: Element, origin: Origin) -> TensorId {
        self.plan.tensors.push(Tensor { len, element, origin });
        self.plan.tensors.len() - 1
    }

    fn numbers(&mut self, weight: Weight) -> TensorId {
        self.tensor(weight.len(), weight.element(), Origin::Weight(weight))
    }

    fn weight(&mut self, constant: &tract_onnx::prelude::Tensor) -> TractResult<View> {
        let shape = constant.shape().to_vec();
        let weight = match element(&constant.datum_type()) {
            Element::Stored => Weight::Floats(floats(constant)?.into()),
            _ => {
                let integers = constant.cast_to::<i64>()?;
                let integers = integers.try_as_plain_ram()?;
                let integers = integers.as_slice::<i64>()?.iter().map(|&v| i32::try_from(v));
                Weight::Integers(integers.collect::<std::result::Result<Vec<i32>, _>>()?.into())
            }
        };
        let tensor = self.numbers(weight);
        Ok(View::whole(tensor, &shape))
    }

    fn dispatch(
        &mut self,
        node: &str,
        kernel: Box<dyn Kernel>,
        inputs: Vec<TensorId>,
        chain: Chain,
        operands: Vec<View>,
        output: View,
    ) -> TractResult<()> {
        let fits = |(&tensor, &element): (&TensorId, &Element)| self.plan.tensors[tensor].element == element;
        let elements = kernel.shader().buffers;
        ensure!(inputs.iter().zip(elements).all(fits), "{} of integers", kernel.shader().entry);
        let tail = Tail::new(&output, &operands).with_context(|| format!("too many axes at {node}"))?;
        if !output.is_empty() {
            self.plan.dispatches.push(Dispatch {
                node: node.to_owned(),
                kernel,
                inputs,
                chain,
                operands,
                output,
                tail,
            });
        }
        Ok(())
    }

    fn shape(&self, outlet: OutletId) -> TractResult<Vec<usize>> {
        let fact = self.model.outlet_fact(outlet)?;
        let shape = fact
            .shape
            .as_concrete()
            .with_context(|| format!("{} has no fixed shape", self.model.node(outlet.node).name))?;
        Ok(shape.to_vec())
    }

    fn finish(mut self) -> TractResult<Plan> {
        for outlet in self.model.output_outlets()?.to_vec() {
            let view = self.view(outlet)?;
            let node = self.model.node(outlet.node).name.clone();
            let view = self.in_order(view, &node)?;
            // What is read back is a whole tensor that was made: no input, no weight, no part of another one.
            let tensor = &self.plan.tensors[view.tensor];
            let whole = matches!(tensor.origin, Origin::Made) && view.offset == 0 && view.len() == tensor.len;
            let view = if whole {
                view
            } else {
                let output = self.made(&view.shape, tensor.element);
                self.copy(view, output.clone(), &node)?;
                output
            };
            self.plan.outputs.push(view);
        }
        Ok(self.plan)
    }
}

/// What numbers of a type are stored as: truth values are 0 and 1.
fn element(datum: &DatumType) -> Element {
    if datum.is_float() || *datum == bool::datum_type() { Element::Stored } else { Element::Integer }
}

/// The numbers of a constant, truth values as 0 and 1.
fn floats(constant: &tract_onnx::prelude::Tensor) -> TractResult<Vec<f32>> {
    let floats = constant.cast_to::<f32>()?;
    Ok(floats.try_as_plain_ram()?.as_slice::<f32>()?.to_vec())
}
