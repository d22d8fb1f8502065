//! Nodes that are kernels of their own.

use super::group::Group;
use super::{Element, ElementWise, Lowering, Value, element};
use crate::engine::cpu::LayerNorm;
use crate::engine::gpu::chain::Chain;
use crate::engine::gpu::kernel::{
    Contraction, Convolution, Form, Gather, Kernel, Norm, Pooling, PoolingKind, Reduce as Reducing, ReduceKind,
    Reduction, Resample, Softmax as Softmaxing, taps,
};
use crate::engine::gpu::plan::Weight;
use crate::engine::gpu::view::{TensorId, View, row_major};
use crate::engine::roles::{Roles, Run};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::array::{Gather as GatherOp, GatherNd};
use tract_onnx::tract_core::ops::cnn::{Conv, Deconv, KernelFormat, MaxPool, PoolSpec, SumPool};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::nn::{DataFormat, Reduce, Reducer, Resize, RmsNorm, Softmax, SoftmaxKind};

/// Whether `node` has a kernel.
pub fn is_kernel(node: &TypedNode) -> bool {
    node.op_is::<EinSum>()
        || node.op_is::<LayerNorm>()
        || node.op_is::<RmsNorm>()
        || node.op_is::<Softmax>()
        || node.op_is::<Reduce>()
        || node.op_is::<Conv>()
        || node.op_is::<Deconv>()
        || node.op_is::<SumPool>()
        || node.op_is::<MaxPool>()
        || node.op_is::<Resize>()
        || node.op_is::<GatherOp>()
        || node.op_is::<GatherNd>()
}

/// Whether `node` has a bias, which its chain reads, or something that is added to nothing.
pub fn has_bias(node: &TypedNode) -> bool {
    node.op_is::<Softmax>()
        || node.op_is::<RmsNorm>()
        || node.op_is::<EinSum>()
        || node.op_is::<Resize>()
        || (node.op_is::<Conv>() || node.op_is::<Deconv>()) && node.inputs.len() > 2
}

/// A kernel about to be dispatched.
pub struct Ready {
    kernel: Box<dyn Kernel>,
    inputs: Vec<TensorId>,
    /// Added to what it makes, in front of its chain: a bias.
    bias: Option<View>,
}

impl Ready {
    pub fn new(kernel: impl Kernel + 'static, inputs: Vec<TensorId>) -> Self {
        Self { kernel: Box::new(kernel), inputs, bias: None }
    }
}

