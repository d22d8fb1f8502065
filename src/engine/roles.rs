//! The axes of a contraction by role, whatever the order in which the tensors have them.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;

/// One axis, or several merged into one: its size and its stride in each operand and in the output, 0 where it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub size: usize,
    pub a: isize,
    pub b: isize,
    pub c: isize,
}

impl Run {
    /// The run of an axis that is not there.
    pub const UNIT: Self = Self { size: 1, a: 0, b: 0, c: 0 };
}

/// The runs of a contraction, by role.
#[derive(Debug, Default)]
pub struct Roles {
    /// In the first operand and the output.
    pub m: TVec<Run>,
    /// In the second operand and the output.
    pub n: TVec<Run>,
    /// In both operands: summed over.
    pub k: TVec<Run>,
    /// In all three.
    pub batch: TVec<Run>,
}

/// Sizes and strides of a tensor's axes.
pub type Axes<'a> = (&'a [usize], &'a [isize]);

impl Roles {
    /// The runs of the contraction that `axes` maps, from operands `a` and `b` to the output `c`; in every role the
    /// largest comes last.
    pub fn of(axes: &AxesMapping, a: Axes<'_>, b: Axes<'_>, c: Axes<'_>) -> Self {
        let mut roles = Roles::default();
        for axis in axes.iter_all_axes() {
            let place =
                |places: &TVec<usize>, (shape, strides): Axes<'_>| places.first().map(|&i| (shape[i], strides[i]));
            let (in_a, in_b) = (place(&axis.inputs[0], a), place(&axis.inputs[1], b));
            let in_c = place(&axis.outputs[0], c);
            let size = in_a.or(in_b).or(in_c).map_or(1, |(size, _)| size);
            let stride = |found: Option<(usize, isize)>| found.map_or(0, |(_, stride)| stride);
            let run = Run { size, a: stride(in_a), b: stride(in_b), c: stride(in_c) };
            match (in_a.is_some(), in_b.is_some(), in_c.is_some()) {
                (true, false, _) => roles.m.push(run),
                (false, true, _) => roles.n.push(run),
                (true, true, false) => roles.k.push(run),
                _ => roles.batch.push(run),
            }
        }
        for runs in [&mut roles.m, &mut roles.n, &mut roles.k, &mut roles.batch] {
            merge(runs);
        }
        roles
    }
}

/// Merges runs that continue each other in every tensor; the largest comes to lie last.
fn merge(runs: &mut TVec<Run>) {
    runs.retain(|run| run.size != 1);
    runs.sort_by_key(|run| core::cmp::Reverse((run.c.max(run.a), run.b)));
    let mut merged: TVec<Run> = tvec!();
    for inner in runs.iter().copied() {
        let continues = |outer: &Run| {
            let size = inner.size as isize;
            outer.a == inner.a * size && outer.b == inner.b * size && outer.c == inner.c * size
        };
        match merged.last_mut() {
            Some(outer) if continues(outer) => *outer = Run { size: outer.size * inner.size, ..inner },
            _ => merged.push(inner),
        }
    }
    merged.sort_by_key(|run| run.size);
    *runs = merged;
}
