//! A model as dispatches: what lowering makes and a device runs.

use super::chain::Chain;
use super::kernel::Kernel;
use super::shader::Element;
use super::tail::Tail;
use super::view::{TensorId, View};
use std::sync::Arc;

/// A tensor of a plan: as many elements as it takes in memory.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// Elements.
    pub len: usize,
    /// What they are.
    pub element: Element,
    /// Where they come from.
    pub origin: Origin,
}

/// Where a tensor comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// Given with every run: the place of the model's input.
    Input(usize),
    /// A buffer that outlives the runs and that other plans may share: its place among those lent.
    Lent(usize),
    /// The same in every run, and in the plans for other batch sizes.
    Weight(Weight),
    /// The same in every run of this plan alone: it goes when the plan does.
    Table(Weight),
    /// Made by a dispatch.
    Made,
}

/// Numbers that are uploaded once.
#[derive(Clone, Debug, PartialEq)]
pub enum Weight {
    /// Stored in the plan's precision.
    Floats(Arc<[f32]>),
    /// Stored as they are, in every precision.
    Exact(Arc<[f32]>),
    /// Stored as they are.
    Integers(Arc<[i32]>),
    /// Stored as they are.
    Bits(Arc<[u32]>),
}

impl Weight {
    /// Elements.
    pub fn len(&self) -> usize {
        match self {
            Self::Floats(values) | Self::Exact(values) => values.len(),
            Self::Integers(values) => values.len(),
            Self::Bits(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What its elements are.
    pub fn element(&self) -> Element {
        match self {
            Self::Floats(_) => Element::Stored,
            Self::Exact(_) => Element::Float,
            Self::Integers(_) => Element::Integer,
            Self::Bits(_) => Element::Bits,
        }
    }
}

/// One kernel over given tensors.
#[derive(Debug)]
pub struct Dispatch {
    /// The node of the model whose output it makes.
    pub node: String,
    /// What runs.
    pub kernel: Box<dyn Kernel>,
    /// What the kernel itself reads.
    pub inputs: Vec<TensorId>,
    /// What happens to what it makes.
    pub chain: Chain,
    /// What the chain reads, as large as the output.
    pub operands: Vec<View>,
    /// Where it is stored.
    pub output: View,
    /// The places of output and operands.
    pub tail: Tail,
}

impl Dispatch {
    /// The tensors it reads.
    pub fn reads(&self) -> impl Iterator<Item = TensorId> + '_ {
        self.inputs.iter().copied().chain(self.operands.iter().map(|view| view.tensor))
    }

    /// The same over tensors whose numbers are `by` higher.
    fn moved(mut self, by: usize) -> Self {
        self.inputs.iter_mut().for_each(|tensor| *tensor += by);
        self.operands.iter_mut().for_each(|view| view.tensor += by);
        self.output.tensor += by;
        self
    }
}

/// Where a plan that was appended lies in the other.
#[derive(Clone, Copy, Debug)]
pub struct Appended {
    /// What its tensors' numbers grew by.
    pub by: usize,
    /// Its first dispatch.
    pub first_dispatch: usize,
}

/// Dispatches in order, and the tensors between them.
#[derive(Debug, Default)]
pub struct Plan {
    /// All tensors.
    pub tensors: Vec<Tensor>,
    /// All dispatches.
    pub dispatches: Vec<Dispatch>,
    /// Tensors of the model's inputs.
    pub inputs: Vec<TensorId>,
    /// The model's outputs, each in order, with their shapes.
    pub outputs: Vec<View>,
}

impl Plan {
    /// Adds a tensor.
    pub fn tensor(&mut self, len: usize, element: Element, origin: Origin) -> TensorId {
        self.tensors.push(Tensor { len, element, origin });
        self.tensors.len() - 1
    }

    /// Adds the tensor of `weight`.
    pub fn weight(&mut self, weight: Weight) -> TensorId {
        self.tensor(weight.len(), weight.element(), Origin::Weight(weight))
    }

    /// Adds the tensor of `table`, which no other plan has.
    pub fn table(&mut self, table: Weight) -> TensorId {
        self.tensor(table.len(), table.element(), Origin::Table(table))
    }

    /// The lent tensors, and their places among those lent.
    pub fn lent(&self) -> impl Iterator<Item = (TensorId, usize)> + '_ {
        self.tensors.iter().enumerate().filter_map(|(id, tensor)| match tensor.origin {
            Origin::Lent(place) => Some((id, place)),
            _ => None,
        })
    }

    /// Adds an input behind those that are there.
    pub fn input(&mut self, len: usize, element: Element) -> TensorId {
        let input = self.tensor(len, element, Origin::Input(self.inputs.len()));
        self.inputs.push(input);
        input
    }

    /// Makes `input`, given with every run so far, a lent buffer.
    pub fn lend(&mut self, input: TensorId, place: usize) {
        self.tensors[input].origin = Origin::Lent(place);
    }

    /// The dispatch of `kernel` that reads `inputs` and makes all of `output`.
    pub fn whole(&self, node: &str, kernel: Box<dyn Kernel>, inputs: Vec<TensorId>, output: TensorId) -> Dispatch {
        let output = View::whole(output, &[self.tensors[output].len]);
        let tail = Tail::new(&output, &[]).unwrap_or_default();
        let node = node.to_owned();
        Dispatch { node, kernel, inputs, chain: Chain::stored(), operands: Vec::new(), output, tail }
    }

    /// Adds the dispatch of `kernel` that reads `inputs` and makes all of `output`.
    pub fn run(&mut self, node: &str, kernel: impl Kernel + 'static, inputs: Vec<TensorId>, output: TensorId) {
        let dispatch = self.whole(node, Box::new(kernel), inputs, output);
        self.dispatches.push(dispatch);
    }

    /// Takes products of square matrices of `side` as one operation wherever there is such a form.
    pub fn cooperate(&mut self, side: u32) {
        for dispatch in &mut self.dispatches {
            if let Some(kernel) = dispatch.kernel.cooperative(side) {
                dispatch.kernel = kernel;
            }
        }
    }

    /// Adds the tensors and dispatches of `other`, whose inputs and outputs are the caller's to connect.
    pub fn append(&mut self, other: Plan) -> Appended {
        let appended = Appended { by: self.tensors.len(), first_dispatch: self.dispatches.len() };
        self.tensors.extend(other.tensors);
        self.dispatches.extend(other.dispatches.into_iter().map(|dispatch| dispatch.moved(appended.by)));
        appended
    }

    /// Bytes of each tensor, with `stored` bytes a stored number.
    pub fn bytes(&self, tensor: TensorId, precision: crate::engine::Precision) -> u64 {
        let Tensor { len, element, .. } = &self.tensors[tensor];
        (*len as u64 * element.bytes(precision) as u64).next_multiple_of(4).max(4)
    }

    /// Which tensors may share memory: for every tensor that a dispatch makes the slot it is kept in, and the tensors
    /// of each slot. A slot is free again after the last dispatch that reads its tensor; outputs keep theirs.
    pub fn slots(&self, precision: crate::engine::Precision) -> (Vec<Option<usize>>, Vec<u64>) {
        let mut last: Vec<usize> = vec![0; self.tensors.len()];
        for (index, dispatch) in self.dispatches.iter().enumerate() {
            dispatch.reads().chain([dispatch.output.tensor]).for_each(|tensor| last[tensor] = index);
        }
        self.outputs.iter().for_each(|view| last[view.tensor] = usize::MAX);
        let mut slots: Vec<Option<usize>> = vec![None; self.tensors.len()];
        let mut sizes: Vec<u64> = Vec::new();
        let mut free: Vec<usize> = Vec::new();
        for (index, dispatch) in self.dispatches.iter().enumerate() {
            let tensor = dispatch.output.tensor;
            if slots[tensor].is_none() && matches!(self.tensors[tensor].origin, Origin::Made) {
                let bytes = self.bytes(tensor, precision);
                slots[tensor] = Some(take(&mut free, &mut sizes, bytes));
            }
            let mut done: Vec<TensorId> = dispatch.reads().chain([tensor]).filter(|&t| last[t] == index).collect();
            done.sort_unstable();
            done.dedup();
            free.extend(done.into_iter().filter_map(|tensor| slots[tensor]));
        }
        (slots, sizes)
    }

    /// Runs the plan by the kernels' twins: slow, and the reference for devices. `inputs` and the result are row-major.
    pub fn twin(&self, inputs: &[&[f32]]) -> Vec<Vec<f32>> {
        let mut values: Vec<Vec<f32>> = self.tensors.iter().map(|tensor| initial(tensor, inputs)).collect();
        for dispatch in &self.dispatches {
            let read: Vec<&[f32]> = dispatch.inputs.iter().map(|&tensor| values[tensor].as_slice()).collect();
            let made = dispatch.kernel.twin(&read);
            let finished: Vec<f32> = (0..dispatch.tail.count as usize)
                .map(|o| {
                    let operand =
                        |index: usize| values[dispatch.operands[index].tensor][dispatch.tail.place(index + 1, o)];
                    dispatch.chain.evaluate(made[o], &operand)
                })
                .collect();
            for (o, value) in finished.into_iter().enumerate() {
                values[dispatch.output.tensor][dispatch.tail.place(0, o)] = value;
            }
        }
        self.outputs.iter().map(|view| values[view.tensor][view.offset..][..view.len()].to_vec()).collect()
    }
}

fn initial(tensor: &Tensor, inputs: &[&[f32]]) -> Vec<f32> {
    match &tensor.origin {
        Origin::Input(place) => inputs[*place].to_vec(),
        Origin::Weight(Weight::Floats(values) | Weight::Exact(values))
        | Origin::Table(Weight::Floats(values) | Weight::Exact(values)) => values.to_vec(),
        Origin::Weight(Weight::Integers(values)) | Origin::Table(Weight::Integers(values)) => {
            values.iter().map(|&v| v as f32).collect()
        }
        // Pairs of a place and the bits of a weight.
        Origin::Weight(Weight::Bits(values)) | Origin::Table(Weight::Bits(values)) => {
            values.chunks_exact(2).flat_map(|pair| [pair[0] as f32, f32::from_bits(pair[1])]).collect()
        }
        Origin::Made | Origin::Lent(_) => vec![0.0; tensor.len],
    }
}

/// The free slot that fits best, made larger where none is large enough, or a new one.
fn take(free: &mut Vec<usize>, sizes: &mut Vec<u64>, bytes: u64) -> usize {
    let fits = free.iter().enumerate().filter(|(_, slot)| sizes[**slot] >= bytes).min_by_key(|(_, slot)| sizes[**slot]);
    let largest = free.iter().enumerate().max_by_key(|(_, slot)| sizes[**slot]);
    match fits.or(largest).map(|(place, _)| place) {
        Some(place) => {
            let slot = free.swap_remove(place);
            sizes[slot] = sizes[slot].max(bytes);
            slot
        }
        None => {
            sizes.push(bytes);
            sizes.len() - 1
        }
    }
}
