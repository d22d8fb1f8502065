//! Layer normalisation along the last axis, in two passes over a row that stays in the cache.

use super::vector::dispatch;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;

/// `(x - mean) / sqrt(variance + epsilon) * scale + shift`; inputs `x`, `scale` [row], `shift` [row].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LayerNorm {
    /// Kept as its bits.
    epsilon: u32,
}

impl LayerNorm {
    pub fn new(epsilon: f32) -> Self {
        Self { epsilon: epsilon.to_bits() }
    }

    /// What is added to the variance.
    #[cfg(feature = "gpu")]
    pub fn epsilon(&self) -> f32 {
        f32::from_bits(self.epsilon)
    }

    fn normalise(&self, row: &mut [f32], scale: &[f32], shift: &[f32]) {
        let count = row.len() as f32;
        let mean = sum(row, |x| x) / count;
        let variance = sum(row, |x| (x - mean) * (x - mean)) / count;
        let factor = 1.0 / (variance + f32::from_bits(self.epsilon)).sqrt();
        for ((x, scale), shift) in row.iter_mut().zip(scale).zip(shift) {
            *x = (*x - mean) * factor * scale + shift;
        }
    }
}

/// The sum of `term` over `row`, in 16 running sums so that it fills the widest vectors.
#[inline(always)]
fn sum(row: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    const WIDTH: usize = 16;
    let mut sums = [0.0; WIDTH];
    let (chunks, rest) = row.as_chunks::<WIDTH>();
    for chunk in chunks {
        for (sum, &x) in sums.iter_mut().zip(chunk) {
            *sum += term(x);
        }
    }
    sums.iter().sum::<f32>() + rest.iter().map(|&x| term(x)).sum::<f32>()
}

impl Op for LayerNorm {
    fn name(&self) -> StaticName {
        "LayerNorm".into()
    }

    op_as_typed_op!();
}

impl EvalOp for LayerNorm {
    op_out_of_plan!();

    fn eval(&self, _ctx: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let (x, scale, shift) = args_3!(inputs);
        let scale = scale.try_as_plain_ram()?;
        let shift = shift.try_as_plain_ram()?;
        let (scale, shift) = (scale.as_slice::<f32>()?, shift.as_slice::<f32>()?);
        let mut x = x.into_tensor();
        if !scale.is_empty() {
            let mut plain = x.try_as_plain_ram_mut()?;
            let rows = plain.as_slice_mut::<f32>()?;
            dispatch(
                #[inline(always)]
                || rows.chunks_exact_mut(scale.len()).for_each(|row| self.normalise(row, scale, shift)),
            );
        }
        Ok(tvec!(x.into_tvalue()))
    }
}

impl TypedOp for LayerNorm {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(inputs[0].without_value()))
    }

    as_op!();
}
