//! Looks at the weights of a model for numbers that no weight can have.

use super::guard::guarded;
use super::proto::refused;
use crate::error::Result;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use tract_onnx::pb;
use tract_onnx::prelude::{DatumType, InferenceModel, Tensor, TractResult, f16};
use tract_onnx::tract_hir::ops::konst::Const;

/// Operators whose constant inputs are weights: products, convolutions and normalisations.
const WEIGHTED: [&str; 11] = [
    "Conv",
    "ConvInteger",
    "ConvTranspose",
    "Gemm",
    "MatMul",
    "BatchNormalization",
    "LayerNormalization",
    "InstanceNormalization",
    "GroupNormalization",
    "PRelu",
    "Einsum",
];

/// Numbers that are looked at together.
const CHUNK: usize = 4096;

/// Checks that no constant of `model`, parsed from `graph` of the file `path`, is NaN, and that none is infinite but
/// masks and limits: constants of only zeros and infinities that are no weights.
///
/// # Errors
/// Returns an error that names the first tensor that is not as it must be.
pub(super) fn check(path: &Path, graph: &pb::GraphProto, model: &InferenceModel) -> Result<()> {
    let weights = weights(graph);
    for node in model.nodes() {
        let Some(constant) = node.op_as::<Const>() else { continue };
        let found = guarded(path, || Numbers::of(constant.val()))?;
        let is_mask = !found.other && !weights.contains(node.name.as_str());
        if found.nan || (found.infinite && !is_mask) {
            let what = if found.nan { "NaN" } else { "an infinite number" };
            let got = format!("{what} in the tensor {:?} of shape {:?}", node.name, constant.val().shape());
            return Err(refused(path, got, "train or export the model again: these weights are damaged"));
        }
    }
    Ok(())
}

/// Returns the names of the constants that operators of [`WEIGHTED`] take, as they are or converted.
fn weights(graph: &pb::GraphProto) -> HashSet<&str> {
    let mut origins: HashMap<&str, &str> = HashMap::new();
    for node in graph.node.iter().filter(|node| matches!(node.op_type.as_str(), "Cast" | "Identity" | "Transpose")) {
        if let (Some(from), Some(to)) = (node.input.first(), node.output.first()) {
            let origin = origins.get(from.as_str()).copied().unwrap_or(from);
            origins.insert(to, origin);
        }
    }
    let weighted = graph.node.iter().filter(|node| WEIGHTED.contains(&node.op_type.as_str()));
    let inputs = weighted.flat_map(|node| &node.input).map(String::as_str);
    inputs.map(|name| origins.get(name).copied().unwrap_or(name)).collect()
}

/// Kinds of numbers in a tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Numbers {
    nan: bool,
    infinite: bool,
    /// Finite numbers that are not 0.
    other: bool,
}

impl Numbers {
    /// Looks at the floating-point numbers of `tensor`.
    fn of(tensor: &Tensor) -> TractResult<Self> {
        let plain = tensor.try_as_plain_ram()?;
        Ok(match tensor.datum_type() {
            DatumType::F16 => Self::among(plain.as_slice::<f16>()?.iter().map(|number| number.to_f32().into())),
            DatumType::F32 => {
                let numbers = plain.as_slice::<f32>()?;
                let is_finite = |chunk: &[f32]| chunk.iter().fold(true, |all, number| all & number.is_finite());
                match numbers.chunks(CHUNK).all(is_finite) {
                    true => Self::default(),
                    false => Self::among(numbers.iter().map(|&number| f64::from(number))),
                }
            }
            DatumType::F64 => Self::among(plain.as_slice::<f64>()?.iter().copied()),
            _ => Self::default(),
        })
    }

    fn among(numbers: impl Iterator<Item = f64>) -> Self {
        numbers.fold(Self::default(), |found, number| Self {
            nan: found.nan | number.is_nan(),
            infinite: found.infinite | number.is_infinite(),
            other: found.other | (number.is_finite() & (number != 0.0)),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::error::Result;
    use crate::model::Model;
    use prost::Message;
    use tract_onnx::pb;

    /// Reads a model that computes `operator` of its input, of 2 by 2 numbers, and of the constant `numbers`.
    fn read(operator: &str, numbers: [f32; 4]) -> Result<Model> {
        let float = pb::tensor_proto::DataType::Float as i32;
        let port = |name: &str| {
            let dim = |size| pb::tensor_shape_proto::Dimension {
                value: Some(pb::tensor_shape_proto::dimension::Value::DimValue(size)),
                ..Default::default()
            };
            let shape = pb::TensorShapeProto { dim: vec![dim(2), dim(2)] };
            let tensor = pb::type_proto::Tensor { elem_type: float, shape: Some(shape) };
            let kind = pb::TypeProto { value: Some(pb::type_proto::Value::TensorType(tensor)), ..Default::default() };
            pb::ValueInfoProto { name: name.to_owned(), r#type: Some(kind), ..Default::default() }
        };
        let constant = pb::TensorProto {
            name: "w".to_owned(),
            dims: vec![2, 2],
            data_type: float,
            raw_data: numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
            ..Default::default()
        };
        let node = pb::NodeProto {
            op_type: operator.to_owned(),
            input: vec!["x".to_owned(), "w".to_owned()],
            output: vec!["y".to_owned()],
            ..Default::default()
        };
        let graph = pb::GraphProto {
            node: vec![node],
            initializer: vec![constant],
            input: vec![port("x")],
            output: vec![port("y")],
            ..Default::default()
        };
        let opset = pb::OperatorSetIdProto { version: 17, ..Default::default() };
        let model =
            pb::ModelProto { ir_version: 8, opset_import: vec![opset], graph: Some(graph), ..Default::default() };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        std::fs::write(&path, model.encode_to_vec()).unwrap();
        Model::read_with_weights(&path)
    }

    #[test]
    fn weights_must_be_finite_and_masks_may_be_infinite() {
        let infinite = f32::NEG_INFINITY;
        assert!(read("MatMul", [1.0, 2.0, 3.0, 4.0]).is_ok());
        assert!(read("Add", [0.0, infinite, 0.0, 0.0]).is_ok());
        for (operator, numbers, word) in [
            ("MatMul", [1.0, f32::NAN, 3.0, 4.0], "NaN"),
            ("Add", [0.0, f32::NAN, 0.0, 0.0], "NaN"),
            ("MatMul", [0.0, infinite, 0.0, 0.0], "infinite"),
            ("Add", [1.0, infinite, 0.0, 0.0], "infinite"),
        ] {
            let error = read(operator, numbers).err().unwrap().to_string();
            assert!(error.contains(word) && error.contains("\"w\""), "{error}");
        }
    }
}