impl Lowering<'_> {
    /// Dispatches a group: its kernel, or its chain alone.
    pub(super) fn kernel(&mut self, group: &Group) -> TractResult<()> {
        let root = self.model.node(group.root);
        let shape = self.shape(root.id.into())?;
        let ready = match is_kernel(root) {
            true => self.ready(root, &shape)?,
            false => Ready::new(ElementWise { count: shape.iter().product() }, vec![]),
        };
        let exit = OutletId::from(group.exit());
        let name = self.model.node(exit.node).name.clone();
        let mut chaining = self.chain(group)?;
        let output = element(&self.model.outlet_fact(exit)?.datum_type);
        if let Some(bias) = ready.bias {
            chaining.operands.push(bias);
            chaining.chain = chaining.chain.after_bias(chaining.operands.len() - 1);
        }
        let output = self.made(&shape, output);
        self.dispatch(&name, ready.kernel, ready.inputs, chaining.chain, chaining.operands, output.clone())?;
        self.values.insert(exit, Value::View(output));
        Ok(())
    }

    fn ready(&mut self, node: &TypedNode, shape: &[usize]) -> TractResult<Ready> {
        if let Some(pattern) = self.attentions.get(&node.id).copied() {
            return self.attention(&pattern, node, shape);
        }
        if let Some(op) = node.op_as::<EinSum>() {
            return self.contraction(node, op, shape);
        }
        if let Some(op) = node.op_as::<LayerNorm>() {
            return self.layer_norm(node, op.epsilon());
        }
        if let Some(op) = node.op_as::<RmsNorm>() {
            return self.rms_norm(node, op);
        }
        if let Some(op) = node.op_as::<Softmax>() {
            return self.softmax(node, op);
        }
        if let Some(op) = node.op_as::<Reduce>() {
            return self.reduce(node, op);
        }
        if let Some(op) = node.op_as::<Conv>() {
            return self.convolution(node, op, shape);
        }
        if let Some(op) = node.op_as::<Deconv>() {
            return self.transposed(node, op, shape);
        }
        if let Some(op) = node.op_as::<SumPool>() {
            let kind = if op.normalize { PoolingKind::Mean } else { PoolingKind::Sum };
            return self.pooling(node, &op.pool_spec, kind, op.count_include_pad, shape);
        }
        if let Some(op) = node.op_as::<MaxPool>() {
            ensure!(op.with_index_outputs.is_none(), "MaxPool with indices");
            return self.pooling(node, &op.pool_spec, PoolingKind::Largest, false, shape);
        }
        if let Some(op) = node.op_as::<Resize>() {
            return self.resize(node, op, shape);
        }
        if let Some(op) = node.op_as::<GatherNd>() {
            return self.gather_nd(node, op);
        }
        let op = node.op_as::<GatherOp>().with_context(|| format!("{} is not there", node.op.name()))?;
        self.gather(node, op)
    }

    fn contraction(&mut self, node: &TypedNode, op: &EinSum, shape: &[usize]) -> TractResult<Ready> {
        ensure!(op.q_params.is_none() && node.inputs.len() == 2, "a quantised EinSum");
        let (a, b) = (self.view(node.inputs[0])?, self.view(node.inputs[1])?);
        let summed_alone = op.axes.iter_all_axes().any(|axis| {
            let one_sided = axis.inputs[0].is_empty() != axis.inputs[1].is_empty();
            let twice = axis.inputs.iter().chain(&axis.outputs).any(|places| places.len() > 1);
            let size = |place: usize, view: &View| axis.inputs[place].first().map_or(1, |&at| view.shape[at]);
            twice || (one_sided && axis.outputs[0].is_empty() && size(0, &a) * size(1, &b) > 1)
        });
        ensure!(!summed_alone, "EinSum {}", op.axes);
        let roles = self.roles(node, &a, &b, shape)?;
        match product(&roles, &a, &b) {
            Some(kernel) => Ok(Ready::new(kernel, vec![a.tensor, b.tensor])),
            None => self.sorted_contraction(node, op, a, b),
        }
    }

    /// A contraction of more axes than the kernel walks: its operands are copied so that the axes of a role lie
    /// together.
    fn sorted_contraction(&mut self, node: &TypedNode, op: &EinSum, a: View, b: View) -> TractResult<Ready> {
        let (a, b) = repeated(op, &a, &b);
        let sorted = Sorted::of(op);
        let take = |view: &View, axes: &[usize]| -> View {
            let shape = axes.iter().map(|&axis| view.shape[axis]).collect();
            let strides = axes.iter().map(|&axis| view.strides[axis]).collect();
            View { shape, strides, ..view.clone() }
        };
        let size = |view: &View, axes: &[usize]| axes.iter().map(|&axis| view.shape[axis]).product::<usize>() as u32;
        let (rows, depth) = (size(&a, &sorted.rows), size(&a, &sorted.depth[0]));
        let (columns, batches) = (size(&b, &sorted.columns), size(&a, &sorted.batch[0]));
        let left = [&sorted.batch[0], &sorted.rows, &sorted.depth[0]].map(Vec::as_slice).concat();
        let right = [&sorted.batch[1], &sorted.depth[1], &sorted.columns].map(Vec::as_slice).concat();
        let made: Vec<usize> = left[..left.len() - sorted.depth[0].len()]
            .iter()
            .map(|&axis| a.shape[axis])
            .chain(sorted.columns.iter().map(|&axis| b.shape[axis]))
            .collect();
        let (a, b) = (self.in_order(take(&a, &left), &node.name)?, self.in_order(take(&b, &right), &node.name)?);
        let kernel = Contraction {
            rows,
            columns,
            depth,
            batches,
            rows_inner: rows,
            columns_inner: columns,
            depth_inner: depth,
            batches_inner: batches,
            a_offset: a.offset as u32,
            b_offset: b.offset as u32,
            a_row: depth,
            a_depth: 1,
            a_batch: rows * depth,
            b_column: 1,
            b_depth: columns,
            b_batch: columns * depth,
            c_row: columns,
            c_column: 1,
            c_batch: rows * columns,
            ..Contraction::default()
        };
        let output = self.made(&made, Element::Stored);
        self.dispatch(&node.name, Box::new(kernel), vec![a.tensor, b.tensor], Chain::stored(), vec![], output.clone())?;
        // What is behind it reads it in the order that the model has.
        let places: Vec<usize> = (0..made.len()).map(|axis| position(&sorted.output, axis)).collect();
        let whole = ElementWise { count: output.len() };
        Ok(Ready { bias: Some(take(&output, &places)), ..Ready::new(whole, vec![]) })
    }

    /// The runs of a contraction of `a` and `b` to an output of `shape` in order.
    pub(super) fn roles(&self, node: &TypedNode, a: &View, b: &View, shape: &[usize]) -> TractResult<Roles> {
        let op = node.op_as::<EinSum>().context("no EinSum")?;
        let (a, b) = repeated(op, a, b);
        let signed = |strides: &[usize]| strides.iter().map(|&s| s as isize).collect::<Vec<isize>>();
        let (a_strides, b_strides, c_strides) = (signed(&a.strides), signed(&b.strides), signed(&row_major(shape)));
        Ok(Roles::of(&op.axes, (&a.shape, &a_strides), (&b.shape, &b_strides), (shape, &c_strides)))
    }

    fn layer_norm(&mut self, node: &TypedNode, epsilon: f32) -> TractResult<Ready> {
        let x = self.input_in_order(node, 0)?;
        let (scale, shift) = (self.input_in_order(node, 1)?, self.input_in_order(node, 2)?);
        let size = x.shape.last().copied().unwrap_or(1);
        let kernel = Norm { scaled: 1, centred: 1, ..norm(&x, size, epsilon) };
        Ok(Ready::new(kernel, vec![x.tensor, scale.tensor, shift.tensor]))
    }

    fn rms_norm(&mut self, node: &TypedNode, op: &RmsNorm) -> TractResult<Ready> {
        let x = self.view(node.inputs[0])?;
        let last = x.shape.len() - 1;
        let x = self.in_order(x.moved(op.axis, last), &node.name)?;
        let kernel = norm(&x, x.shape[last], op.eps.cast_to_scalar::<f32>()?);
        self.along(node, op.axis, Ready::new(kernel, vec![x.tensor; 3]), &x.shape)
    }

    fn softmax(&mut self, node: &TypedNode, op: &Softmax) -> TractResult<Ready> {
        let x = self.view(node.inputs[0])?;
        ensure!(op.quant_output_dt.is_none() && op.axes.len() == 1, "{op:?}");
        let (axis, last) = (op.axes[0], x.shape.len() - 1);
        let x = self.in_order(x.moved(axis, last), &node.name)?;
        let size = x.shape.last().copied().unwrap_or(1);
        let kernel = Softmaxing {
            rows: (x.len() / size.max(1)) as u32,
            size: size as u32,
            offset: x.offset as u32,
            logarithm: u32::from(op.kind == SoftmaxKind::LogSoftmax),
        };
        self.along(node, axis, Ready::new(kernel, vec![x.tensor]), &x.shape)
    }

    /// What was made with `axis` moved last, of this shape then: what is behind it reads it as it was.
    fn along(&mut self, node: &TypedNode, axis: usize, ready: Ready, shape: &[usize]) -> TractResult<Ready> {
        let last = shape.len() - 1;
        if axis == last {
            return Ok(ready);
        }
        let made = self.made(shape, Element::Stored);
        self.dispatch(&node.name, ready.kernel, ready.inputs, Chain::stored(), vec![], made.clone())?;
        let whole = ElementWise { count: made.len() };
        Ok(Ready { bias: Some(made.moved(last, axis)), ..Ready::new(whole, vec![]) })
    }

    fn reduce(&mut self, node: &TypedNode, op: &Reduce) -> TractResult<Ready> {
        let kind = match op.reducer {
            Reducer::Sum => ReduceKind::Sum,
            Reducer::Prod => ReduceKind::Product,
            Reducer::Max | Reducer::Any => ReduceKind::Largest,
            Reducer::Min | Reducer::All => ReduceKind::Smallest,
            Reducer::MeanOfSquares => ReduceKind::MeanSquare,
            Reducer::ArgMax(last) => {
                if last {
                    ReduceKind::LastLargest
                } else {
                    ReduceKind::FirstLargest
                }
            }
            Reducer::ArgMin(last) => {
                if last {
                    ReduceKind::LastSmallest
                } else {
                    ReduceKind::FirstSmallest
                }
            }
        };
        let mut x = self.view(node.inputs[0])?;
        let (rank, mut size) = (x.shape.len(), 1);
        // Reduced axes go last, in their order.
        for (moved, &axis) in op.axes.iter().enumerate() {
            size *= x.shape[axis - moved];
            x = x.moved(axis - moved, rank - 1);
        }
        let x = self.in_order(x, &node.name)?;
        let reduce = Reducing {
            rows: (x.len() / size.max(1)) as u32,
            size: size as u32,
            offset: x.offset as u32,
            kind: kind as u32,
        };
        let kernel = Reduction { reduce, integers: self.plan.tensors[x.tensor].element == Element::Integer };
        Ok(Ready::new(kernel, vec![x.tensor]))
    }

    fn convolution(&mut self, node: &TypedNode, op: &Conv, shape: &[usize]) -> TractResult<Ready> {
        ensure!(op.q_params.is_none(), "a quantised convolution");
        let (x, k) = (self.view(node.inputs[0])?, self.view(node.inputs[1])?);
        let picture = picture(&x, &op.pool_spec)?;
        let kernel = taps_of(&k, op.kernel_fmt)?;
        let filters = op.pool_spec.output_channels / op.group;
        let padding = op.pool_spec.computed_padding(&picture.sides);
        let pads = sides(padding.iter().map(|axis| axis.pad_before));
        let form = Form::forward(Convolution {
            channels: (op.pool_spec.input_channels / op.group) as u32,
            filters: filters as u32,
            groups: op.group as u32,
            k_group: kernel.group(op.kernel_fmt, filters, op.pool_spec.input_channels / op.group) as u32,
            pad_top: pads[0],
            pad_left: pads[1],
            ..layout(&picture, &kernel, &op.pool_spec, shape)?
        });
        let bias = self.bias(node, &op.pool_spec, shape)?;
        Ok(Ready { bias, ..Ready::new(form, vec![x.tensor, k.tensor]) })
    }

    fn transposed(&mut self, node: &TypedNode, op: &Deconv, shape: &[usize]) -> TractResult<Ready> {
        let (x, k) = (self.view(node.inputs[0])?, self.view(node.inputs[1])?);
        let picture = picture(&x, &op.pool_spec)?;
        let kernel = taps_of(&k, op.kernel_format)?;
        let spec = &op.pool_spec;
        let padding = spec.padding.compute_for_deconv(
            &picture.sides,
            &spec.kernel_shape,
            &spec.dilations(),
            &spec.strides(),
            &op.adjustments,
        )?;
        let pads = sides(padding.iter().map(|axis| axis.pad_before));
        let channels = picture.channels / op.group;
        let out = spec.data_format.shape(shape.to_vec())?;
        let form = Form::transposed(Convolution {
            channels: channels as u32,
            filters: (out.c() / op.group) as u32,
            groups: op.group as u32,
            k_group: kernel.group(op.kernel_format, out.c() / op.group, channels) as u32,
            pad_top: pads[0],
            pad_left: pads[1],
            ..layout(&picture, &kernel, spec, shape)?
        });
        let bias = self.bias(node, spec, shape)?;
        Ok(Ready { bias, ..Ready::new(form, vec![x.tensor, k.tensor]) })
    }

    /// The third input, one number a channel or one for all, as large as the output.
    fn bias(&mut self, node: &TypedNode, spec: &PoolSpec, shape: &[usize]) -> TractResult<Option<View>> {
        let Some(&bias) = node.inputs.get(2) else { return Ok(None) };
        let bias = self.view(bias)?;
        let axis = spec.data_format.shape(shape.to_vec())?.c_axis();
        let mut wide = vec![1; shape.len()];
        wide[axis] = bias.len();
        let bias = bias.reshaped(&wide).with_context(|| format!("a bias of {:?}", bias.shape))?;
        Ok(Some(bias.broadcast(shape)))
    }

    fn pooling(
        &mut self,
        node: &TypedNode,
        spec: &PoolSpec,
        kind: PoolingKind,
        counts_padding: bool,
        shape: &[usize],
    ) -> TractResult<Ready> {
        let x = self.view(node.inputs[0])?;
        let picture = picture(&x, spec)?;
        let padding = spec.computed_padding(&picture.sides);
        let (before, after) = (padding.iter().map(|a| a.pad_before), padding.iter().map(|a| a.pad_after));
        let (before, after) = (sides(before), sides(after));
        // In ceil mode the last window may reach beyond what was padded, and that counts for nothing.
        let declared = declared_after(spec).map_or(after, |declared| sides(declared.into_iter()));
        let none = Strides { offset: 0, filter: 0, channel: 0, row: 0, column: 0 };
        let c = layout(&picture, &none, spec, shape)?;
        let kernel = Pooling {
            batch: c.batch,
            channels: picture.channels as u32,
            height: c.height,
            width: c.width,
            out_height: c.out_height,
            out_width: c.out_width,
            kernel_height: c.kernel_height,
            kernel_width: c.kernel_width,
            stride_y: c.stride_y,
            stride_x: c.stride_x,
            dilation_y: c.dilation_y,
            dilation_x: c.dilation_x,
            pad_top: before[0],
            pad_left: before[1],
            counts_padding: u32::from(counts_padding),
            kind: kind as u32,
            padded_height: before[0] + c.height + declared[0],
            padded_width: before[1] + c.width + declared[1],
            x_offset: c.x_offset,
            x_batch: c.x_batch,
            x_channel: c.x_channel,
            x_row: c.x_row,
            x_column: c.x_column,
            y_batch: c.y_batch,
            y_channel: c.y_channel,
            y_row: c.y_row,
            y_column: c.y_column,
            pad_0: 0,
        };
        Ok(Ready::new(kernel, vec![x.tensor]))
    }

    /// Axis after axis; the last one is the kernel whose chain goes on.
    fn resize(&mut self, node: &TypedNode, op: &Resize, shape: &[usize]) -> TractResult<Ready> {
        let x = self.view(node.inputs[0])?;
        let mut x = self.in_order(x, &node.name)?;
        let scales = self.scales(node, op, &x.shape, shape)?;
        let axes: Vec<usize> =
            (0..shape.len()).filter(|&axis| x.shape[axis] != shape[axis] || scales[axis] != 1.0).collect();
        let Some((&last, before)) = axes.split_last() else {
            let whole = ElementWise { count: x.len() };
            return Ok(Ready { bias: Some(x), ..Ready::new(whole, vec![]) });
        };
        for &axis in before {
            let (kernel, inputs) = self.resample(op, &x, axis, shape[axis], scales[axis]);
            let mut to = x.shape.clone();
            to[axis] = shape[axis];
            let output = self.made(&to, Element::Stored);
            self.dispatch(&node.name, Box::new(kernel), inputs, Chain::stored(), vec![], output.clone())?;
            x = output;
        }
        let (kernel, inputs) = self.resample(op, &x, last, shape[last], scales[last]);
        Ok(Ready::new(kernel, inputs))
    }

    fn resample(&mut self, op: &Resize, x: &View, axis: usize, to: usize, scale: f32) -> (Resample, Vec<TensorId>) {
        let plan = op.plan_axis(scale, x.shape[axis], to);
        let table = self.numbers(Weight::Bits(taps(&plan.indices, &plan.weights).into()));
        let kernel = Resample {
            outer: x.shape[..axis].iter().product::<usize>() as u32,
            size: x.shape[axis] as u32,
            out_size: to as u32,
            inner: x.shape[axis + 1..].iter().product::<usize>() as u32,
            window: plan.window as u32,
            offset: x.offset as u32,
            ..Resample::default()
        };
        (kernel, vec![x.tensor, table])
    }

    /// The scale of every axis: as given, else from the sizes.
    fn scales(&self, node: &TypedNode, op: &Resize, from: &[usize], to: &[usize]) -> TractResult<Vec<f32>> {
        let given = op.optional_scales_input.and_then(|place| node.inputs.get(place));
        if let Some(given) = given
            && let Some(Value::Constant(scales)) = self.values.get(given)
            && scales.len() == from.len()
        {
            return super::floats(scales);
        }
        Ok(to.iter().zip(from).map(|(&to, &from)| to as f32 / from as f32).collect())
    }

    fn gather(&mut self, node: &TypedNode, op: &GatherOp) -> TractResult<Ready> {
        let x = self.input_in_order(node, 0)?;
        let places = self.input_in_order(node, 1)?;
        ensure!(self.plan.tensors[places.tensor].element == Element::Integer, "places that are no integers");
        ensure!(self.plan.tensors[x.tensor].element == Element::Stored, "a gather from integers");
        let kernel = Gather {
            outer: x.shape[..op.axis].iter().product::<usize>() as u32,
            size: x.shape[op.axis] as u32,
            count: places.len() as u32,
            inner: x.shape[op.axis + 1..].iter().product::<usize>() as u32,
            x_offset: x.offset as u32,
            places_offset: places.offset as u32,
            ..Gather::default()
        };
        Ok(Ready::new(kernel, vec![x.tensor, places.tensor]))
    }

    /// Rows of every batch by one place each.
    fn gather_nd(&mut self, node: &TypedNode, op: &GatherNd) -> TractResult<Ready> {
        let x = self.input_in_order(node, 0)?;
        let places = self.input_in_order(node, 1)?;
        ensure!(places.shape.last() == Some(&1), "a GatherND of places with {:?} axes", places.shape.last());
        ensure!(self.plan.tensors[places.tensor].element == Element::Integer, "places that are no integers");
        let outer: usize = x.shape[..op.batch_dims].iter().product();
        let count = places.len() / outer.max(1);
        let kernel = Gather {
            outer: outer as u32,
            size: x.shape[op.batch_dims] as u32,
            count: count as u32,
            inner: x.shape[op.batch_dims + 1..].iter().product::<usize>() as u32,
            x_offset: x.offset as u32,
            places_offset: places.offset as u32,
            places_step: count as u32,
            ..Gather::default()
        };
        Ok(Ready::new(kernel, vec![x.tensor, places.tensor]))
    }

    fn input_in_order(&mut self, node: &TypedNode, place: usize) -> TractResult<View> {
        let view = self.view(node.inputs[place])?;
        self.in_order(view, &node.name)
    }
}

