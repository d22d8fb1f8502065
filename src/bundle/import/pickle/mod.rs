//! Python's pickles as far as tensors need them: read, never executed.
//!
//! A pickle is a program for a stack machine that may name any callable and call it. This machine knows only the few that
//! rebuild tensors, and makes of them descriptions, not calls; whatever else a pickle names is refused by its name.
//! Everything a pickle makes lies in one list and is named by its place there, so memory is bounded by the pickle's length
//! and a pickle that contains itself does no harm.

mod callable;
mod machine;

use super::tensors::Element;
use crate::error::{Error, Result, Stage};
pub use callable::Namespace;

/// The longest pickle, in bytes: tensors lie outside it.
const MAX_PICKLE: usize = 1 << 24;
/// The most values, memo entries and places on the stack.
const MAX_VALUES: usize = 1 << 20;

/// The longest name of a tensor or attribute, in bytes: a pickle may use one name many times.
const MAX_NAME: usize = 256;

/// The place of a value in [`Pickle`].
pub type Id = u32;

/// What a pickle makes, as far as tensors need it.
#[derive(Clone, Debug)]
pub enum Value {
    /// What holds no tensor: None, floats, bytes, sets, integers past 64 bits.
    Inert,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A string.
    Text(String),
    /// A tuple.
    Tuple(Vec<Id>),
    /// A list.
    List(Vec<Id>),
    /// A dictionary, ordered or not: keys and values.
    Dict(Vec<(Id, Id)>),
    /// A module of a TorchScript archive: names and values of its attributes.
    Module(Vec<(Id, Id)>),
    /// One of the callables that are known.
    Callable(callable::Callable),
    /// Where the numbers of tensors lie.
    Storage(Storage),
    /// A tensor.
    Tensor(Tensor),
}

/// A file of the archive that holds the numbers of tensors.
#[derive(Clone, Debug)]
pub struct Storage {
    /// Type of its numbers.
    pub element: Element,
    /// Its name in the archive.
    pub key: String,
}

/// A tensor: a part of a storage.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// Where its numbers lie.
    pub storage: Storage,
    /// Place of its first number.
    pub offset: usize,
    /// Sizes of its axes.
    pub shape: Vec<usize>,
    /// Numbers from one place of an axis to the next.
    pub strides: Vec<usize>,
}

/// A pickle that was read.
#[derive(Clone, Debug)]
pub struct Pickle {
    values: Vec<Value>,
    root: Id,
}

impl Pickle {
    /// Reads a pickle of protocol 2 to 5 that may name what `namespace` knows.
    ///
    /// # Errors
    /// When it names any other callable (the message says which), is cut, malformed, of another protocol or too large.
    pub fn parse(bytes: &[u8], namespace: Namespace) -> Result<Self> {
        if bytes.len() > MAX_PICKLE {
            let got = format!("{} bytes", bytes.len());
            let next = "save the state dict alone: torch.save(model.state_dict(), FILE)";
            return Err(Error::new(Stage::Import, format_args!("a pickle of at most {MAX_PICKLE} bytes"), got, next));
        }
        machine::Machine::new(bytes, namespace).run()
    }

    /// What the pickle is.
    pub fn root(&self) -> Id {
        self.root
    }

    /// The value at `id`.
    pub fn value(&self, id: Id) -> &Value {
        &self.values[id as usize]
    }

    /// The values of a dictionary or module whose keys are names; empty for everything else.
    pub fn named(&self, id: Id) -> impl Iterator<Item = (&str, Id)> {
        let pairs: &[(Id, Id)] = match self.value(id) {
            Value::Dict(pairs) | Value::Module(pairs) => pairs,
            _ => &[],
        };
        pairs.iter().filter_map(|&(key, value)| match self.value(key) {
            Value::Text(name) if name.len() <= MAX_NAME => Some((name.as_str(), value)),
            _ => None,
        })
    }
}
