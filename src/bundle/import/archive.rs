//! The zip archive that `torch.save` writes: `data.pkl` describes tensors, one stored file each holds their numbers.

use super::pickle::{Id, Namespace, Pickle, Tensor, Value};
use super::tensors::{TensorView, Tensors};
use crate::error::{Error, Result, Stage};
use rawzip::{CompressionMethod, ZipArchive};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// The description of the tensors.
const PICKLE: &str = "data.pkl";
/// What only TorchScript archives have.
const CONSTANTS: &str = "constants.pkl";
/// The order of bytes, which newer archives tell.
const BYTE_ORDER: &str = "byteorder";
/// The folder of the numbers.
const DATA: &str = "data/";
/// Keys that training code keeps a state dict under.
const NESTED: [&str; 3] = ["state_dict", "model_state_dict", "model"];
/// The key of ActionCLIP's temporal transformer.
const TEMPORAL: &str = "fusion_model_state_dict";
/// The deepest module of a TorchScript archive.
const MAX_DEPTH: usize = 32;
/// The most modules and attributes of a TorchScript archive.
const MAX_ATTRIBUTES: usize = 1 << 17;

/// The archive: its files, and what `data.pkl` says.
#[derive(Debug)]
pub struct Archive<'data> {
    files: HashMap<String, &'data [u8]>,
    pickle: Pickle,
    namespace: Namespace,
}

impl<'data> Archive<'data> {
    /// Reads the archive's directory and its pickle; tensors stay where they are.
    ///
    /// # Errors
    /// When it is cut, compressed, big-endian, no archive of PyTorch's, or its pickle is refused.
    pub fn parse(bytes: &'data [u8]) -> Result<Self> {
        let mut files = directory(bytes)?;
        if files.get(BYTE_ORDER).is_some_and(|order| order.trim_ascii() != b"little") {
            let next = "save it again on a little-endian machine";
            return Err(Error::new(Stage::Import, "little-endian tensors", "an archive in big-endian order", next));
        }
        let Some(pickle) = files.remove(PICKLE) else {
            let next = "pass a checkpoint that torch.save wrote";
            return Err(Error::new(Stage::Import, "an archive with data.pkl", "a zip archive without it", next));
        };
        let namespace = if files.contains_key(CONSTANTS) { Namespace::TorchScript } else { Namespace::StateDict };
        Ok(Self { files, pickle: Pickle::parse(pickle, namespace)?, namespace })
    }

    /// Whether the archive holds a program, too (which is not looked at).
    pub fn is_torch_script(&self) -> bool {
        self.namespace == Namespace::TorchScript
    }