/// The axes of a contraction by role, as places in its operands.
struct Sorted {
    /// In both operands and the output.
    batch: [Vec<usize>; 2],
    rows: Vec<usize>,
    columns: Vec<usize>,
    /// In both operands.
    depth: [Vec<usize>; 2],
    /// Where batch, rows and columns are in the output.
    output: Vec<usize>,
}

impl Sorted {
    fn of(op: &EinSum) -> Self {
        let mut sorted =
            Self { batch: [vec![], vec![]], rows: vec![], columns: vec![], depth: [vec![], vec![]], output: vec![] };
        let mut out: [Vec<usize>; 3] = [vec![], vec![], vec![]];
        for axis in op.axes.iter_all_axes() {
            let [a, b] = [0, 1].map(|input| axis.inputs[input].first().copied());
            match (a, b, axis.outputs[0].first()) {
                (Some(a), Some(b), Some(&c)) => {
                    sorted.batch[0].push(a);
                    sorted.batch[1].push(b);
                    out[0].push(c);
                }
                (Some(a), None, Some(&c)) => {
                    sorted.rows.push(a);
                    out[1].push(c);
                }
                (None, Some(b), Some(&c)) => {
                    sorted.columns.push(b);
                    out[2].push(c);
                }
                (Some(a), Some(b), None) => {
                    sorted.depth[0].push(a);
                    sorted.depth[1].push(b);
                }
                // Of size 1, or it would have been refused.
                _ => {}
            }
        }
        sorted.output = out.concat();
        sorted
    }
}

