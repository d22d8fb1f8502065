//! Nodes that only say where elements are: views where strides can say it, copies where they cannot.

use super::{ElementWise, Lowering, Value};
use crate::engine::gpu::chain::{Chain, Step};
use crate::engine::gpu::view::View;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::Downsample;
use tract_onnx::tract_core::ops::array::{MultiBroadcastTo, Pad, PadMode, Slice, Tile, TypedConcat};
use tract_onnx::tract_core::ops::identity::Identity;
use tract_onnx::tract_core::ops::nn::NearestUpsample;

/// Whether `node` moves elements and makes none.
pub fn is_layout(node: &TypedNode) -> bool {
    let forward = |down: &Downsample| down.stride > 0;
    let pads = |pad: &Pad| matches!(pad.mode, PadMode::Constant(_));
    node.op_is::<AxisOp>()
        || node.op_is::<Slice>()
        || node.op_is::<MultiBroadcastTo>()
        || node.op_is::<Identity>()
        || node.op_is::<TypedConcat>()
        || node.op_is::<Tile>()
        || node.op_is::<NearestUpsample>()
        || node.op_as::<Pad>().is_some_and(pads)
        || node.op_as::<Downsample>().is_some_and(forward)
}

impl Lowering<'_> {
    pub(super) fn layout(&mut self, node: &TypedNode) -> TractResult<()> {
        let shape = self.shape(node.id.into())?;
        let view = if let Some(concat) = node.op_as::<TypedConcat>() {
            self.concat(node, concat.axis, &shape)?
        } else if let Some(pad) = node.op_as::<Pad>() {
            self.pad(node, pad, &shape)?
        } else {
            let view = self.view(node.inputs[0])?;
            self.changed(node, view, &shape)?
        };
        ensure!(view.shape == shape, "{:?} for {:?} at {}", view.shape, shape, node.name);
        self.values.insert(node.id.into(), Value::View(view));
        Ok(())
    }

    /// `view` as `node` changes it.
    fn changed(&mut self, node: &TypedNode, view: View, shape: &[usize]) -> TractResult<View> {
        if let Some(op) = node.op_as::<AxisOp>() {
            return Ok(match *op {
                AxisOp::Add(axis) => view.with_axis(axis),
                AxisOp::Rm(axis) => view.without_axis(axis),
                AxisOp::Move(from, to) => view.moved(from, to),
                AxisOp::Reshape(..) => match view.reshaped(shape) {
                    Some(view) => view,
                    None => self.rejoined(node, view, shape)?,
                },
            });
        }
        if let Some(slice) = node.op_as::<Slice>() {
            return Ok(view.sliced(slice.axis, slice.start.to_usize()?, slice.end.to_usize()?));
        }
        if let Some(down) = node.op_as::<Downsample>() {
            return Ok(view.thinned(down.axis, down.modulo, usize::try_from(down.stride)?));
        }
        if node.op_is::<Tile>() {
            return self.repeated(node, view, 0, shape);
        }
        if node.op_is::<NearestUpsample>() {
            return self.repeated(node, view, 1, shape);
        }
        Ok(if node.op_is::<MultiBroadcastTo>() { view.broadcast(shape) } else { view })
    }

    /// Every axis as often as `shape` says. With the new axis 0 places behind it the whole is repeated, as a tile does;
    /// with 1 each of its elements, as an upsampling does.
    fn repeated(&mut self, node: &TypedNode, mut view: View, behind: usize, shape: &[usize]) -> TractResult<View> {
        let mut split = Vec::new();
        for (axis, &size) in shape.iter().enumerate() {
            let one = view.shape[2 * axis];
            view = view.with_axis(2 * axis + behind);
            split.push(one);
            split.insert(2 * axis + behind, size / one.max(1));
        }
        self.rejoined(node, view.broadcast(&split), shape)
    }

    /// The elements of `view` in order, as `shape`.
    fn rejoined(&mut self, node: &TypedNode, view: View, shape: &[usize]) -> TractResult<View> {
        let view = self.in_order(view, &node.name)?;
        Ok(View { shape: shape.to_vec(), ..view }.renewed())
    }

    /// Each input copied to its part.
    fn concat(&mut self, node: &TypedNode, axis: usize, shape: &[usize]) -> TractResult<View> {
        let parts = node.inputs.iter().map(|&input| self.view(input)).collect::<TractResult<Vec<View>>>()?;
        let element = self.plan.tensors[parts[0].tensor].element;
        let whole = self.made(shape, element);
        let mut begin = 0;
        for part in parts {
            let end = begin + part.shape[axis];
            self.copy(part, whole.clone().sliced(axis, begin, end), &node.name)?;
            begin = end;
        }
        Ok(whole)
    }

    /// A constant, and in the middle of it the input.
    fn pad(&mut self, node: &TypedNode, pad: &Pad, shape: &[usize]) -> TractResult<View> {
        let PadMode::Constant(value) = &pad.mode else { bail!("{} with {:?}", node.name, pad.mode) };
        let input = self.view(node.inputs[0])?;
        let whole = self.made(shape, self.plan.tensors[input.tensor].element);
        let mut chain = Chain::default();
        chain.push(Step::Constant(value.cast_to_scalar::<f32>()?));
        let count = whole.len();
        self.dispatch(&node.name, Box::new(ElementWise { count }), vec![], chain, vec![], whole.clone())?;
        let middle = pad.pads.iter().enumerate().fold(whole.clone(), |view, (axis, &(before, after))| {
            let size = view.shape[axis];
            view.sliced(axis, before, size - after)
        });
        self.copy(input, middle, &node.name)?;
        Ok(whole)
    }
}
