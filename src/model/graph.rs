//! Changes to an ONNX graph while it is copied: nodes, inputs and storage of weights.

use super::read_proto;
use super::write::{ExternalData, WeightPrecision, fits_f16, halved, write_failed};
use crate::error::{Error, Result, Stage};
use prost::Message;
use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use tract_onnx::pb;
use tract_onnx::pb::tensor_proto::DataType;

/// The optional second input of text towers.
const ATTENTION_MASK: &str = "attention_mask";

/// Removes everything that `output` does not depend on.
pub fn keep_output(model: &mut pb::ModelProto, output: &str) {
    let Some(graph) = &mut model.graph else { return };
    let mut needed = HashSet::from([output.to_owned()]);
    // Nodes are sorted: a node comes after its inputs.
    let mut kept: Vec<pb::NodeProto> = Vec::new();
    for node in std::mem::take(&mut graph.node).into_iter().rev() {
        if node.output.iter().any(|name| needed.contains(name)) {
            needed.extend(node.input.iter().cloned());
            needed.extend(node.attribute.iter().filter_map(|a| a.g.as_ref()).flat_map(captured));
            kept.push(node);
        }
    }
    kept.reverse();
    graph.node = kept;
    graph.initializer.retain(|tensor| needed.contains(&tensor.name));
    graph.input.retain(|input| needed.contains(&input.name));
    graph.output.retain(|kept| kept.name == output);
    graph.value_info.clear();
}

/// Returns the names that a subgraph takes from the graph around it, and some of its own.
fn captured(graph: &pb::GraphProto) -> Vec<String> {
    let inner = graph.node.iter().flat_map(|node| node.attribute.iter()).filter_map(|a| a.g.as_ref());
    let names = graph.node.iter().flat_map(|node| node.input.iter().cloned());
    names.chain(inner.flat_map(captured)).collect()
}

/// Replaces the attention mask with ones of the shape of `ids`. The embedding is the state at the end token and
/// attention is causal, so the padding after it does not matter.
pub fn always_attend(model: &mut pb::ModelProto, ids: &str) {
    let Some(graph) = &mut model.graph else { return };
    if ids == ATTENTION_MASK || !graph.input.iter().any(|input| input.name == ATTENTION_MASK) {
        return;
    }
    graph.input.retain(|input| input.name != ATTENTION_MASK);
    let same = "attention_mask.same";
    let equal = pb::NodeProto {
        op_type: "Equal".to_owned(),
        name: same.to_owned(),
        input: vec![ids.to_owned(); 2],
        output: vec![same.to_owned()],
        ..Default::default()
    };
    graph.node.splice(0..0, [equal, cast(same, ATTENTION_MASK, DataType::Int64)]);
}

/// Names the first axis of every input and output `batch`, unless it has a fixed size.
pub fn name_batch(model: &mut pb::ModelProto) {
    use pb::tensor_shape_proto::dimension::Value;
    let Some(graph) = &mut model.graph else { return };
    for info in graph.input.iter_mut().chain(&mut graph.output) {
        let tensor = info.r#type.as_mut().and_then(|kind| kind.value.as_mut());
        let Some(pb::type_proto::Value::TensorType(tensor)) = tensor else { continue };
        let Some(first) = tensor.shape.as_mut().and_then(|shape| shape.dim.first_mut()) else { continue };
        if !matches!(first.value, Some(Value::DimValue(_))) {
            first.value = Some(Value::DimParam("batch".to_owned()));
        }
    }
}

/// Writes `model`, read from the file `from`, to `to`, with large weights in `precision` as external data beside it.
///
/// # Errors
/// Returns an error if the external data of `from` is missing or cut, or a file cannot be written.
pub fn write(mut model: pb::ModelProto, from: &Path, to: &Path, precision: WeightPrecision) -> Result<()> {
    let mut data = ExternalData::create(to)?;
    let mut casts = Vec::new();
    let graph = model.graph.get_or_insert_default();
    // Older exporters also list weights among the inputs.
    let weights: HashSet<String> = graph.initializer.iter().map(|tensor| tensor.name.clone()).collect();
    graph.input.retain(|input| !weights.contains(&input.name));
    for tensor in &mut graph.initializer {
        let mut bytes = weight_bytes(tensor, from)?;
        let is_matrix = tensor.data_type == DataType::Float as i32 && tensor.dims.len() > 1;
        let floats: Vec<f32> = match precision {
            WeightPrecision::F16 if is_matrix => bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect(),
            _ => Vec::new(),
        };
        if !floats.is_empty() && fits_f16(&floats) {
            bytes = halved(&floats);
            let stored = format!("{}.f16", tensor.name);
            let name = std::mem::replace(&mut tensor.name, stored);
            tensor.data_type = DataType::Float16 as i32;
            casts.push(cast(&tensor.name, &name, DataType::Float));
        }
        data.store(tensor, bytes)?;
    }
    graph.node.splice(0..0, casts);
    data.finish()?;
    std::fs::write(to, model.encode_to_vec()).map_err(|e| write_failed(to, e))
}

/// Copies the model `from` to `to`, with its external data, if it has any, beside it.
///
/// # Errors
/// Returns an error if [`write`] does.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    let proto = read_proto(from)?;
    if proto.graph.iter().flat_map(|graph| &graph.initializer).any(|tensor| !tensor.external_data.is_empty()) {
        return write(proto, from, to, WeightPrecision::F32);
    }
    // fs::copy would also copy the permissions, and a bundle's files must be writable.
    std::fs::read(from).and_then(|bytes| std::fs::write(to, bytes)).map_err(|e| write_failed(to, e))
}