/// Where `value` is in `values`.
fn position(values: &[usize], value: usize) -> usize {
    values.iter().position(|&there| there == value).unwrap_or(0)
}

/// `a` and `b` with axes of size 1 repeated as often as the other one has them.
fn repeated(op: &EinSum, a: &View, b: &View) -> (View, View) {
    let (mut a, mut b) = (a.clone(), b.clone());
    for axis in op.axes.iter_all_axes() {
        let (Some(&in_a), Some(&in_b)) = (axis.inputs[0].first(), axis.inputs[1].first()) else { continue };
        let size = a.shape[in_a].max(b.shape[in_b]);
        for (view, place) in [(&mut a, in_a), (&mut b, in_b)] {
            if view.shape[place] != size {
                (view.shape[place], view.strides[place]) = (size, 0);
            }
        }
    }
    (a, b)
}

/// The product of `a` and `b`; `None` where a role has more than two runs.
pub fn product(roles: &Roles, a: &View, b: &View) -> Option<Contraction> {
    let (m, n, k, batch) = (pair(&roles.m)?, pair(&roles.n)?, pair(&roles.k)?, pair(&roles.batch)?);
    let size = |[outer, inner]: [Run; 2]| (outer.size * inner.size) as u32;
    Some(Contraction {
        rows: size(m),
        columns: size(n),
        depth: size(k),
        batches: size(batch),
        rows_inner: m[1].size as u32,
        columns_inner: n[1].size as u32,
        depth_inner: k[1].size as u32,
        batches_inner: batch[1].size as u32,
        a_offset: a.offset as u32,
        b_offset: b.offset as u32,
        a_row_outer: m[0].a as u32,
        a_row: m[1].a as u32,
        c_row_outer: m[0].c as u32,
        c_row: m[1].c as u32,
        b_column_outer: n[0].b as u32,
        b_column: n[1].b as u32,
        c_column_outer: n[0].c as u32,
        c_column: n[1].c as u32,
        a_depth_outer: k[0].a as u32,
        a_depth: k[1].a as u32,
        b_depth_outer: k[0].b as u32,
        b_depth: k[1].b as u32,
        a_batch_outer: batch[0].a as u32,
        a_batch: batch[1].a as u32,
        b_batch_outer: batch[0].b as u32,
        b_batch: batch[1].b as u32,
        c_batch_outer: batch[0].c as u32,
        c_batch: batch[1].c as u32,
    })
}