    /// The weights: the state dict itself, the one that training code keeps in it, or a program's parameters.
    ///
    /// # Errors
    /// When there is none, or a tensor reaches past its file.
    pub fn weights(&self) -> Result<Tensors<'data>> {
        if self.is_torch_script() {
            return self.tensors(self.parameters()?);
        }
        let root = self.pickle.root();
        let own = self.state_dict(root);
        if !own.is_empty() {
            return self.tensors(own);
        }
        let nested = NESTED.iter().find_map(|key| self.entry(key)).map(|id| self.state_dict(id));
        let found = nested.filter(|dict| !dict.is_empty()).ok_or_else(|| {
            let keys: Vec<&str> = self.pickle.named(root).map(|(key, _)| key).take(8).collect();
            let expected = format!("tensors by name, or a state dict under one of {NESTED:?}");
            let next = "save the state dict alone: torch.save(model.state_dict(), FILE)";
            Error::new(Stage::Import, expected, format_args!("the keys {keys:?}"), next)
        })?;
        self.tensors(found)
    }

    /// ActionCLIP's temporal transformer, where the checkpoint holds one.
    ///
    /// # Errors
    /// When a tensor reaches past its file.
    pub fn temporal(&self) -> Result<Option<Tensors<'data>>> {
        let temporal = self.entry(TEMPORAL).map(|id| self.state_dict(id)).filter(|dict| !dict.is_empty());
        temporal.map(|dict| self.tensors(dict)).transpose()
    }

    fn entry(&self, key: &str) -> Option<Id> {
        self.pickle.named(self.pickle.root()).filter(|(name, _)| *name == key).map(|(_, id)| id).last()
    }

    /// The tensors of a dictionary; what else is in it holds no weights.
    fn state_dict(&self, id: Id) -> BTreeMap<String, &Tensor> {
        let mut found = BTreeMap::new();
        for (name, id) in self.pickle.named(id) {
            if let Value::Tensor(tensor) = self.pickle.value(id) {
                found.insert(name.to_owned(), tensor);
            }
        }
        found
    }

    /// The tensors of all modules of a TorchScript archive, named by their way from the root.
    fn parameters(&self) -> Result<BTreeMap<String, &Tensor>> {
        let mut found = BTreeMap::new();
        let mut seen = 0;
        let mut open = vec![(String::new(), self.pickle.root(), 0)];
        while let Some((prefix, module, depth)) = open.pop() {
            for (name, id) in self.pickle.named(module) {
                seen += 1;
                if seen > MAX_ATTRIBUTES || depth > MAX_DEPTH {
                    let next = "use a state dict: torch.save(torch.jit.load(FILE).state_dict(), NEW)";
                    let expected = format!("at most {MAX_ATTRIBUTES} attributes, {MAX_DEPTH} modules deep");
                    return Err(Error::new(Stage::Import, expected, "more of them", next));
                }
                match self.pickle.value(id) {
                    Value::Tensor(tensor) => drop(found.insert(format!("{prefix}{name}"), tensor)),
                    Value::Module(_) => open.push((format!("{prefix}{name}."), id, depth + 1)),
                    _ => {}
                }
            }
        }
        Ok(found)
    }

    fn tensors(&self, dict: BTreeMap<String, &Tensor>) -> Result<Tensors<'data>> {
        let mut by_name = BTreeMap::new();
        for (name, tensor) in dict {
            let view = self.view(tensor).ok_or_else(|| {
                let expected = format!("the numbers of tensor {name:?} in {DATA}{}", tensor.storage.key);
                let got = format!("none there, or too few for shape {:?}", tensor.shape);
                Error::new(Stage::Import, expected, got, "download or save the file again")
            })?;
            by_name.insert(name, view);
        }
        Ok(Tensors::new(by_name))
    }

    fn view(&self, tensor: &Tensor) -> Option<TensorView<'data>> {
        let storage = self.files.get(&format!("{DATA}{}", tensor.storage.key))?;
        let element = tensor.storage.element.clone();
        let skipped = tensor.offset.checked_mul(element.size().unwrap_or(0))?;
        TensorView::new(element, tensor.shape.clone(), tensor.strides.clone(), storage.get(skipped..)?)
    }
}

/// The files of the archive that are read, by their names below its one folder.
fn directory(bytes: &[u8]) -> Result<HashMap<String, &[u8]>> {
    let refused = |got: &dyn core::fmt::Display| {
        Error::new(Stage::Import, "a whole zip archive by torch.save", got, "download or save the file again")
    };
    let archive = ZipArchive::from_slice(bytes).map_err(|e| refused(&e))?;
    let mut files = HashMap::new();
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry().map_err(|e| refused(&e))? {
        let path = entry.file_path();
        let path = core::str::from_utf8(path.as_bytes()).map_err(|e| refused(&e))?;
        let name = path.split_once('/').map_or(path, |(_, name)| name);
        if ![PICKLE, CONSTANTS, BYTE_ORDER].contains(&name) && !name.starts_with(DATA) {
            continue;
        }
        if entry.compression_method() != CompressionMethod::STORE || entry.flags().is_encrypted() {
            return Err(refused(&format_args!("{path:?} compressed or encrypted")));
        }
        let place = archive.get_entry(entry.wayfinder()).map_err(|e| refused(&e))?.compressed_data_range();
        let data = range(place).and_then(|range| bytes.get(range));
        let data = data.ok_or_else(|| refused(&format_args!("{path:?} past the end of the file")))?;
        if files.insert(name.to_owned(), data).is_some() {
            return Err(refused(&format_args!("{path:?} twice")));
        }
    }
    Ok(files)
}

fn range((start, end): (u64, u64)) -> Option<Range<usize>> {
    Some(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
}
