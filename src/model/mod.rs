//! ONNX files: parse, check, infer shapes, declutter, and write. With the CPU engine, the one part that speaks tract.

pub(crate) mod graph;
pub mod write;

use crate::error::{Error, Result, Stage};
use prost::Message;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Component, Path, PathBuf};
use tract_onnx::pb;
use tract_onnx::prelude::{
    Datum, DatumType, InferenceFact, InferenceModel, InferenceModelExt, TractResult, TypedModel,
};
use tract_onnx::tract_hir::infer::Factoid;

/// The largest ONNX file that is read into memory; protobuf's own limit. Bigger weights are external data.
const MAX_FILE: u64 = 1 << 31;

/// An ONNX model: parsed, its files checked, its inputs and outputs known.
#[derive(Clone, Debug)]
pub struct Model {
    path: PathBuf,
    inference: InferenceModel,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

/// A named input or output and its declared axes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Name in the graph.
    pub name: String,
    /// Element type, as ONNX names it (`FLOAT`, `INT64`).
    pub element: String,
    /// Axes: a size, or the name of a symbolic one (`batch`), `?` where nothing is said.
    pub axes: Vec<String>,
}

impl Port {
    /// The declared shape with 1 for every axis that has no size.
    pub fn smallest_shape(&self) -> Vec<usize> {
        self.axes.iter().map(|axis| axis.parse().unwrap_or(1)).collect()
    }
}

/// Numbers with a shape, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Sizes of the axes.
    pub shape: Vec<usize>,
    /// The numbers.
    pub values: Values,
}

/// The numbers of a [`Tensor`].
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// 32-bit floats.
    F32(Vec<f32>),
    /// 64-bit integers.
    I64(Vec<i64>),
}

impl core::fmt::Display for Port {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} {} [{}]", self.name, self.element, self.axes.join(", "))
    }
}

impl Model {
    /// Reads the ONNX file at `path` and the external data beside it.
    ///
    /// # Errors
    /// When the file is not there, is cut or no ONNX, reaches outside its directory, or holds an operator that
    /// tract does not know.
    pub fn read(path: &Path) -> Result<Self> {
        let proto = read_proto(path)?;
        let graph = proto.graph.as_ref().ok_or_else(|| refused(path, "no graph", "export the model again"))?;
        let weights: Vec<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
        let inputs = graph.input.iter().filter(|i| !weights.contains(&i.name.as_str())).map(port).collect();
        let outputs = graph.output.iter().map(port).collect();
        let directory = path.parent().unwrap_or(Path::new(".")).to_string_lossy().into_owned();
        let parsed = guarded(path, || {
            Ok(tract_onnx::onnx().with_ignore_output_shapes(true).parse(&proto, Some(&directory))?.model)
        })?;
        Ok(Self { path: path.to_owned(), inference: parsed, inputs, outputs })
    }

    /// The file it came from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Inputs that have to be given, in order.
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// Outputs, in order.
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// The graph with every shape inferred and decluttered: small, backend-neutral operators.
    ///
    /// `shapes` holds one concrete shape an input; `output` keeps only that output.
    ///
    /// # Errors
    /// When an input or output is not there, or a shape does not fit the graph.
    pub fn decluttered(&self, shapes: &[(&str, &[usize])], output: Option<&str>) -> Result<TypedModel> {
        let mut model = self.inference.clone();
        for (name, shape) in shapes {
            let index = self.place(&self.inputs, name, "input")?;
            guarded(&self.path, || {
                let outlet = model.input_outlets()?[index];
                let datum = model.outlet_fact(outlet)?.datum_type.concretize().unwrap_or(f32::datum_type());
                model.set_input_fact(index, InferenceFact::dt_shape(datum, *shape))
            })?;
        }
        if let Some(name) = output {
            let outlet = model.outputs[self.place(&self.outputs, name, "output")?];
            guarded(&self.path, || model.select_output_outlets(&[outlet]))?;
        }
        guarded(&self.path, || model.into_typed()?.into_decluttered())
    }

    fn place(&self, ports: &[Port], name: &str, kind: &str) -> Result<usize> {
        ports.iter().position(|port| port.name == name).ok_or_else(|| {
            let there: Vec<&str> = ports.iter().map(|p| p.name.as_str()).collect();
            let expected = format!("an {kind} named {name:?} in {}", self.path.display());
            Error::new(Stage::Model, expected, format_args!("{there:?}"), "correct the name in the manifest")
        })
    }
}

