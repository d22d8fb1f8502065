//! How a tensor lies in its buffer: layout changes cost nothing until a kernel needs its input in order.

/// A tensor of a plan, or a part of it, by strides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Which tensor.
    pub tensor: TensorId,
    /// The place of its first element.
    pub offset: usize,
    /// Sizes of its axes.
    pub shape: Vec<usize>,
    /// Steps along its axes; 0 where the same elements are read again.
    pub strides: Vec<usize>,
}

/// A tensor of a plan, by its index.
pub type TensorId = usize;

impl View {
    /// The whole of `tensor`, row-major.
    pub fn whole(tensor: TensorId, shape: &[usize]) -> Self {
        Self { tensor, offset: 0, shape: shape.to_vec(), strides: row_major(shape) }
    }

    /// With the strides of elements in order, for a shape that was replaced.
    pub fn renewed(mut self) -> Self {
        self.strides = row_major(&self.shape);
        self
    }

    /// Elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether its elements lie one behind the other, in order.
    pub fn is_contiguous(&self) -> bool {
        let expected = row_major(&self.shape);
        let free = |axis: usize| self.shape[axis] == 1;
        (0..self.shape.len()).all(|axis| free(axis) || self.strides[axis] == expected[axis])
    }

    /// With axis `from` moved to `to`.
    pub fn moved(mut self, from: usize, to: usize) -> Self {
        let (size, stride) = (self.shape.remove(from), self.strides.remove(from));
        self.shape.insert(to, size);
        self.strides.insert(to, stride);
        self
    }

    /// With a new axis of size 1.
    pub fn with_axis(mut self, axis: usize) -> Self {
        self.shape.insert(axis, 1);
        self.strides.insert(axis, 0);
        self
    }

    /// Without an axis, which has size 1.
    pub fn without_axis(mut self, axis: usize) -> Self {
        self.shape.remove(axis);
        self.strides.remove(axis);
        self
    }

    /// Elements `begin..end` along `axis`.
    pub fn sliced(mut self, axis: usize, begin: usize, end: usize) -> Self {
        self.offset += begin * self.strides[axis];
        self.shape[axis] = end - begin;
        self
    }

    /// Every `step`-th element along `axis`, from `begin` on.
    pub fn thinned(mut self, axis: usize, begin: usize, step: usize) -> Self {
        self.offset += begin * self.strides[axis];
        self.shape[axis] = self.shape[axis].saturating_sub(begin).div_ceil(step);
        self.strides[axis] *= step;
        self
    }

    /// Repeated to `shape` along axes of size 1; missing axes are in front.
    pub fn broadcast(mut self, shape: &[usize]) -> Self {
        while self.shape.len() < shape.len() {
            self = self.with_axis(0);
        }
        for (axis, &size) in shape.iter().enumerate() {
            if self.shape[axis] != size {
                self.shape[axis] = size;
                self.strides[axis] = 0;
            }
        }
        self
    }

    /// As `shape`, where the strides allow it: axes may be split, and joined where they lie one behind the other.
    pub fn reshaped(&self, shape: &[usize]) -> Option<Self> {
        let mut strides = vec![0; shape.len()];
        let mut old: Vec<(usize, usize)> =
            self.shape.iter().copied().zip(self.strides.iter().copied()).filter(|(size, _)| *size != 1).collect();
        // From the last axis on: take as much of the old axes as each new axis needs.
        for axis in (0..shape.len()).rev() {
            if shape[axis] == 1 {
                continue;
            }
            let (mut size, stride) = old.pop()?;
            while size < shape[axis] {
                let (outer, outer_stride) = old.pop()?;
                if outer_stride != size * stride {
                    return None;
                }
                size *= outer;
            }
            if !size.is_multiple_of(shape[axis]) {
                return None;
            }
            strides[axis] = stride;
            if size > shape[axis] {
                old.push((size / shape[axis], shape[axis] * stride));
            }
        }
        old.is_empty().then(|| Self { shape: shape.to_vec(), strides, ..self.clone() })
    }
}

/// Strides of a tensor whose elements lie in order.
pub fn row_major(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}
