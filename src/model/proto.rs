//! ONNX protobufs: reads them, and checks them before tract does.

use crate::error::{Error, Result, Stage};
use crate::file;
use prost::Message;
use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use tract_onnx::pb;
use tract_onnx::prelude::DatumType;

/// The largest ONNX file that is read, in bytes: protobuf's limit. Larger weights must be external data.
const MAX_FILE: u64 = 1 << 31;
/// The most axes of a tensor.
const MAX_RANK: u64 = 64;
/// The largest size of an axis.
const MAX_SIZE: u64 = 1 << 31;

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

/// Creates an error of the file `path`.
pub(super) fn refused(path: &Path, got: impl core::fmt::Display, next: &str) -> Error {
    Error::new(Stage::Model, "an ONNX model", format_args!("{}: {got}", path.display()), next)
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
}
