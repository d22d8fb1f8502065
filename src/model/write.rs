//! Writes ONNX files: adds node by node and streams large weights to a file beside the model.

use crate::error::{Error, Result, Stage};
use prost::Message;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use tract_onnx::pb;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};

/// The ONNX operator set that is written: the first with LayerNormalization, which every runtime loads.
const OPSET: i64 = 17;
/// The file format version that goes with [`OPSET`].
const IR_VERSION: i64 = 8;
/// Weights of at least this many bytes are stored in the external data file.
const EXTERNAL_FROM: usize = 1024;
/// Alignment of external weights in bytes, for memory mapping.
const ALIGNMENT: u64 = 64;

/// One axis of an input or output: a size, or a name such as `batch`.
#[derive(Clone, Copy, Debug)]
pub enum Axis {
    /// A fixed size.
    Size(usize),
    /// A symbolic size.
    Named(&'static str),
}

/// Element type of an input or output.
#[derive(Clone, Copy, Debug)]
pub enum Element {
    /// 32-bit float.
    F32,
    /// 64-bit integer (token ids).
    I64,
}

impl Element {
    /// Returns ONNX's name of the type.
    pub fn name(self) -> &'static str {
        match self {
            Element::F32 => "FLOAT",
            Element::I64 => "INT64",
        }
    }
}

/// Number format of the weights in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WeightPrecision {
    /// 32-bit float.
    #[default]
    F32,
    /// 16-bit float, cast to 32 bit when the model is loaded. Vectors and tensors with larger numbers stay 32-bit.
    F16,
}

/// The value of a node's attribute.
#[derive(Clone, Debug)]
pub enum Attribute<'a> {
    /// An integer.
    Int(i64),
    /// A float.
    Float(f32),
    /// A list of integers.
    Ints(&'a [i64]),
}

/// The name of a value in the graph: a node's output, an input or a weight.
pub type ValueName = String;

/// Writer of one ONNX file. The file does not exist until [`GraphWriter::finish`] writes it.
#[derive(Debug)]
pub struct GraphWriter {
    path: PathBuf,
    data: ExternalData,
    precision: WeightPrecision,
    graph: pb::GraphProto,
}

/// The file beside an ONNX file with its large weights: `vision.onnx.data`.
#[derive(Debug)]
pub(crate) struct ExternalData {
    path: PathBuf,
    name: String,
    file: BufWriter<File>,
    offset: u64,
}

impl ExternalData {
    /// Creates the data file of the ONNX file `path`.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let name = format!("{}.data", path.file_name().unwrap_or_default().to_string_lossy());
        let path = path.with_file_name(&name);
        let file = File::create(&path).map_err(|e| write_failed(&path, e))?;
        Ok(Self { path, name, file: BufWriter::with_capacity(1 << 20, file), offset: 0 })
    }

    /// Stores the bytes of `tensor`: small ones inline, large ones in the file.
    pub(crate) fn store(&mut self, tensor: &mut pb::TensorProto, bytes: Vec<u8>) -> Result<()> {
        if bytes.len() < EXTERNAL_FROM {
            tensor.raw_data = bytes;
            return Ok(());
        }
        let offset = self.append(&bytes).map_err(|e| write_failed(&self.path, e))?;
        tensor.data_location = Some(DataLocation::External as i32);
        tensor.external_data =
            [("location", self.name.clone()), ("offset", offset.to_string()), ("length", bytes.len().to_string())]
                .map(|(key, value)| pb::StringStringEntryProto { key: key.to_owned(), value })
                .to_vec();
        Ok(())
    }

    /// Flushes the buffer.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.file.flush().map_err(|e| write_failed(&self.path, e))
    }

    /// Appends `bytes` at the next aligned offset and returns the offset.
    fn append(&mut self, bytes: &[u8]) -> std::io::Result<u64> {
        let start = self.offset.next_multiple_of(ALIGNMENT);
        self.file.write_all(&[0; ALIGNMENT as usize][..(start - self.offset) as usize])?;
        self.file.write_all(bytes)?;
        self.offset = start + bytes.len() as u64;
        Ok(start)
    }
}

/// Returns whether 16-bit floats can hold all `values`.
pub(crate) fn fits_f16(values: &[f32]) -> bool {
    values.iter().all(|v| v.abs() <= half::f16::MAX.to_f32())
}

/// Returns `values` as the bytes of 16-bit floats.
pub(crate) fn halved(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| half::f16::from_f32(*v).to_le_bytes()).collect()
}