/// Returns the side of the square pictures that `input` takes; `None` if it is not fixed.
pub fn side(model: &pb::ModelProto, input: &str) -> Option<u32> {
    match fixed_axes(model, input)[..] {
        [_, _, Some(height), Some(width)] if height == width => u32::try_from(width).ok(),
        _ => None,
    }
}

/// Returns the number of tokens that `input` takes; `None` if it is not fixed.
pub fn context(model: &pb::ModelProto, input: &str) -> Option<usize> {
    fixed_axes(model, input).get(1).copied().flatten().and_then(|size| usize::try_from(size).ok())
}

/// Returns the rows of the token table that `input` indexes.
pub fn vocabulary(model: &pb::ModelProto, input: &str) -> Option<usize> {
    let graph = model.graph.as_ref()?;
    // Ids may be cast or reshaped before the lookup, and a table in 16 bits is cast.
    let behind = |name: &str| {
        let through = ["Cast", "Reshape", "Identity"];
        let node = graph.node.iter().find(|node| node.output.iter().any(|output| output == name));
        node.filter(|node| through.contains(&node.op_type.as_str())).and_then(|node| node.input.first()).cloned()
    };
    let origin = |name: &str| {
        let mut name = name.to_owned();
        while let Some(before) = behind(&name) {
            name = before;
        }
        name
    };
    let lookups = graph.node.iter().filter(|node| node.op_type == "Gather" && node.input.len() == 2);
    let mut tables = lookups.filter(|node| origin(&node.input[1]) == input).map(|node| origin(&node.input[0]));
    tables.find_map(|table| {
        let table = graph.initializer.iter().find(|tensor| tensor.name == table)?;
        (table.dims.len() == 2).then(|| usize::try_from(table.dims[0]).ok())?
    })
}

/// Returns the sizes of an input's axes; `None` for those that are not fixed.
fn fixed_axes(model: &pb::ModelProto, input: &str) -> Vec<Option<i64>> {
    use pb::tensor_shape_proto::dimension::Value;
    let info = model.graph.iter().flat_map(|graph| &graph.input).find(|info| info.name == input);
    let tensor = info.and_then(|info| info.r#type.as_ref()).and_then(|kind| kind.value.as_ref());
    let shape = tensor.and_then(|pb::type_proto::Value::TensorType(tensor)| tensor.shape.as_ref());
    let size = |dim: &pb::tensor_shape_proto::Dimension| match dim.value {
        Some(Value::DimValue(size)) if size > 0 => Some(size),
        _ => None,
    };
    shape.map(|shape| shape.dim.iter().map(size).collect()).unwrap_or_default()
}

/// Takes the little-endian bytes of a weight from the tensor or its external data.
fn weight_bytes(tensor: &mut pb::TensorProto, from: &Path) -> Result<Vec<u8>> {
    if !tensor.external_data.is_empty() {
        return external_bytes(tensor, from);
    }
    if !tensor.raw_data.is_empty() {
        return Ok(std::mem::take(&mut tensor.raw_data));
    }
    let floats = std::mem::take(&mut tensor.float_data);
    let longs = std::mem::take(&mut tensor.int64_data);
    let doubles = std::mem::take(&mut tensor.double_data);
    let ints = std::mem::take(&mut tensor.int32_data);
    let bytes = match DataType::try_from(tensor.data_type) {
        Ok(DataType::Float) => floats.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Ok(DataType::Int64) => longs.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Ok(DataType::Double) => doubles.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Ok(DataType::Int32) => ints.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Ok(DataType::Float16 | DataType::Bfloat16) => ints.iter().flat_map(|&v| (v as u16).to_le_bytes()).collect(),
        Ok(DataType::Bool | DataType::Uint8 | DataType::Int8) => ints.iter().map(|&v| v as u8).collect(),
        other => {
            let got = format!("{:?} of type {other:?}", tensor.name);
            return Err(refused(from, got));
        }
    };
    Ok(bytes)
}

fn external_bytes(tensor: &mut pb::TensorProto, from: &Path) -> Result<Vec<u8>> {
    let entries = std::mem::take(&mut tensor.external_data);
    let entry = |key: &str| entries.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str());
    let number = |key: &str| entry(key).and_then(|value| value.parse::<u64>().ok());
    let path = from.with_file_name(entry("location").unwrap_or_default());
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(&path)?;
        let offset = number("offset").unwrap_or(0);
        let rest = file.metadata()?.len().saturating_sub(offset);
        let length = number("length").unwrap_or(rest);
        if length > rest {
            return Err(std::io::Error::other(format!("{length} bytes at {offset}, past the end of the file")));
        }
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = vec![0; length as usize];
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    };
    tensor.data_location = None;
    read().map_err(|e| refused(from, format!("{:?} in {}: {e}", tensor.name, path.display())).with_source(e))
}

fn cast(from: &str, to: &str, data_type: DataType) -> pb::NodeProto {
    pb::NodeProto {
        op_type: "Cast".to_owned(),
        name: to.to_owned(),
        input: vec![from.to_owned()],
        output: vec![to.to_owned()],
        attribute: vec![pb::AttributeProto {
            name: "to".to_owned(),
            r#type: pb::attribute_proto::AttributeType::Int as i32,
            i: data_type as i64,
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn refused(path: &Path, got: String) -> Error {
    let got = format!("{}: tensor {got}", path.display());
    Error::new(Stage::Model, "readable weights", got, "copy the model with its external data again")
}
