//! Whether an adapter's products of small matrices are to be relied on.

use super::chain::Chain;
use super::kernel::{Contraction, Kernel};
use super::plan::{Dispatch, Origin, Plan, Weight};
use super::shader::Element;
use super::tail::Tail;
use super::view::View;
use super::{Device, Session};
use crate::engine::Precision;
use crate::error::Result;
use std::sync::Arc;

/// Sizes of the product that is tried: not whole tiles, so that their edges are tried too.
const ROWS: usize = 83;
const COLUMNS: usize = 70;
const DEPTH: usize = 75;
/// The largest difference from the right product, as a fraction of its largest number: sums of numbers of 16 bits.
const TOLERANCE: f32 = 2e-3;

/// The side of the matrices that `device` multiplies as one operation, where it has such an operation and a product of
/// known numbers came out right by it. The interface is young, and a wrong embedding would be told as a verdict.
pub(super) fn side(device: &Arc<Device>, precision: Precision) -> Option<u32> {
    let side = device.cooperative_side(precision)?;
    let right = device.cooperates(precision, || match difference(device, precision, side) {
        Ok(apart) if apart <= TOLERANCE => true,
        Ok(apart) => {
            log::warn!("cooperative matrices are not used: {} multiplies {apart:e} apart", device.name());
            false
        }
        Err(error) => {
            log::warn!("cooperative matrices are not used: {error}");
            false
        }
    });
    right.then_some(side)
}

fn difference(device: &Arc<Device>, precision: Precision, side: u32) -> Result<f32> {
    let mut plan = product();
    let want = plan.twin(&[]).swap_remove(0);
    plan.cooperate(side);
    let mut got = vec![f32::NAN; want.len()];
    Session::of_plan(device.clone(), plan, precision, &[])?.run(&[], &mut [&mut got])?;
    let largest = want.iter().fold(f32::MIN_POSITIVE, |most, value| most.max(value.abs()));
    let apart = |(got, want): (&f32, &f32)| if got.is_nan() { f32::INFINITY } else { (got - want).abs() / largest };
    Ok(got.iter().zip(&want).map(apart).fold(0.0, f32::max))
}

/// One product of numbers that 16 bits hold exactly.
fn product() -> Plan {
    let mut plan = Plan::default();
    let numbers = |count: usize, step: usize| (0..count).map(|i| (i * step % 31) as f32 / 16.0 - 1.0).collect();
    let inputs = vec![
        plan.weight(Weight::Floats(numbers(ROWS * DEPTH, 7))),
        plan.weight(Weight::Floats(numbers(DEPTH * COLUMNS, 11))),
    ];
    let [rows, columns, depth] = [ROWS, COLUMNS, DEPTH].map(|size| size as u32);
    let kernel: Box<dyn Kernel> = Box::new(Contraction {
        rows,
        columns,
        depth,
        batches: 1,
        rows_inner: rows,
        columns_inner: columns,
        depth_inner: depth,
        batches_inner: 1,
        a_row: depth,
        a_depth: 1,
        b_column: 1,
        b_depth: columns,
        c_row: columns,
        c_column: 1,
        ..Contraction::default()
    });
    let output = plan.tensor(ROWS * COLUMNS, Element::Stored, Origin::Made);
    let output = View::whole(output, &[ROWS, COLUMNS]);
    let tail = Tail::new(&output, &[]).unwrap_or_default();
    let (node, chain) = ("a product to try".to_owned(), Chain::stored());
    plan.outputs.push(output.clone());
    plan.dispatches.push(Dispatch { node, kernel, inputs, chain, operands: Vec::new(), output, tail });
    plan
}
