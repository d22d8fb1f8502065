//! The callables in a pickle of tensors, and the results of their calls.

use super::{PickleValue, PickledStorage, PickledTensor, ValueId};
use crate::error::{Error, Result, Stage};
use crate::import::tensors::TensorType;

/// The longest name of a callable in a message, in characters.
const MAX_NAME: usize = 120;
/// The most axes of a tensor.
const MAX_RANK: usize = 8;
/// The most arguments of a call.
pub const MAX_ARGUMENTS: usize = 16;
/// The longest name of a storage; PyTorch numbers them.
const MAX_KEY: usize = 64;

/// The callables that a pickle may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// Plain data: none.
    None,
    /// A state dict: the callables that rebuild tensors.
    StateDict,
    /// A TorchScript archive: also its own modules, which become lists of attributes.
    TorchScript,
}

/// A supported callable.
#[derive(Clone, Debug)]
pub enum Callable {
    /// `torch._utils._rebuild_tensor_v2(storage, offset, shape, strides, ...)`.
    RebuildTensor,
    /// A callable whose result is its first argument: `torch._utils._rebuild_parameter`, `torch.Size`.
    FirstArgument,
    /// `collections.OrderedDict()`.
    OrderedDict,
    /// `torch.FloatStorage` and similar classes, which are named and never called.
    Storage(TensorType),
    /// A module of a TorchScript archive.
    Module,
    /// TorchScript's wrapper of a list of numbers.
    TorchScriptList,
}

impl Namespace {
    /// Returns the callable `name` of `module`; imports and calls nothing.
    ///
    /// # Errors
    /// Returns an error that names the callable if it is not supported.
    pub fn find(self, module: &str, name: &str) -> Result<Callable> {
        let known = match (module, name) {
            _ if self == Namespace::None => None,
            ("torch._utils", "_rebuild_tensor_v2") => Some(Callable::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") | ("torch", "Size") => Some(Callable::FirstArgument),
            ("collections", "OrderedDict") => Some(Callable::OrderedDict),
            ("torch", storage) => element(storage).map(Callable::Storage),
            _ if self == Namespace::TorchScript => torch_script(module, name),
            _ => None,
        };
        known.ok_or_else(|| {
            let name: String = format!("{module}.{name}").escape_debug().take(MAX_NAME).collect();
            let got = format!("the callable {name}, which was not called");
            if self == Namespace::None {
                return Error::new(Stage::DataSet, "a pickle of plain data", got, "do not trust this file");
            }
            let next = "if you trust the file, save its weights alone with PyTorch: d = torch.load(FILE, \
                        weights_only=False), then torch.save({'model': d['model']}, NEW), with its own key for the \
                        weights";
            Error::new(Stage::Import, "a pickle that names nothing but tensors", got, next)
        })
    }
}

fn torch_script(module: &str, name: &str) -> Option<Callable> {
    match (module, name) {
        ("torch.jit._pickle", "build_intlist" | "build_doublelist" | "build_boollist" | "build_tensorlist") => {
            Some(Callable::TorchScriptList)
        }
        ("torch.jit._pickle", "restore_type_tag") => Some(Callable::FirstArgument),
        _ if module == "__torch__" || module.starts_with("__torch__.") => Some(Callable::Module),
        _ => None,
    }
}

/// Returns the element type of the storage class `name` of `torch`.
fn element(name: &str) -> Option<TensorType> {
    let kind = name.strip_suffix("Storage")?;
    Some(match kind {
        "Float" => TensorType::F32,
        "Half" => TensorType::F16,
        "BFloat16" => TensorType::BF16,
        "Double" | "Long" | "Int" | "Short" | "Char" | "Byte" | "Bool" => TensorType::Other(kind.to_owned()),
        _ => return None,
    })
}

/// The result of a call.
pub enum CallResult {
    /// One of the arguments.
    Argument(ValueId),
    /// A new value.
    New(PickleValue),
}

/// Returns the result of calling `callable` with `arguments`; `None` if it does not take them.
pub fn call(callable: &Callable, arguments: &[ValueId], values: &[PickleValue]) -> Option<CallResult> {
    let value = |id: &ValueId| values.get(*id as usize);
    match (callable, arguments) {
        (Callable::RebuildTensor, [storage, offset, shape, strides, ..]) => {
            let PickleValue::Storage(storage) = value(storage)? else { return None };
            let offset = natural(value(offset)?)?;
            let (shape, strides) = (naturals(value(shape)?, values)?, naturals(value(strides)?, values)?);
            let tensor = PickledTensor { storage: storage.clone(), offset, shape, strides };
            Some(CallResult::New(PickleValue::Tensor(tensor)))
        }
        (Callable::FirstArgument, [first, ..]) => Some(CallResult::Argument(*first)),
        (Callable::OrderedDict, []) => Some(CallResult::New(PickleValue::Dict(Vec::new()))),
        (Callable::TorchScriptList, _) => Some(CallResult::New(PickleValue::Other)),
        _ => None,
    }
}

/// Returns the storage with the persistent id `("storage", class, key, location, length)`.
pub fn storage(id: &[ValueId], values: &[PickleValue]) -> Option<PickledStorage> {
    let &[kind, class, key, _location, _length] = id else { return None };
    let [kind, class, key] = [kind, class, key].map(|id| values.get(id as usize));
    match (kind?, class?, key?) {
        (PickleValue::Text(kind), PickleValue::Callable(Callable::Storage(element)), PickleValue::Text(key))
            if kind == "storage" && key.len() <= MAX_KEY =>
        {
            Some(PickledStorage { element: element.clone(), key: key.clone() })
        }
        _ => None,
    }
}

fn natural(value: &PickleValue) -> Option<usize> {
    match value {
        PickleValue::Int(number) => usize::try_from(*number).ok(),
        _ => None,
    }
}

fn naturals(tuple: &PickleValue, values: &[PickleValue]) -> Option<Vec<usize>> {
    match tuple {
        PickleValue::Tuple(ids) if ids.len() <= MAX_RANK => {
            ids.iter().map(|&id| natural(values.get(id as usize)?)).collect()
        }
        _ => None,
    }
}
