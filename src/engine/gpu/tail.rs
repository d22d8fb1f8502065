//! Where a kernel's output and its chain's operands are, as shaders/chain.wgsl lays it out.

use super::chain::MAX_OPERANDS;
use super::view::View;

/// The most axes that are left once neighbours are merged.
pub const MAX_AXES: usize = 8;

/// How an element of the output's own order is found in a buffer.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Walk {
    /// The place of the first element.
    pub offset: u32,
    /// [`IN_ORDER`], [`ALWAYS_THE_SAME`] or [`BY_STRIDES`].
    pub mode: u32,
    pad_0: u32,
    pad_1: u32,
    /// A stride an axis.
    pub strides: [u32; MAX_AXES],
}

/// As it is.
pub const IN_ORDER: u32 = 0;
/// One element for all.
pub const ALWAYS_THE_SAME: u32 = 1;
/// By the strides of its axes.
pub const BY_STRIDES: u32 = 2;

/// Sizes of the output, and the walks of the output and the operands.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Tail {
    /// Elements of the output.
    pub count: u32,
    /// Axes.
    pub rank: u32,
    pad_0: u32,
    pad_1: u32,
    /// Sizes of the axes.
    pub sizes: [u32; MAX_AXES],
    /// The output's walk, then the operands'.
    pub walks: [Walk; 1 + MAX_OPERANDS],
}

impl Tail {
    /// The tail of a kernel that stores to `output` and reads `operands`, which are as large as it; `None` where
    /// there are more axes than [`MAX_AXES`] that cannot be merged.
    pub fn new(output: &View, operands: &[View]) -> Option<Self> {
        let views: Vec<&View> = core::iter::once(output).chain(operands).collect();
        let axes = merged(&views);
        if axes.len() > MAX_AXES || operands.len() > MAX_OPERANDS {
            return None;
        }
        let mut tail = Self { count: output.len() as u32, rank: axes.len() as u32, ..Self::default() };
        for (place, axis) in axes.iter().enumerate() {
            tail.sizes[place] = axis.size as u32;
        }
        for (index, view) in views.iter().enumerate() {
            tail.walks[index] = walk(view, axes.iter().map(|axis| axis.strides[index]));
        }
        Some(tail)
    }

    /// The place of element `o` in the buffer of walk `index`: the twin of the shader's `place`.
    pub fn place(&self, index: usize, o: usize) -> usize {
        let walk = &self.walks[index];
        let offset = walk.offset as usize;
        if walk.mode == IN_ORDER {
            return offset + o;
        }
        let mut rest = o;
        let mut at = offset;
        for axis in (0..self.rank as usize).rev() {
            let size = self.sizes[axis] as usize;
            at += rest % size * walk.strides[axis] as usize;
            rest /= size;
        }
        at
    }
}

fn walk(view: &View, strides: impl Iterator<Item = usize>) -> Walk {
    let mut walk = Walk { offset: view.offset as u32, mode: BY_STRIDES, ..Walk::default() };
    for (place, stride) in strides.enumerate() {
        walk.strides[place] = stride as u32;
    }
    if view.is_contiguous() {
        walk.mode = IN_ORDER;
    } else if walk.strides.iter().all(|&stride| stride == 0) {
        walk.mode = ALWAYS_THE_SAME;
    }
    walk
}

/// An axis, or several that continue each other in every view.
struct Axis {
    size: usize,
    strides: Vec<usize>,
}

fn merged(views: &[&View]) -> Vec<Axis> {
    let mut axes: Vec<Axis> = Vec::new();
    for (place, &size) in views[0].shape.iter().enumerate().filter(|(_, size)| **size != 1) {
        let strides: Vec<usize> = views.iter().map(|view| view.strides[place]).collect();
        let outer = axes.last_mut().filter(|outer| outer.strides.iter().zip(&strides).all(|(o, i)| *o == i * size));
        match outer {
            Some(outer) => *outer = Axis { size: outer.size * size, strides },
            None => axes.push(Axis { size, strides }),
        }
    }
    axes
}
