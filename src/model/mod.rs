//! ONNX files: reads, checks, simplifies and writes them, through tract.

mod finite;
#[cfg(feature = "cpu")]
pub(crate) mod graph;
mod guard;
mod port;
mod proto;
pub mod write;

pub(crate) use guard::guarded;
pub use port::{Port, Tensor, Values};
pub(crate) use proto::{external_files, read_proto};

use crate::error::{Error, Result, Stage};
use proto::refused;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tract_onnx::prelude::{Datum, InferenceFact, InferenceModel, InferenceModelExt, TypedModel};
use tract_onnx::tract_hir::infer::Factoid;

/// A parsed and checked ONNX model.
#[derive(Clone, Debug)]
pub struct Model {
    path: PathBuf,
    inference: InferenceModel,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

impl Model {
    /// Reads the ONNX file at `path` and the external data beside it.
    ///
    /// # Errors
    /// Returns an error if the file is missing, cut or no ONNX, refers to a file outside its directory, or has an
    /// operator that tract does not support.
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(path, false)
    }

    /// Reads the ONNX file at `path` to run it, as [`Model::read`] does, and looks at all weights.
    ///
    /// # Errors
    /// Returns an error as [`Model::read`], or if a weight is NaN or infinite. Masks of zeros and infinities may be.
    pub fn read_with_weights(path: &Path) -> Result<Self> {
        Self::parse(path, true)
    }

    fn parse(path: &Path, is_checked: bool) -> Result<Self> {
        let proto = read_proto(path)?;
        let graph = proto.graph.as_ref().ok_or_else(|| refused(path, "no graph", "export the model again"))?;
        let weights: Vec<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
        let inputs = graph.input.iter().filter(|i| !weights.contains(&i.name.as_str())).map(Port::new).collect();
        let outputs = graph.output.iter().map(Port::new).collect();
        let directory = path.parent().unwrap_or(Path::new(".")).to_string_lossy().into_owned();
        let parsed = guarded(path, || {
            Ok(tract_onnx::onnx().with_ignore_output_shapes(true).parse(&proto, Some(&directory))?.model)
        })?;
        if is_checked {
            finite::check(path, graph, &parsed)?;
        }
        Ok(Self { path: path.to_owned(), inference: parsed, inputs, outputs })
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the inputs without a default, in order.
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// Returns the outputs, in order.
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// Returns the graph with all shapes inferred, simplified to tract's basic operators.
    ///
    /// `shapes` holds a concrete shape for each input. Keeps `outputs`, in this order, or all if it is empty.
    ///
    /// # Errors
    /// Returns an error if an input or output is missing, or a shape does not fit the graph.
    pub fn decluttered(&self, shapes: &[(&str, &[usize])], outputs: &[&str]) -> Result<TypedModel> {
        let mut model = self.inference.clone();
        for (name, shape) in shapes {
            let index = self.port_index(&self.inputs, name, "input")?;
            guarded(&self.path, || {
                let outlet = model.input_outlets()?[index];
                let datum = model.outlet_fact(outlet)?.datum_type.concretize().unwrap_or(f32::datum_type());
                model.set_input_fact(index, InferenceFact::dt_shape(datum, *shape))
            })?;
        }
        let outlet = |name: &&str| Ok(model.outputs[self.port_index(&self.outputs, name, "output")?]);
        let outlets = outputs.iter().map(outlet).collect::<Result<Vec<_>>>()?;
        if !outlets.is_empty() {
            guarded(&self.path, || model.select_output_outlets(&outlets))?;
        }
        guarded(&self.path, || model.into_typed()?.into_decluttered())
    }

    fn port_index(&self, ports: &[Port], name: &str, kind: &str) -> Result<usize> {
        ports.iter().position(|port| port.name == name).ok_or_else(|| {
            let names: Vec<&str> = ports.iter().map(|p| p.name.as_str()).collect();
            let expected = format!("an {kind} named {name:?} in {}", self.path.display());
            Error::new(Stage::Model, expected, format_args!("{names:?}"), "correct the name in the manifest")
        })
    }
}

/// Returns the number of nodes of each operator in a graph.
pub fn operators(model: &TypedModel) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for node in model.nodes() {
        *counts.entry(node.op.name().into_owned()).or_insert(0) += 1;
    }
    counts
}
