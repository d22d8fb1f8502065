//! Label files and `labels.safetensors`: class names with their text embeddings.

use crate::error::{Error, Result, Stage};
use crate::printable::is_control;
use crate::zeroshot::{LabelBank, TemplateFusion, TextEmbeds};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::HashMap;
use std::path::Path;

/// The most classes of a bank.
pub const MAX_LABELS: usize = 100_000;
/// The longest class name in bytes; a prompt has 77 tokens.
pub const MAX_NAME: usize = 1_000;
/// The largest label file that is read, in bytes.
const MAX_LABEL_FILE: u64 = (MAX_LABELS as u64) * (MAX_NAME as u64 + 2);

/// Reads a label file: one class name a line; blank lines are skipped.
///
/// # Errors
/// Returns an error if the file cannot be read, is not UTF-8, or [`parse_names`] fails.
pub fn read_names(path: &Path) -> Result<Vec<String>> {
    let unreadable =
        |e: std::io::Error| bad_names(e.to_string(), "pass a UTF-8 text file").with_source(e).at(path.display());
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > MAX_LABEL_FILE {
        return Err(bad_names(format!("{size} bytes"), "split the classes over several bundles").at(path.display()));
    }
    let text = crate::text_file::read(path).map_err(unreadable)?;
    parse_names(&text).map_err(|e| e.at(path.display()))
}

/// Parses class names, one a line; blank lines are skipped.
///
/// # Errors
/// Returns an error if there are no names or too many, or a name is too long, repeated, or has control characters.
pub fn parse_names(text: &str) -> Result<Vec<String>> {
    let text = text.trim_start_matches('\u{feff}');
    let lines = text.lines().enumerate().map(|(i, line)| (i + 1, line.trim())).filter(|(_, name)| !name.is_empty());
    let mut first_lines = HashMap::new();
    let mut names = Vec::new();
    for (line, name) in lines {
        if name.len() > MAX_NAME {
            let got = format!("line {line} of {} bytes", name.len());
            return Err(bad_names(got, "shorten it, because a prompt has 77 tokens"));
        }
        if let Some(control) = name.chars().find(|&character| is_control(character)) {
            let got = format!("the control character U+{:04X} on line {line}", u32::from(control));
            return Err(bad_names(got, "remove it: names are shown on terminals"));
        }
        if let Some(first) = first_lines.insert(name, line) {
            return Err(bad_names(format!("{name:?} on lines {first} and {line}"), "remove one"));
        }
        names.push(name.to_owned());
    }
    match names.len() {
        0 => Err(bad_names("no name".to_owned(), "add the actions to recognise")),
        1..=MAX_LABELS => Ok(names),
        more => Err(bad_names(format!("{more} names"), "keep at most 100000")),
    }
}

fn bad_names(got: String, next: &str) -> Error {
    Error::new(Stage::LabelBank, "one class name a line, each once", got, next)
}

/// The contents of `labels.safetensors`: class names, and a text embedding for every class and template.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelFile {
    /// Class names.
    pub names: Vec<String>,
    /// Prompts with `{}` for the class name.
    pub templates: Vec<String>,
    /// Elements of one embedding.
    pub dimension: usize,
    /// Text embeddings [classes, templates, dimension], not normalised.
    pub embeddings: Vec<f32>,
    /// ln of the factor on cosines.
    pub logit_scale: f32,
}

impl LabelFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read or [`LabelFile::parse`] fails.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| caused(e).at(path.display()))?;
        Self::parse(&bytes).map_err(|e| e.at(path.display()))
    }

    /// Parses the bytes of a `labels.safetensors`.
    ///
    /// # Errors
    /// Returns an error if the bytes are cut or no label file, or the sizes do not agree.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(caused)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(caused)?;
        let list = |key: &str| -> Result<Vec<String>> {
            let json = header.metadata().as_ref().and_then(|metadata| metadata.get(key));
            let json = json.ok_or_else(|| refused(format!("no metadata {key:?}")))?;
            serde_json::from_str(json).map_err(|e| refused(format!("metadata {key:?}: {e}")).with_source(e))
        };
        let (names, templates) = (list("labels")?, list("templates")?);
        if let Some(name) = names.iter().find(|name| name.chars().any(is_control)) {
            return Err(refused(format!("the label {name:?} with a control character")));
        }
        let embeddings = tensors.tensor("embeddings").map_err(caused)?;
        let scale = tensors.tensor("logit_scale").map_err(caused)?;
        let &[classes, per_class, dimension] = embeddings.shape() else {
            return Err(refused(format!("embeddings of shape {:?}", embeddings.shape())));
        };
        if classes != names.len() || per_class != templates.len() {
            let got = format!("{classes}x{per_class} embeddings of {}x{} prompts", names.len(), templates.len());
            return Err(refused(got));
        }
        let logit_scale = floats(&scale)?.first().copied().ok_or_else(|| refused("an empty logit_scale"))?;
        Ok(Self { names, templates, dimension, embeddings: floats(&embeddings)?, logit_scale })
    }

    /// Returns the bytes of the file.
    ///
    /// # Errors
    /// Returns an error if the sizes do not agree.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let shape = vec![self.names.len(), self.templates.len(), self.dimension];
        let bytes: Vec<u8> = self.embeddings.iter().flat_map(|v| v.to_le_bytes()).collect();
        let scale = self.logit_scale.to_le_bytes();
        let tensors = [
            ("embeddings", TensorView::new(Dtype::F32, shape, &bytes).map_err(caused)?),
            ("logit_scale", TensorView::new(Dtype::F32, vec![1], &scale).map_err(caused)?),
        ];
        let json = |list: &Vec<String>| serde_json::to_string(list).map_err(caused);
        let metadata = HashMap::from([
            ("labels".to_owned(), json(&self.names)?),
            ("templates".to_owned(), json(&self.templates)?),
        ]);
        safetensors::serialize(tensors, Some(metadata)).map_err(caused)
    }

    /// Creates the label bank of these embeddings.
    ///
    /// # Errors
    /// Returns an error if [`LabelBank::new`] does.
    pub fn into_bank(self, fusion: TemplateFusion) -> Result<LabelBank> {
        let embeds = TextEmbeds { values: &self.embeddings, templates: self.templates.len(), dim: self.dimension };
        LabelBank::new(self.names, embeds, self.logit_scale, fusion)
    }
}

fn floats(tensor: &TensorView<'_>) -> Result<Vec<f32>> {
    if tensor.dtype() != Dtype::F32 {
        return Err(refused(format!("element type {:?}", tensor.dtype())));
    }
    Ok(tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
}

fn refused(got: impl core::fmt::Display) -> Error {
    let next = "make it again with `figureground labels`";
    Error::new(Stage::LabelBank, "labels.safetensors with names, templates, embeddings and logit_scale", got, next)
}

fn caused(error: impl core::error::Error + Send + Sync + 'static) -> Error {
    refused(&error).with_source(error)
}
