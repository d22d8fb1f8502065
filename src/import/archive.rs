//! Zip archives by `torch.save`: `data.pkl` describes the tensors, and stored files hold their numbers.

use super::pickle::{Namespace, Pickle, PickleValue, PickledTensor, ValueId};
use super::tensors::{TensorView, Tensors};
use crate::error::{Error, Result, Stage};
use rawzip::{CompressionMethod, ZipArchive};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// File that describes the tensors.
const PICKLE: &str = "data.pkl";
/// File that only TorchScript archives have.
const CONSTANTS: &str = "constants.pkl";
/// File with the byte order, in newer archives.
const BYTE_ORDER: &str = "byteorder";
/// Folder of the numbers.
const DATA: &str = "data/";
/// Keys under which training code stores a state dict.
const NESTED: [&str; 3] = ["state_dict", "model_state_dict", "model"];
/// Key of ActionCLIP's temporal transformer.
const TEMPORAL: &str = "fusion_model_state_dict";
/// The deepest module of a TorchScript archive.
const MAX_DEPTH: usize = 32;
/// The most modules and attributes of a TorchScript archive.
const MAX_ATTRIBUTES: usize = 1 << 17;

/// An archive: its files and the parsed `data.pkl`.
#[derive(Debug)]
pub struct Archive<'data> {
    files: HashMap<String, &'data [u8]>,
    pickle: Pickle,
    namespace: Namespace,
}

impl<'data> Archive<'data> {
    /// Reads the archive's directory and its pickle; copies no tensors.
    ///
    /// # Errors
    /// Returns an error if the archive is cut, compressed, big-endian or not by PyTorch, or [`Pickle::parse`] fails.
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

    /// Returns whether the archive also holds a program, which is not read.
    pub fn is_torch_script(&self) -> bool {
        self.namespace == Namespace::TorchScript
    }

    /// Returns the weights: the state dict itself, a nested one, or the parameters of a TorchScript program.
    ///
    /// # Errors
    /// Returns an error if there are no weights, or a tensor is larger than its file.
    pub fn weights(&self) -> Result<Tensors<'data>> {
        if self.is_torch_script() {
            return self.tensors(self.parameters()?);
        }
        let root = self.pickle.root();
        let top_level = self.state_dict(root);
        if !top_level.is_empty() {
            return self.tensors(top_level);
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

    /// Returns the weights of ActionCLIP's temporal transformer, if the checkpoint has one.
    ///
    /// # Errors
    /// Returns an error if a tensor is larger than its file.
    pub fn temporal(&self) -> Result<Option<Tensors<'data>>> {
        let temporal = self.entry(TEMPORAL).map(|id| self.state_dict(id)).filter(|dict| !dict.is_empty());
        temporal.map(|dict| self.tensors(dict)).transpose()
    }

    fn entry(&self, key: &str) -> Option<ValueId> {
        self.pickle.named(self.pickle.root()).filter(|(name, _)| *name == key).map(|(_, id)| id).last()
    }

    /// Returns the tensors of a dictionary; its other values hold no weights.
    fn state_dict(&self, id: ValueId) -> BTreeMap<String, &PickledTensor> {
        let tensor = |(name, id): (&str, ValueId)| match self.pickle.value(id) {
            PickleValue::Tensor(tensor) => Some((name.to_owned(), tensor)),
            _ => None,
        };
        self.pickle.named(id).filter_map(tensor).collect()
    }

    /// Returns the tensors of all modules of a TorchScript archive, named by their paths from the root.
    fn parameters(&self) -> Result<BTreeMap<String, &PickledTensor>> {
        let mut found = BTreeMap::new();
        let mut attributes = 0;
        let mut open = vec![(String::new(), self.pickle.root(), 0)];
        while let Some((prefix, module, depth)) = open.pop() {
            for (name, id) in self.pickle.named(module) {
                attributes += 1;
                if attributes > MAX_ATTRIBUTES || depth > MAX_DEPTH {
                    let next = "use a state dict: torch.save(torch.jit.load(FILE).state_dict(), NEW)";
                    let expected = format!("at most {MAX_ATTRIBUTES} attributes, {MAX_DEPTH} modules deep");
                    return Err(Error::new(Stage::Import, expected, "more of them", next));
                }
                match self.pickle.value(id) {
                    PickleValue::Tensor(tensor) => drop(found.insert(format!("{prefix}{name}"), tensor)),
                    PickleValue::Module(_) => open.push((format!("{prefix}{name}."), id, depth + 1)),
                    _ => {}
                }
            }
        }
        Ok(found)
    }

    fn tensors(&self, dict: BTreeMap<String, &PickledTensor>) -> Result<Tensors<'data>> {
        let mut by_name = BTreeMap::new();
        for (name, tensor) in dict {
            let view = self.view(tensor).ok_or_else(|| {
                let expected = format!("the numbers of tensor {name:?} in {DATA}{}", tensor.storage.key);
                let got = format!("no numbers, or too few for shape {:?}", tensor.shape);
                Error::new(Stage::Import, expected, got, "download or save the file again")
            })?;
            by_name.insert(name, view);
        }
        Ok(Tensors::new(by_name))
    }

    fn view(&self, tensor: &PickledTensor) -> Option<TensorView<'data>> {
        let storage = self.files.get(&format!("{DATA}{}", tensor.storage.key))?;
        let element = tensor.storage.element.clone();
        let skipped = tensor.offset.checked_mul(element.size().unwrap_or(0))?;
        TensorView::new(element, tensor.shape.clone(), tensor.strides.clone(), storage.get(skipped..)?)
    }
}

/// Returns the needed files of the archive, by their names below its one folder.
fn directory(bytes: &[u8]) -> Result<HashMap<String, &[u8]>> {
    let refused = |got: &dyn core::fmt::Display| {
        Error::new(Stage::Import, "a whole zip archive by torch.save", got, "download or save the file again")
    };
    let archive = ZipArchive::from_slice(bytes).map_err(|e| refused(&e).with_source(e))?;
    let mut files = HashMap::new();
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry().map_err(|e| refused(&e).with_source(e))? {
        let path = entry.file_path();
        let path = core::str::from_utf8(path.as_bytes()).map_err(|e| refused(&e).with_source(e))?;
        let name = path.split_once('/').map_or(path, |(_, name)| name);
        if ![PICKLE, CONSTANTS, BYTE_ORDER].contains(&name) && !name.starts_with(DATA) {
            continue;
        }
        if entry.compression_method() != CompressionMethod::STORE || entry.flags().is_encrypted() {
            return Err(refused(&format_args!("{path:?} compressed or encrypted")));
        }
        let bounds =
            archive.get_entry(entry.wayfinder()).map_err(|e| refused(&e).with_source(e))?.compressed_data_range();
        let data = range(bounds).and_then(|range| bytes.get(range));
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