/// At most two runs, the inner one last.
fn pair(runs: &[Run]) -> Option<[Run; 2]> {
    match *runs {
        [] => Some([Run::UNIT; 2]),
        [one] => Some([Run::UNIT, one]),
        [outer, inner] => Some([outer, inner]),
        _ => None,
    }
}

fn norm(x: &View, size: usize, epsilon: f32) -> Norm {
    let rows = (x.len() / size.max(1)) as u32;
    Norm { rows, size: size as u32, offset: x.offset as u32, epsilon, ..Norm::default() }
}

/// A batch of pictures by strides; one of a single line where the model has one axis.
struct Picture {
    batch: usize,
    channels: usize,
    /// Height and width, or width alone.
    sides: TVec<usize>,
    offset: usize,
    batch_stride: usize,
    channel: usize,
    strides: TVec<usize>,
}

fn picture(x: &View, spec: &PoolSpec) -> TractResult<Picture> {
    let shape = spec.data_format.shape(x.shape.clone())?;
    ensure!((1..=2).contains(&shape.hw_rank()), "{} axes of space", shape.hw_rank());
    let batched = matches!(spec.data_format, DataFormat::NCHW | DataFormat::NHWC);
    Ok(Picture {
        batch: shape.n().copied().unwrap_or(1),
        channels: *shape.c(),
        sides: shape.hw_dims().into(),
        offset: x.offset,
        batch_stride: if batched { x.strides[0] } else { 0 },
        channel: x.strides[shape.c_axis()],
        strides: x.strides[shape.hw_axes()].into(),
    })
}

