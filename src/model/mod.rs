//! ONNX files: reads, checks, simplifies and writes them, through tract.

#[cfg(feature = "cpu")]
pub(crate) mod graph;
mod guard;
pub mod write;

pub(crate) use guard::guarded;

use crate::error::{Error, Result, Stage};
use crate::file;
use prost::Message;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use tract_onnx::pb;
use tract_onnx::prelude::{Datum, DatumType, InferenceFact, InferenceModel, InferenceModelExt, TypedModel};
use tract_onnx::tract_hir::infer::Factoid;

/// The largest ONNX file that is read, in bytes: protobuf's limit. Larger weights must be external data.
const MAX_FILE: u64 = 1 << 31;
/// The most axes of a tensor.
const MAX_RANK: u64 = 64;
/// The largest size of an axis.
const MAX_SIZE: u64 = 1 << 31;

/// A parsed and checked ONNX model.
#[derive(Clone, Debug)]
pub struct Model {
    path: PathBuf,
    inference: InferenceModel,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

/// An input or output of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Name in the graph.
    pub name: String,
    /// Element type, as ONNX names it (`FLOAT`, `INT64`).
    pub element: String,
    /// Axes: a size, the name of a symbolic size (`batch`), or `?` if the file declares neither.
    pub axes: Vec<String>,
}

impl Port {
    /// Returns whether a tensor of this shape fits the declared axes.
    pub fn admits(&self, shape: &[usize]) -> bool {
        let fits = |(axis, size): (&String, &usize)| axis.parse().map_or(true, |fixed: usize| fixed == *size);
        self.axes.len() == shape.len() && self.axes.iter().zip(shape).all(fits)
    }

    /// Returns the declared shape, with 1 for every axis without a size.
    pub fn smallest_shape(&self) -> Vec<usize> {
        self.axes.iter().map(|axis| axis.parse().unwrap_or(1)).collect()
    }
}

/// A row-major tensor.
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
    /// Returns an error if the file is missing, cut or no ONNX, refers to a file outside its directory, or has an
    /// operator that tract does not support.
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

/// Reads and decodes the protobuf and checks its external data, tensors and nodes.
pub(crate) fn read_proto(path: &Path) -> Result<pb::ModelProto> {
    let size = std::fs::metadata(path).map_err(|e| refused(path, &e, "check the path").with_source(e))?.len();
    if size == 0 {
        return Err(refused(path, "an empty file", "copy or export it again"));
    }
    if size > MAX_FILE {
        return Err(refused(path, format_args!("{size} bytes"), "keep big weights as external data"));
    }
    let bytes = std::fs::read(path).map_err(|e| refused(path, &e, "check the path").with_source(e))?;
    let proto = pb::ModelProto::decode(bytes.as_slice())
        .map_err(|e| refused(path, &e, "copy or export it again: it is cut or no ONNX").with_source(e))?;
    for tensor in proto.graph.iter().flat_map(|graph| &graph.initializer) {
        check_external(path, tensor)?;
        check_length(path, tensor)?;
    }
    proto.graph.iter().flat_map(|graph| &graph.node).try_for_each(|node| check_node(path, node))?;
    proto.graph.iter().try_for_each(|graph| check_order(path, graph))?;
    Ok(proto)
}

/// Checks that the numbers of a node are possible sizes of a tensor, because tract loops up to them.
fn check_node(path: &Path, node: &pb::NodeProto) -> Result<()> {
    for attribute in &node.attribute {
        let inner = attribute.g.iter().flat_map(|graph| &graph.initializer);
        if inner.chain(&attribute.t).any(|tensor| !tensor.external_data.is_empty()) {
            let got = format!("external data inside node {:?}", node.name);
            return Err(refused(path, got, "export the model with its weights as initializers of the graph"));
        }
        attribute.g.iter().flat_map(|graph| &graph.node).try_for_each(|node| check_node(path, node))?;
        let is_axis = matches!(attribute.name.as_str(), "axis" | "axes" | "perm");
        let most = if is_axis { MAX_RANK } else { MAX_SIZE };
        // The largest and smallest integers mean "to the end"; as an axis they are invalid.
        let is_sentinel = |number: i64| !is_axis && (number == i64::MAX || number == i64::MIN);
        let mut numbers = attribute.ints.iter().chain(std::iter::once(&attribute.i));
        if let Some(bad) = numbers.find(|&&number| number.unsigned_abs() > most && !is_sentinel(number)) {
            let got = format!("{bad} as {} of node {:?}", attribute.name, node.name);
            return Err(refused(path, got, "the file is damaged: copy or export it again"));
        }
    }
    Ok(())
}

