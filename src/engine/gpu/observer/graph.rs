//! A model of the bundle, planned for as many items as are asked for.

use crate::engine::cpu::declared;
use crate::engine::gpu::chain::Chain;
use crate::engine::gpu::kernel::ElementWise;
use crate::engine::gpu::plan::{Dispatch, Origin, Plan};
use crate::engine::gpu::shader::Element as Stored;
use crate::engine::gpu::tail::Tail;
use crate::engine::gpu::view::{TensorId, View};
use crate::error::{Error, Result, Stage};
use crate::model::Model;
use crate::model::write::Element;
use std::path::Path;

/// A model with one input.
#[derive(Debug)]
pub(super) struct Graph {
    model: Model,
    input: String,
    outputs: Vec<String>,
    /// Shape of the input without its first axis.
    item: Vec<usize>,
    /// Shapes of the outputs without their first axes.
    output_items: Vec<Vec<usize>>,
    /// Whether the graph was exported for exactly one item.
    pub(super) single: bool,
}

/// Where a planned model reads and writes.
#[derive(Debug)]
pub(super) struct Ends {
    /// The input, items one behind the other.
    pub input: TensorId,
    /// The outputs, each in order.
    pub outputs: Vec<View>,
}

impl Graph {
    /// The model at `path` from `input`, items of shape `item`, to `outputs`.
    pub fn read(path: &Path, input: &str, item: &[usize], outputs: &[&str]) -> Result<Self> {
        let model = Model::read_with_weights(path)?;
        let single = declared(&model, input, item, Element::F32)?;
        let outputs = outputs.iter().map(|&output| output.to_owned()).collect();
        let (input, item) = (input.to_owned(), item.to_owned());
        let mut graph = Self { model, input, outputs, item, output_items: Vec::new(), single };
        let plan = graph.of_items(1)?;
        for (view, name) in plan.outputs.iter().zip(&graph.outputs) {
            if view.shape.first() != Some(&1) {
                let got = format!("{name:?} of shape {:?} in {}", view.shape, path.display());
                let next = "export the model with the batch as the first axis";
                return Err(Error::new(Stage::Model, "an output with one row an item", got, next));
            }
            graph.output_items.push(view.shape[1..].to_vec());
        }
        Ok(graph)
    }

    /// The file it was read from.
    pub fn path(&self) -> &Path {
        self.model.path()
    }

    /// Elements of one item.
    pub fn item_len(&self) -> usize {
        self.item.iter().product()
    }

    /// Shapes of the outputs without their first axes.
    pub fn output_items(&self) -> &[Vec<usize>] {
        &self.output_items
    }

    /// The plan for `count` items, with no outputs yet, and where the model reads and writes in it.
    pub fn plan(&self, count: usize) -> Result<(Plan, Ends)> {
        if self.single && count > 1 {
            return self.one_by_one(count);
        }
        let mut plan = self.of_items(count)?;
        let outputs = std::mem::take(&mut plan.outputs);
        let input = plan.inputs.pop().ok_or_else(|| self.without_input())?;
        let outputs = outputs.into_iter().map(|output| stored(&mut plan, output)).collect();
        Ok((plan, Ends { input, outputs }))
    }

    /// The plan for `count` items that are given with every run, to its outputs.
    pub fn whole(&self, count: usize) -> Result<Plan> {
        let (mut plan, ends) = self.plan(count)?;
        plan.tensors[ends.input].origin = Origin::Input(0);
        plan.inputs = vec![ends.input];
        plan.outputs = ends.outputs;
        Ok(plan)
    }

    fn of_items(&self, count: usize) -> Result<Plan> {
        let shape: Vec<usize> = [count].into_iter().chain(self.item.iter().copied()).collect();
        let outputs: Vec<&str> = self.outputs.iter().map(String::as_str).collect();
        crate::engine::gpu::plan(&self.model, &[(&self.input, &shape)], &outputs)
    }

    fn without_input(&self) -> Error {
        let got = format!("{}, which does not read {:?}", self.path().display(), self.input);
        Error::new(Stage::Model, "a model that depends on its input", got, "export it again")
    }

    /// The dispatches for one item, `count` times: its input is copied out of all items, its outputs into those of all.
    fn one_by_one(&self, count: usize) -> Result<(Plan, Ends)> {
        let length = self.item_len();
        let mut all = Plan::default();
        let input = all.tensor(count * length, Stored::Stored, Origin::Made);
        let mut outputs: Vec<View> = Vec::new();
        for place in 0..count {
            let mut one = self.of_items(1)?;
            let read = one.inputs.pop().ok_or_else(|| self.without_input())?;
            one.tensors[read].origin = Origin::Made;
            let made = std::mem::take(&mut one.outputs);
            let moved = all.append(one);
            let rows = View::whole(input, &[count, length]).sliced(0, place, place + 1);
            all.dispatches.insert(moved.first_dispatch, copy(&rows, &View::whole(read + moved.by, &[1, length])));
            for (index, view) in made.into_iter().enumerate() {
                if place == 0 {
                    let shape: Vec<usize> = [count].into_iter().chain(view.shape[1..].iter().copied()).collect();
                    let output = all.tensor(shape.iter().product(), Stored::Stored, Origin::Made);
                    outputs.push(View::whole(output, &shape));
                }
                let row = outputs[index].clone().sliced(0, place, place + 1);
                all.dispatches.push(copy(&View { tensor: view.tensor + moved.by, ..view }, &row));
            }
        }
        Ok((all, Ends { input, outputs }))
    }
}

/// `output` as stored numbers: the class indices of an ArgMax are integers until here.
pub(super) fn stored(plan: &mut Plan, output: View) -> View {
    if plan.tensors[output.tensor].element == Stored::Stored {
        return output;
    }
    let numbers = View::whole(plan.tensor(output.len(), Stored::Stored, Origin::Made), &output.shape);
    plan.dispatches.push(copy(&output, &numbers));
    numbers
}

/// Copies one view to another of its shape.
fn copy(from: &View, to: &View) -> Dispatch {
    Dispatch {
        node: "an item of a batch".to_owned(),
        kernel: Box::new(ElementWise { count: to.len() }),
        inputs: Vec::new(),
        chain: Chain::copied(),
        tail: Tail::new(to, std::slice::from_ref(from)).unwrap_or_default(),
        operands: vec![from.clone()],
        output: to.clone(),
    }
}