/// Strides of a kernel.
struct Strides {
    offset: usize,
    filter: usize,
    channel: usize,
    row: usize,
    column: usize,
}

impl Strides {
    /// From one group's kernels to the next one's: where filters come first all of them are there and the channels are
    /// of one group, else the other way round.
    fn group(&self, format: KernelFormat, filters: usize, channels: usize) -> usize {
        if format == KernelFormat::OIHW { filters * self.filter } else { channels * self.channel }
    }
}

fn taps_of(k: &View, format: KernelFormat) -> TractResult<Strides> {
    let rank = k.shape.len();
    ensure!((3..=4).contains(&rank), "a kernel of {rank} axes");
    let (filter, channel, first) = match format {
        KernelFormat::OIHW => (0, 1, 2),
        KernelFormat::HWIO => (rank - 1, rank - 2, 0),
        KernelFormat::OHWI => (0, rank - 1, 1),
    };
    let two = rank == 4;
    Ok(Strides {
        offset: k.offset,
        filter: k.strides[filter],
        channel: k.strides[channel],
        row: if two { k.strides[first] } else { 0 },
        column: k.strides[first + usize::from(two)],
    })
}

/// What a convolution and a pooling have in common.
fn layout(x: &Picture, k: &Strides, spec: &PoolSpec, shape: &[usize]) -> TractResult<Convolution> {
    let out = spec.data_format.shape(shape.to_vec())?;
    let strides = row_major(shape);
    let [height, width] = sides(x.sides.iter().copied()).map(|side| side.max(1));
    let [out_height, out_width] = sides(out.hw_dims().iter().copied()).map(|side| side.max(1));
    let [kernel_height, kernel_width] = sides(spec.kernel_shape.iter().copied()).map(|side| side.max(1));
    let [stride_y, stride_x] = sides(spec.strides().iter().copied()).map(|step| step.max(1));
    let [dilation_y, dilation_x] = sides(spec.dilations().iter().copied()).map(|step| step.max(1));
    let [x_row, x_column] = sides(x.strides.iter().copied());
    let [y_row, y_column] = sides(strides[out.hw_axes()].iter().copied());
    let batched = matches!(spec.data_format, DataFormat::NCHW | DataFormat::NHWC);
    Ok(Convolution {
        batch: x.batch as u32,
        height,
        width,
        out_height,
        out_width,
        kernel_height,
        kernel_width,
        stride_y,
        stride_x,
        dilation_y,
        dilation_x,
        x_offset: x.offset as u32,
        x_batch: x.batch_stride as u32,
        x_channel: x.channel as u32,
        x_row,
        x_column,
        k_offset: k.offset as u32,
        k_filter: k.filter as u32,
        k_channel: k.channel as u32,
        k_row: k.row as u32,
        k_column: k.column as u32,
        y_batch: if batched { strides[0] as u32 } else { 0 },
        y_channel: strides[out.c_axis()] as u32,
        y_row,
        y_column,
        ..Convolution::default()
    })
}

/// Height and width of what may have a width alone; 0 for the height that is not there.
fn sides(values: impl Iterator<Item = usize>) -> [u32; 2] {
    let values: Vec<u32> = values.map(|v| v as u32).collect();
    match values[..] {
        [width] => [0, width],
        [height, width, ..] => [height, width],
        [] => [0, 0],
    }
}

/// What was padded behind, where the model says it.
fn declared_after(spec: &PoolSpec) -> Option<TVec<usize>> {
    use tract_onnx::tract_core::ops::cnn::PaddingSpec;
    match &spec.padding {
        PaddingSpec::Explicit(_, after) | PaddingSpec::ExplicitOnnxPool(_, after, _) => Some(after.clone()),
        _ => None,
    }
}
