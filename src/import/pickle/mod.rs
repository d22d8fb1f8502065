//! A reader for Python pickles of tensors, which executes nothing.
//!
//! A pickle is a program for a stack machine; it may name any callable and call it. [`Pickle::parse`] accepts only the
//! callables that rebuild tensors, and records their arguments instead of calling them. Any other name is an error.
//! All values are in one list and refer to each other by index. Memory is bounded by the pickle's length, and a value
//! that contains itself does no harm.

mod callable;
mod unpickler;

use super::tensors::TensorType;
use crate::error::{Error, Result, Stage};
pub use callable::Namespace;

/// The longest pickle, in bytes; tensors are stored outside it.
const MAX_PICKLE: usize = 1 << 24;
/// The most values, memo entries, stack entries and marks.
const MAX_VALUES: usize = 1 << 20;
/// The longest name of a tensor or attribute, in bytes: a pickle may use one name many times.
const MAX_NAME: usize = 256;

/// The index of a value in [`Pickle`].
pub type ValueId = u32;

/// A value of a pickle.
#[derive(Clone, Debug)]
pub enum PickleValue {
    /// A value without tensors: None, floats, bytes, sets, integers past 64 bits.
    Other,
    /// A Boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A string.
    Text(String),
    /// A tuple.
    Tuple(Vec<ValueId>),
    /// A list.
    List(Vec<ValueId>),
    /// A dictionary, ordered or not: keys and values.
    Dict(Vec<(ValueId, ValueId)>),
    /// A module of a TorchScript archive: names and values of its attributes.
    Module(Vec<(ValueId, ValueId)>),
    /// One of the supported callables.
    Callable(callable::Callable),
    /// A file with the numbers of tensors.
    Storage(PickledStorage),
    /// A tensor.
    Tensor(PickledTensor),
}

/// A file of the archive that holds the numbers of tensors.
#[derive(Clone, Debug)]
pub struct PickledStorage {
    /// Type of the numbers.
    pub element: TensorType,
    /// File name in the archive.
    pub key: String,
}

/// A tensor: a part of a storage, not read yet.
#[derive(Clone, Debug)]
pub struct PickledTensor {
    /// Storage with the numbers.
    pub storage: PickledStorage,
    /// Index of the first number.
    pub offset: usize,
    /// Sizes of the axes.
    pub shape: Vec<usize>,
    /// Step along each axis, in numbers.
    pub strides: Vec<usize>,
}

/// A parsed pickle.
#[derive(Clone, Debug)]
pub struct Pickle {
    values: Vec<PickleValue>,
    root: ValueId,
}

impl Pickle {
    /// Parses a pickle of protocol 2 to 5 that names only callables of `namespace`.
    ///
    /// # Errors
    /// Returns an error if the pickle names another callable, is cut, malformed, of another protocol or too large.
    pub fn parse(bytes: &[u8], namespace: Namespace) -> Result<Self> {
        if bytes.len() > MAX_PICKLE {
            let got = format!("{} bytes", bytes.len());
            let next = "save the state dict alone: torch.save(model.state_dict(), FILE)";
            return Err(Error::new(Stage::Import, format_args!("a pickle of at most {MAX_PICKLE} bytes"), got, next));
        }
        unpickler::Unpickler::new(bytes, namespace).run()
    }

    /// Returns the top-level value.
    pub fn root(&self) -> ValueId {
        self.root
    }

    /// Returns the value at `id`.
    pub fn value(&self, id: ValueId) -> &PickleValue {
        &self.values[id as usize]
    }

    /// Returns the values of a dictionary or module whose keys are strings; nothing for other values.
    pub fn named(&self, id: ValueId) -> impl Iterator<Item = (&str, ValueId)> {
        let pairs: &[(ValueId, ValueId)] = match self.value(id) {
            PickleValue::Dict(pairs) | PickleValue::Module(pairs) => pairs,
            _ => &[],
        };
        pairs.iter().filter_map(|&(key, value)| match self.value(key) {
            PickleValue::Text(name) if name.len() <= MAX_NAME => Some((name.as_str(), value)),
            _ => None,
        })
    }
}