impl GraphWriter {
    /// Creates a writer of the file `path` (`vision.onnx`) with its weights in `path` + `.data`.
    ///
    /// # Errors
    /// Returns an error if the data file cannot be created.
    pub fn create(path: &Path, precision: WeightPrecision) -> Result<Self> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let graph = pb::GraphProto { name, ..Default::default() };
        Ok(Self { path: path.to_owned(), data: ExternalData::create(path)?, precision, graph })
    }

    /// Declares a graph input.
    pub fn input(&mut self, name: &str, element: Element, axes: &[Axis]) -> ValueName {
        self.graph.input.push(value_info(name, element, axes));
        name.to_owned()
    }

    /// Declares `value` a graph output.
    pub fn output(&mut self, value: &str, element: Element, axes: &[Axis]) {
        self.graph.output.push(value_info(value, element, axes));
    }

    /// Adds a float weight of `dims`, row-major.
    ///
    /// # Errors
    /// Returns an error if the data file cannot be written.
    pub fn weight(&mut self, name: &str, dims: &[usize], values: &[f32]) -> Result<ValueName> {
        if self.precision == WeightPrecision::F16 && dims.len() > 1 && fits_f16(values) {
            let stored = format!("{name}.f16");
            self.initializer(&stored, DataType::Float16, dims, halved(values))?;
            let cast = [("to", Attribute::Int(DataType::Float as i64))];
            return Ok(self.named_node(name, "Cast", &[&stored], &cast));
        }
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.initializer(name, DataType::Float, dims, bytes)
    }

    /// Adds a small list of integers (a shape, axes, pads).
    ///
    /// # Errors
    /// Returns an error if the data file cannot be written.
    pub fn integers(&mut self, name: &str, values: &[i64]) -> Result<ValueName> {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.initializer(name, DataType::Int64, &[values.len()], bytes)
    }

    /// Adds one integer without axes (an index).
    ///
    /// # Errors
    /// Returns an error if the data file cannot be written.
    pub fn scalar_index(&mut self, name: &str, value: i64) -> Result<ValueName> {
        self.initializer(name, DataType::Int64, &[], value.to_le_bytes().to_vec())
    }

    /// Adds a float scalar.
    ///
    /// # Errors
    /// Returns an error if the data file cannot be written.
    pub fn scalar(&mut self, name: &str, value: f32) -> Result<ValueName> {
        self.initializer(name, DataType::Float, &[], value.to_le_bytes().to_vec())
    }

    /// Adds a node whose one output has the node's name.
    pub fn named_node(
        &mut self,
        name: &str,
        operator: &str,
        inputs: &[&str],
        attributes: &[(&str, Attribute<'_>)],
    ) -> ValueName {
        self.graph.node.push(pb::NodeProto {
            name: name.to_owned(),
            op_type: operator.to_owned(),
            input: inputs.iter().map(|&i| i.to_owned()).collect(),
            output: vec![name.to_owned()],
            attribute: attributes.iter().map(|(name, value)| attribute_proto(name, value)).collect(),
            ..Default::default()
        });
        name.to_owned()
    }

    /// Writes the file.
    ///
    /// # Errors
    /// Returns an error if a file cannot be written.
    pub fn finish(self) -> Result<()> {
        self.data.finish()?;
        write_model(&self.path, self.graph)
    }

    fn initializer(&mut self, name: &str, data_type: DataType, dims: &[usize], bytes: Vec<u8>) -> Result<ValueName> {
        let mut tensor = pb::TensorProto {
            name: name.to_owned(),
            data_type: data_type as i32,
            dims: dims.iter().map(|&d| d as i64).collect(),
            ..Default::default()
        };
        self.data.store(&mut tensor, bytes)?;
        self.graph.initializer.push(tensor);
        Ok(name.to_owned())
    }
}

/// Writes `graph` as the ONNX file `path`.
fn write_model(path: &Path, graph: pb::GraphProto) -> Result<()> {
    let model = pb::ModelProto {
        ir_version: IR_VERSION,
        opset_import: vec![pb::OperatorSetIdProto { domain: String::new(), version: OPSET }],
        producer_name: "figureground".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(graph),
        ..Default::default()
    };
    std::fs::write(path, model.encode_to_vec()).map_err(|e| write_failed(path, e))
}

pub(crate) fn write_failed(path: &Path, error: std::io::Error) -> Error {
    let next = crate::file::after_failed_write(path, &error);
    Error::caused(Stage::Import, format_args!("write access to {}", path.display()), error, next)
}

fn value_info(name: &str, element: Element, axes: &[Axis]) -> pb::ValueInfoProto {
    let data_type = match element {
        Element::F32 => DataType::Float,
        Element::I64 => DataType::Int64,
    };
    let dim = |axis: &Axis| Dimension {
        value: Some(match axis {
            Axis::Size(size) => dimension::Value::DimValue(*size as i64),
            Axis::Named(name) => dimension::Value::DimParam((*name).to_owned()),
        }),
        ..Default::default()
    };
    let shape = pb::TensorShapeProto { dim: axes.iter().map(dim).collect() };
    let tensor = pb::type_proto::Tensor { elem_type: data_type as i32, shape: Some(shape) };
    pb::ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(pb::TypeProto { value: Some(pb::type_proto::Value::TensorType(tensor)), ..Default::default() }),
        ..Default::default()
    }
}

fn attribute_proto(name: &str, value: &Attribute<'_>) -> pb::AttributeProto {
    let mut proto = pb::AttributeProto { name: name.to_owned(), ..Default::default() };
    match value {
        Attribute::Int(i) => (proto.r#type, proto.i) = (AttributeType::Int as i32, *i),
        Attribute::Float(f) => (proto.r#type, proto.f) = (AttributeType::Float as i32, *f),
        Attribute::Ints(ints) => (proto.r#type, proto.ints) = (AttributeType::Ints as i32, ints.to_vec()),
    }
    proto
}
