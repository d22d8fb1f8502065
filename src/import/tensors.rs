//! Named tensors in mapped bytes, of which one at a time is copied.

use crate::error::{Error, Result, Stage};
use safetensors::tensor::{Dtype, SafeTensors};
use std::collections::BTreeMap;

/// Prefix that data-parallel training gives to every name.
const PARALLEL: &str = "module.";

/// TensorType type of a stored tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TensorType {
    /// 32-bit float.
    F32,
    /// 16-bit float.
    F16,
    /// The upper half of a 32-bit float.
    BF16,
    /// A type that weights are not stored in, by its name in the file.
    Other(String),
}

impl TensorType {
    /// Returns the bytes of one element; `None` if weights are not stored in this type.
    pub fn size(&self) -> Option<usize> {
        match self {
            TensorType::F32 => Some(4),
            TensorType::F16 | TensorType::BF16 => Some(2),
            TensorType::Other(_) => None,
        }
    }

    fn value(&self, bytes: &[u8]) -> f32 {
        match (self, bytes) {
            (TensorType::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
            (TensorType::F16, &[a, b]) => half::f16::from_le_bytes([a, b]).to_f32(),
            (TensorType::BF16, &[a, b]) => half::bf16::from_le_bytes([a, b]).to_f32(),
            _ => f32::NAN,
        }
    }
}

impl From<Dtype> for TensorType {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::F32 => TensorType::F32,
            Dtype::F16 => TensorType::F16,
            Dtype::BF16 => TensorType::BF16,
            other => TensorType::Other(format!("{other:?}")),
        }
    }
}

/// A view of one tensor: shape, strides and bytes.
#[derive(Clone, Debug)]
pub struct TensorView<'data> {
    element: TensorType,
    shape: Vec<usize>,
    strides: Vec<usize>,
    bytes: &'data [u8],
}

impl<'data> TensorView<'data> {
    /// Creates a view whose first element is the first of `bytes`; `strides` count elements. Returns `None` if the
    /// tensor is larger than `bytes`.
    pub fn new(element: TensorType, shape: Vec<usize>, strides: Vec<usize>, bytes: &'data [u8]) -> Option<Self> {
        let view = Self { element, shape, strides, bytes };
        if view.shape.len() != view.strides.len() {
            return None;
        }
        let Some(size) = view.element.size() else { return Some(view) };
        let available = bytes.len() / size;
        let count = view.shape.iter().try_fold(1usize, |count, &axis| count.checked_mul(axis))?;
        let last =
            view.shape.iter().zip(&view.strides).try_fold(0usize, |last, (&axis, &stride)| {
                last.checked_add(axis.saturating_sub(1).checked_mul(stride)?)
            })?;
        (count <= available && (count == 0 || last < available)).then_some(view)
    }

    /// Creates a view of a row-major tensor. Returns `None` if the tensor is larger than `bytes`.
    pub fn row_major(element: TensorType, shape: Vec<usize>, bytes: &'data [u8]) -> Option<Self> {
        let strides = row_major_strides(&shape)?;
        Self::new(element, shape, strides, bytes)
    }

    /// Returns the sizes of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the element type.
    pub fn element(&self) -> &TensorType {
        &self.element
    }

    /// Reverses the axes.
    #[must_use]
    pub fn transposed(mut self) -> Self {
        self.shape.reverse();
        self.strides.reverse();
        self
    }

    /// Keeps rows `start..start + count` of the first axis. Returns `None` if there are fewer.
    #[must_use]
    pub fn rows(mut self, start: usize, count: usize) -> Option<Self> {
        let (rows, stride) = (self.shape.first_mut()?, *self.strides.first()?);
        if start.checked_add(count)? > *rows {
            return None;
        }
        *rows = count;
        let skipped = if count == 0 { 0 } else { start.checked_mul(stride)?.checked_mul(self.element.size()?)? };
        self.bytes = self.bytes.get(skipped..)?;
        Some(self)
    }

    /// Returns the elements, row-major.
    pub fn values(&self) -> Vec<f32> {
        let Some(size) = self.element.size() else { return Vec::new() };
        let count = self.shape.iter().product();
        if row_major_strides(&self.shape).as_deref() == Some(&self.strides) {
            return self.bytes.chunks_exact(size).take(count).map(|bytes| self.element.value(bytes)).collect();
        }
        let mut indices = vec![0; self.shape.len()];
        (0..count)
            .map(|_| {
                let offset: usize = indices.iter().zip(&self.strides).map(|(index, stride)| index * stride).sum();
                self.advance(&mut indices);
                self.element.value(&self.bytes[offset * size..][..size])
            })
            .collect()
    }

    /// Moves `indices` to the next element in row-major order.
    fn advance(&self, indices: &mut [usize]) {
        for (index, &axis) in indices.iter_mut().zip(&self.shape).rev() {
            *index += 1;
            if *index < axis {
                return;
            }
            *index = 0;
        }
    }
}

/// Returns the strides of a row-major tensor; `None` if a product overflows.
fn row_major_strides(shape: &[usize]) -> Option<Vec<usize>> {
    let mut strides = vec![1usize; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis].checked_mul(shape[axis])?;
    }
    Some(strides)
}

/// Tensors by their names.
#[derive(Clone, Debug, Default)]
pub struct Tensors<'data> {
    by_name: BTreeMap<String, TensorView<'data>>,
}

impl<'data> Tensors<'data> {
    /// Wraps `by_name`, without the prefix of data-parallel training.
    pub fn new(by_name: BTreeMap<String, TensorView<'data>>) -> Self {
        if !by_name.is_empty() && by_name.keys().all(|name| name.starts_with(PARALLEL)) {
            let bare = by_name.into_iter().map(|(name, view)| (name[PARALLEL.len()..].to_owned(), view));
            return Self { by_name: bare.collect() };
        }
        Self { by_name }
    }

    /// Parses a safetensors file.
    ///
    /// # Errors
    /// Returns an error if the bytes are cut or no safetensors file.
    pub fn from_safetensors(bytes: &'data [u8]) -> Result<Self> {
        let refused = |got: &dyn core::fmt::Display| {
            Error::new(Stage::Import, "a whole safetensors file", got, "download it again")
        };
        let file = SafeTensors::deserialize(bytes).map_err(|e| refused(&e).with_source(e))?;
        let mut by_name = BTreeMap::new();
        for (name, tensor) in file.iter() {
            let view = TensorView::row_major(tensor.dtype().into(), tensor.shape().to_vec(), tensor.data());
            let view = view.ok_or_else(|| refused(&format_args!("tensor {name:?} past the end of the file")))?;
            by_name.insert(name.to_owned(), view);
        }
        Ok(Self::new(by_name))
    }

    /// Returns the tensor called `name`.
    pub fn get(&self, name: &str) -> Option<&TensorView<'data>> {
        self.by_name.get(name)
    }

    /// Returns whether there is a tensor called `name`.
    pub fn holds(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Returns all names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// Returns whether there is no tensor.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}
