//! Inputs and outputs of a model, and the tensors that go through them.

use tract_onnx::pb;

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
    /// Creates a port from its declaration in the file.
    pub(super) fn new(info: &pb::ValueInfoProto) -> Self {
        let tensor = info.r#type.as_ref().and_then(|kind| kind.value.as_ref());
        let tensor = tensor.map(|pb::type_proto::Value::TensorType(tensor)| tensor);
        let element = tensor.and_then(|t| pb::tensor_proto::DataType::try_from(t.elem_type).ok()).unwrap_or_default();
        let dims = tensor.and_then(|t| t.shape.as_ref()).map(|shape| shape.dim.as_slice()).unwrap_or_default();
        let axis = |dim: &pb::tensor_shape_proto::Dimension| match &dim.value {
            Some(pb::tensor_shape_proto::dimension::Value::DimValue(size)) => size.to_string(),
            Some(pb::tensor_shape_proto::dimension::Value::DimParam(name)) => name.clone(),
            None => "?".to_owned(),
        };
        Self {
            name: info.name.clone(),
            element: element.as_str_name().to_owned(),
            axes: dims.iter().map(axis).collect(),
        }
    }

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

impl core::fmt::Display for Port {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} {} [{}]", self.name, self.element, self.axes.join(", "))
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