/// How many nodes of each operator a graph has.
pub fn operators(model: &TypedModel) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for node in model.nodes() {
        *counts.entry(node.op.name().into_owned()).or_insert(0) += 1;
    }
    counts
}

/// Reads and decodes the protobuf, and checks that its external data lies beside it.
pub(crate) fn read_proto(path: &Path) -> Result<pb::ModelProto> {
    let size = std::fs::metadata(path).map_err(|e| refused(path, e, "check the path"))?.len();
    if size == 0 || size > MAX_FILE {
        return Err(refused(path, format_args!("{size} bytes"), "keep big weights as external data"));
    }
    let bytes = std::fs::read(path).map_err(|e| refused(path, e, "check the path"))?;
    let proto = pb::ModelProto::decode(bytes.as_slice())
        .map_err(|e| refused(path, e, "the file is cut or no ONNX: copy or export it again"))?;
    let graph = proto.graph.iter().flat_map(|graph| &graph.initializer);
    for tensor in graph {
        check_external(path, tensor)?;
        check_length(path, tensor)?;
    }
    Ok(proto)
}

/// External data is a plain file name beside the model.
fn check_external(path: &Path, tensor: &pb::TensorProto) -> Result<()> {
    for entry in tensor.external_data.iter().filter(|entry| entry.key == "location") {
        let plain = Path::new(&entry.value).components().all(|part| matches!(part, Component::Normal(_)));
        if !plain || entry.value.is_empty() {
            let got = format!("tensor {:?} at {:?}", tensor.name, entry.value);
            return Err(refused(path, got, "external data must lie beside the model"));
        }
    }
    Ok(())
}

/// Inline data has the length that its shape says.
fn check_length(path: &Path, tensor: &pb::TensorProto) -> Result<()> {
    let elements = tensor.dims.iter().try_fold(1u64, |product, &d| product.checked_mul(u64::try_from(d).ok()?));
    let width = DatumType::try_from(pb::tensor_proto::DataType::try_from(tensor.data_type).unwrap_or_default());
    let fits = match (elements, width) {
        (Some(elements), Ok(datum)) if !tensor.raw_data.is_empty() => {
            elements.checked_mul(datum.size_of() as u64) == Some(tensor.raw_data.len() as u64)
        }
        (Some(_), _) => true,
        (None, _) => false,
    };
    if fits {
        return Ok(());
    }
    let got = format!("tensor {:?} of shape {:?} in {} bytes", tensor.name, tensor.dims, tensor.raw_data.len());
    Err(refused(path, got, "the file is damaged: copy or export it again"))
}

/// Runs what may fail or panic on a damaged graph, and turns both into an error that names the file.
pub(crate) fn guarded<T>(path: &Path, body: impl FnOnce() -> TractResult<T>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(refused(path, format_args!("{error:#}"), "export the model with opset 17 or lower")),
        Err(_) => Err(refused(path, "a graph that cannot be read", "the file is damaged: copy or export it again")),
    }
}

fn refused(path: &Path, got: impl core::fmt::Display, next: &str) -> Error {
    Error::new(Stage::Model, "an ONNX model", format_args!("{}: {got}", path.display()), next)
}

fn port(info: &pb::ValueInfoProto) -> Port {
    let tensor = info.r#type.as_ref().and_then(|kind| kind.value.as_ref());
    let tensor = tensor.map(|pb::type_proto::Value::TensorType(tensor)| tensor);
    let element = tensor.and_then(|t| pb::tensor_proto::DataType::try_from(t.elem_type).ok()).unwrap_or_default();
    let dims = tensor.and_then(|t| t.shape.as_ref()).map(|shape| shape.dim.as_slice()).unwrap_or_default();
    let axis = |dim: &pb::tensor_shape_proto::Dimension| match &dim.value {
        Some(pb::tensor_shape_proto::dimension::Value::DimValue(size)) => size.to_string(),
        Some(pb::tensor_shape_proto::dimension::Value::DimParam(name)) => name.clone(),
        None => "?".to_owned(),
    };
    Port { name: info.name.clone(), element: element.as_str_name().to_owned(), axes: dims.iter().map(axis).collect() }
}
