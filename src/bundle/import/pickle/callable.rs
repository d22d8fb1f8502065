//! The callables that a pickle of tensors names, and what is made of a call.

use super::{Id, Storage, Tensor, Value};
use crate::bundle::import::tensors::Element;
use crate::error::{Error, Result, Stage};

/// The longest name of a callable that a message repeats, in characters.
const MAX_NAME: usize = 120;

/// The most axes of a tensor.
const MAX_RANK: usize = 8;
/// The most arguments of a call.
pub const MAX_ARGUMENTS: usize = 16;
/// The longest name of a storage; PyTorch numbers them.
const MAX_KEY: usize = 64;

/// Whose callables a pickle may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// Plain data: none.
    None,
    /// A state dict: what rebuilds tensors.
    StateDict,
    /// A TorchScript archive: also its own modules, which become the lists of their attributes.
    TorchScript,
}

/// A callable that is known.
#[derive(Clone, Debug)]
pub enum Callable {
    /// `torch._utils._rebuild_tensor_v2(storage, offset, shape, strides, ...)`.
    RebuildTensor,
    /// A callable whose first argument is what it makes, as far as tensors need it: `torch._utils._rebuild_parameter`,
    /// `torch.Size`.
    First,
    /// `collections.OrderedDict()`.
    OrderedDict,
    /// `torch.FloatStorage` and its kin, which are named and never called.
    Storage(Element),
    /// A module of a TorchScript archive.
    Module,
    /// What TorchScript wraps lists of numbers in.
    TorchScriptList,
}

impl Namespace {
    /// The callable `name` of `module`.
    ///
    /// # Errors
    /// When it is none of those that are known: the message names it. Nothing is imported or called.
    pub fn find(self, module: &str, name: &str) -> Result<Callable> {
        let known = match (module, name) {
            _ if self == Namespace::None => None,
            ("torch._utils", "_rebuild_tensor_v2") => Some(Callable::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") | ("torch", "Size") => Some(Callable::First),
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
            Error::new(
                Stage::Import,
                "a pickle that names nothing but tensors",
                got,
                "if you trust the file, save its weights alone with PyTorch: d = torch.load(FILE, weights_only=False), \
                 then torch.save({'model': d['model']}, NEW), with its own key for the weights",
            )
        })
    }
}

fn torch_script(module: &str, name: &str) -> Option<Callable> {
    match (module, name) {
        ("torch.jit._pickle", "build_intlist" | "build_doublelist" | "build_boollist" | "build_tensorlist") => {
            Some(Callable::TorchScriptList)
        }
        ("torch.jit._pickle", "restore_type_tag") => Some(Callable::First),
        _ if module == "__torch__" || module.starts_with("__torch__.") => Some(Callable::Module),
        _ => None,
    }
}

/// The element type of the storage class `name` of `torch`.
fn element(name: &str) -> Option<Element> {
    let kind = name.strip_suffix("Storage")?;
    Some(match kind {
        "Float" => Element::F32,
        "Half" => Element::F16,
        "BFloat16" => Element::BF16,
        "Double" | "Long" | "Int" | "Short" | "Char" | "Byte" | "Bool" => Element::Other(kind.to_owned()),
        _ => return None,
    })
}

/// What a call makes.
pub enum Made {
    /// One of its arguments.
    Argument(Id),
    /// A value of its own.
    New(Value),
}

/// What a call of `callable` with `arguments` makes; `None` when they are not what it takes.
pub fn called(callable: &Callable, arguments: &[Id], values: &[Value]) -> Option<Made> {
    let value = |id: &Id| values.get(*id as usize);
    match (callable, arguments) {
        (Callable::RebuildTensor, [storage, offset, shape, strides, ..]) => {
            let Value::Storage(storage) = value(storage)? else { return None };
            let offset = natural(value(offset)?)?;
            let (shape, strides) = (naturals(value(shape)?, values)?, naturals(value(strides)?, values)?);
            Some(Made::New(Value::Tensor(Tensor { storage: storage.clone(), offset, shape, strides })))
        }
        (Callable::First, [first, ..]) => Some(Made::Argument(*first)),
        (Callable::OrderedDict, []) => Some(Made::New(Value::Dict(Vec::new()))),
        (Callable::TorchScriptList, _) => Some(Made::New(Value::Inert)),
        _ => None,
    }
}

/// What the persistent id `("storage", class, key, location, length)` stands for.
pub fn storage(id: &[Id], values: &[Value]) -> Option<Storage> {
    let &[kind, class, key, _location, _length] = id else { return None };
    let [kind, class, key] = [kind, class, key].map(|id| values.get(id as usize));
    match (kind?, class?, key?) {
        (Value::Text(kind), Value::Callable(Callable::Storage(element)), Value::Text(key))
            if kind == "storage" && key.len() <= MAX_KEY =>
        {
            Some(Storage { element: element.clone(), key: key.clone() })
        }
        _ => None,
    }
}

fn natural(value: &Value) -> Option<usize> {
    match value {
        Value::Int(number) => usize::try_from(*number).ok(),
        _ => None,
    }
}

fn naturals(tuple: &Value, values: &[Value]) -> Option<Vec<usize>> {
    match tuple {
        Value::Tuple(ids) if ids.len() <= MAX_RANK => ids.iter().map(|&id| natural(values.get(id as usize)?)).collect(),
        _ => None,
    }
}
