//! Rows to one number each.

use super::{Kernel, parameters, spread};
use crate::engine::gpu::shader::{Element, Shader};

/// Its code for stored numbers, and for integers.
static SHADERS: [Shader; 2] = [shader(&[Element::Stored]), shader(&[Element::Integer])];

const fn shader(buffers: &'static [Element]) -> Shader {
    Shader {
        file: "reduce.wgsl",
        source: include_str!("../../../../shaders/reduce.wgsl"),
        entry: "reduce",
        buffers,
        cooperative: None,
    }
}

/// What a row becomes; the numbers are the shader's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as everywhere")]
pub enum Kind {
    Sum,
    Product,
    Largest,
    Smallest,
    MeanSquare,
    FirstLargest,
    LastLargest,
    FirstSmallest,
    LastSmallest,
}

impl Kind {
    /// All, by their number.
    pub const ALL: [Self; 9] = [
        Self::Sum,
        Self::Product,
        Self::Largest,
        Self::Smallest,
        Self::MeanSquare,
        Self::FirstLargest,
        Self::LastLargest,
        Self::FirstSmallest,
        Self::LastSmallest,
    ];
}

parameters! {
    /// Rows of `size` to one number each; `kind` is a [`Kind`].
    pub struct Reduce {
        rows: u32,
        size: u32,
        offset: u32,
        kind: u32,
    }
}

/// A reduction of numbers or of integers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reduction {
    /// Its sizes.
    pub reduce: Reduce,
    /// Whether it reads integers.
    pub integers: bool,
}

impl Kernel for Reduction {
    fn shader(&self) -> &'static Shader {
        &SHADERS[usize::from(self.integers)]
    }

    fn parameters(&self) -> &[u8] {
        bytemuck::bytes_of(&self.reduce)
    }

    fn groups(&self) -> [u32; 3] {
        spread(self.reduce.rows as usize, 1)
    }

    fn operations(&self) -> u64 {
        u64::from(self.reduce.rows) * u64::from(self.reduce.size)
    }

    fn twin(&self, inputs: &[&[f32]]) -> Vec<f32> {
        let Reduce { rows, size, offset, kind } = self.reduce;
        let rows = inputs[0][offset as usize..].chunks_exact(size as usize).take(rows as usize);
        rows.map(|row| reduced(Kind::ALL[kind as usize], row)).collect()
    }
}

fn reduced(kind: Kind, row: &[f32]) -> f32 {
    let doubles = row.iter().map(|&x| f64::from(x));
    let largest = row.iter().fold(f32::MIN, |most, &x| most.max(x));
    let smallest = row.iter().fold(f32::MAX, |least, &x| least.min(x));
    let place = |found: Option<usize>| found.unwrap_or(0) as f32;
    match kind {
        Kind::Sum => doubles.sum::<f64>() as f32,
        Kind::Product => doubles.product::<f64>() as f32,
        Kind::Largest => largest,
        Kind::Smallest => smallest,
        Kind::MeanSquare => (doubles.map(|x| x * x).sum::<f64>() / row.len() as f64) as f32,
        Kind::FirstLargest => place(row.iter().position(|&x| x == largest)),
        Kind::LastLargest => place(row.iter().rposition(|&x| x == largest)),
        Kind::FirstSmallest => place(row.iter().position(|&x| x == smallest)),
        Kind::LastSmallest => place(row.iter().rposition(|&x| x == smallest)),
    }
}