/// Checks that every node comes after its inputs and that no two nodes have one output, as ONNX requires.
fn check_order(path: &Path, graph: &pb::GraphProto) -> Result<()> {
    let inputs = graph.input.iter().map(|input| input.name.as_str());
    let mut known: HashSet<&str> = inputs.chain(graph.initializer.iter().map(|tensor| tensor.name.as_str())).collect();
    for node in &graph.node {
        if let Some(early) = node.input.iter().find(|name| !name.is_empty() && !known.contains(name.as_str())) {
            let got = format!("node {:?}, whose input {early:?} no earlier node makes", node.name);
            return Err(refused(path, got, "the file is damaged: copy or export it again"));
        }
        for output in node.output.iter().filter(|name| !name.is_empty()) {
            if !known.insert(output) {
                let got = format!("node {:?}, which makes {output:?} a second time", node.name);
                return Err(refused(path, got, "the file is damaged: copy or export it again"));
            }
        }
    }
    Ok(())
}

/// Checks that external data is a plain file name beside the model, and that the file is long enough.
fn check_external(path: &Path, tensor: &pb::TensorProto) -> Result<()> {
    let again = "copy the model with its external data again";
    let Some(location) = external(tensor, "location") else { return Ok(()) };
    if !file::stays_inside(location) {
        let got = format!("tensor {:?} at {location:?}", tensor.name);
        return Err(refused(path, got, "external data must lie beside the model"));
    }
    let number = |key: &str| external(tensor, key).and_then(|value| value.parse::<u64>().ok()).unwrap_or(0);
    let size = std::fs::metadata(path.with_file_name(location));
    let size = size.map_err(|e| refused(path, format_args!("{location}: {e}"), again).with_source(e))?.len();
    if number("offset").checked_add(number("length")).is_none_or(|end| end > size) {
        let got = format!("tensor {:?} past the end of {location}, which has {size} bytes", tensor.name);
        return Err(refused(path, got, again));
    }
    Ok(())
}

/// Returns the entry `key` of a tensor's external data.
fn external<'a>(tensor: &'a pb::TensorProto, key: &str) -> Option<&'a str> {
    tensor.external_data.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str())
}

/// Returns the names of the external data files of the ONNX file `path`.
///
/// # Errors
/// Returns an error if [`Model::read`] does.
pub(crate) fn external_files(path: &Path) -> Result<BTreeSet<String>> {
    let proto = read_proto(path)?;
    let tensors = proto.graph.iter().flat_map(|graph| &graph.initializer);
    Ok(tensors.filter_map(|tensor| external(tensor, "location")).map(str::to_owned).collect())
}

/// Checks that inline data has the length of its shape.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, number: i64) -> Result<()> {
        let attribute = pb::AttributeProto { name: name.to_owned(), i: number, ..Default::default() };
        check_node(Path::new("x.onnx"), &pb::NodeProto { attribute: vec![attribute], ..Default::default() })
    }

    #[test]
    fn an_axis_past_the_highest_rank_is_refused() {
        assert!(check("axis", -1).is_ok() && check("axis", 3).is_ok());
        assert!(
            check("axis", 1 << 40).is_err() && check("axis", i64::MIN).is_err() && check("axis", i64::MAX).is_err()
        );
    }

    #[test]
    fn a_size_past_any_tensor_is_refused_unless_it_means_to_the_end() {
        assert!(check("ends", i64::MAX).is_ok());
        assert!(check("ends", 1 << 40).is_err());
    }

    #[test]
    fn a_port_admits_its_fixed_sizes_and_any_size_of_a_symbolic_axis() {
        let axes = ["batch", "3", "?"].map(str::to_owned).to_vec();
        let port = Port { name: "x".to_owned(), element: "FLOAT".to_owned(), axes };
        assert!(port.admits(&[7, 3, 9]));
        assert!(!port.admits(&[7, 4, 9]) && !port.admits(&[7, 3]));
    }
}
