//! Activations that a contraction applies to its rows while they are at hand.

use super::vector::{dispatch, exp};

/// An elementwise function on f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// `x * sigmoid(slope x)`; OpenAI's QuickGELU has slope 1.702. The slope is kept as its bits.
    Swish(u32),
}

impl Activation {
    /// `x * sigmoid(slope x)`.
    pub fn swish(slope: f32) -> Self {
        Self::Swish(slope.to_bits())
    }

    /// Applies it to every element.
    pub fn apply(self, row: &mut [f32]) {
        let Self::Swish(slope) = self;
        let slope = f32::from_bits(slope);
        dispatch(
            #[inline(always)]
            || row.iter_mut().for_each(|x| *x /= 1.0 + exp(-slope * *x)),
        );
    }
}
