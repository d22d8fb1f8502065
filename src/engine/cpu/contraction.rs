//! Any two-operand f32 contraction as a few large matrix products.
//!
//! tract writes every matrix product as an `EinSum`. Here its axes are sorted by role, neighbours that lie one behind
//! the other in memory are merged, and the largest of each role go to one call of the `gemm-f32` crate; what is left is
//! looped over.

use super::activation::Activation;
use crate::engine::roles::{Roles, Run};
use gemm_common::Parallelism;
use gemm_f32::gemm::f32::get_gemm_fn;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::einsum::EinSum;

/// `activation(einsum(a, b) + bias)` on f32; the bias, where there is one, runs along the output's last axis.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Contraction {
    pub axes: AxesMapping,
    pub activation: Option<Activation>,
}

impl Contraction {
    /// The contraction that does what `einsum` does, where that is two-operand f32 and every axis is in the output, or
    /// in both operands.
    pub fn of(einsum: &EinSum, inputs: &[&TypedFact]) -> Option<Self> {
        let plain = einsum.q_params.is_none() && einsum.operating_dt == f32::datum_type();
        let floats = inputs.len() == 2 && inputs.iter().all(|f| f.datum_type == f32::datum_type() && f.is_plain());
        let sorted = einsum.axes.iter_all_axes().all(|axis| {
            let once = axis.inputs.iter().chain(&axis.outputs).all(|places| places.len() <= 1);
            let sizes = |i: usize| axis.inputs[i].first().map(|&place| &inputs[i].shape[place]);
            let equal = sizes(0).is_none() || sizes(1).is_none() || sizes(0) == sizes(1);
            let one_sided = axis.inputs[0].is_empty() != axis.inputs[1].is_empty();
            once && equal && !(one_sided && axis.outputs[0].is_empty())
        });
        (plain && floats && sorted).then(|| Self { axes: einsum.axes.clone(), activation: None })
    }
}

/// `c = a b` for every combination of the `outer` runs; the `sums` runs add up to one `c`.
struct Product {
    m: Run,
    n: Run,
    k: Run,
    outer: TVec<Run>,
    sums: TVec<Run>,
}

impl Product {
    fn new(mut roles: Roles) -> Self {
        let m = roles.m.pop().unwrap_or(Run::UNIT);
        let n = roles.n.pop().unwrap_or(Run::UNIT);
        let k = roles.k.pop().unwrap_or(Run::UNIT);
        let outer = roles.batch.into_iter().chain(roles.m).chain(roles.n).collect();
        Self { m, n, k, outer, sums: roles.k }
    }

    /// # Safety
    /// Every offset that the runs reach lies within the tensor that its pointer begins.
    unsafe fn run(&self, a: *const f32, b: *const f32, c: *mut f32) {
        for_each(&self.outer, [0; 3], &mut |[oa, ob, oc]| {
            let mut accumulate = false;
            for_each(&self.sums, [oa, ob, oc], &mut |[oa, ob, oc]| {
                // SAFETY: the caller vouches for every offset of the runs.
                unsafe { self.multiply(a.offset(oa), b.offset(ob), c.offset(oc), accumulate) };
                accumulate = true;
            });
        });
    }

    unsafe fn multiply(&self, a: *const f32, b: *const f32, c: *mut f32, accumulate: bool) {
        let (m, n, k) = (self.m, self.n, self.k);
        // The kernels prefer a c with contiguous columns; one with contiguous rows is computed as c^T = b^T a^T.
        let is_transposed = n.c.abs() < m.c.abs();
        let left = Operand { data: a, size: m.size, stride: m.a, depth_stride: k.a, c_stride: m.c };
        let right = Operand { data: b, size: n.size, stride: n.b, depth_stride: k.b, c_stride: n.c };
        let (left, right) = if is_transposed { (right, left) } else { (left, right) };
        // SAFETY: as for `run`.
        unsafe {
            get_gemm_fn()(
                left.size,
                right.size,
                k.size,
                c,
                right.c_stride,
                left.c_stride,
                accumulate,
                left.data,
                left.depth_stride,
                left.stride,
                right.data,
                right.stride,
                right.depth_stride,
                1.0,
                1.0,
                false,
                false,
                false,
                Parallelism::None,
            );
        }
    }
}

/// A matrix of a product, with its strides in itself and in c, in elements.
struct Operand {
    data: *const f32,
    size: usize,
    stride: isize,
    depth_stride: isize,
    c_stride: isize,
}

/// Calls `body` with the offsets of every combination of `runs`, beginning at `at`.
fn for_each(runs: &[Run], at: [isize; 3], body: &mut dyn FnMut([isize; 3])) {
    let Some((first, rest)) = runs.split_first() else { return body(at) };
    for i in 0..first.size as isize {
        for_each(rest, [at[0] + i * first.a, at[1] + i * first.b, at[2] + i * first.c], body);
    }
}

impl Op for Contraction {
    fn name(&self) -> StaticName {
        "Contraction".into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        Ok(vec![format!("{} {:?}", self.axes, self.activation)])
    }

    op_as_typed_op!();
}

impl EvalOp for Contraction {
    op_out_of_plan!();

    fn eval(&self, _ctx: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let (a, b) = (&inputs[0], &inputs[1]);
        let shape = self.output_shape(a.shape(), b.shape());
        // SAFETY: f32 has no invalid bits, and every element is written below before it is read.
        let mut c = unsafe { Tensor::uninitialized::<f32>(&shape)? };
        let [a_axes, b_axes, c_axes] = [&**a, &**b, &c].map(|tensor| (tensor.shape(), tensor.strides()));
        let roles = Roles::of(&self.axes, a_axes, b_axes, c_axes);
        if roles.k.iter().any(|run| run.size == 0) {
            c.fill_t(0f32)?;
        } else {
            // SAFETY: the runs are made of the three tensors' own shapes and strides.
            unsafe { Product::new(roles).run(a.as_ptr()?, b.as_ptr()?, c.as_ptr_mut()?) };
        }
        self.finish(&mut c, inputs.get(2))?;
        Ok(tvec!(c.into_tvalue()))
    }
}

impl Contraction {
    fn output_shape<D: DimLike>(&self, a: &[D], b: &[D]) -> TVec<D> {
        self.axes
            .axes(InOut::Out(0))
            .map(|axis| match axis.inputs[0].first() {
                Some(&place) => a[place].clone(),
                None => axis.inputs[1].first().map_or_else(D::one, |&place| b[place].clone()),
            })
            .collect()
    }

    /// Bias and activation, row by row.
    fn finish(&self, c: &mut Tensor, bias: Option<&TValue>) -> TractResult<()> {
        let Some(&row) = c.shape().last() else { return Ok(()) };
        if row == 0 || (bias.is_none() && self.activation.is_none()) {
            return Ok(());
        }
        let bias = bias.map(|bias| bias.try_as_plain_ram()?.as_slice::<f32>().map(|b| b.to_vec())).transpose()?;
        for row in c.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?.chunks_exact_mut(row) {
            if let Some(bias) = &bias {
                row.iter_mut().zip(bias).for_each(|(c, b)| *c += b);
            }
            if let Some(activation) = self.activation {
                activation.apply(row);
            }
        }
        Ok(())
    }
}

impl TypedOp for Contraction {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(self.output_shape(&inputs[0].shape.to_tvec(), &inputs[1].shape.to_tvec()))))
    }

    as_op!();
}
