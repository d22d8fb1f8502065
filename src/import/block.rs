//! The transformer block of all towers as part of an ONNX graph.

use super::checkpoint::Checkpoint;
use super::tower::{Activation, Tower};
use crate::error::Result;
use crate::model::write::{Attribute, Axis, Element, GraphWriter, ValueName, WeightPrecision};
use std::path::Path;

/// Writes a graph of blocks with a checkpoint's weights.
pub struct BlockWriter<'a, 'data> {
    pub graph: GraphWriter,
    pub checkpoint: &'a Checkpoint<'data>,
    prefix: &'static str,
    tower: &'a Tower,
}

impl<'a, 'data> BlockWriter<'a, 'data> {
    pub fn create(
        checkpoint: &'a Checkpoint<'data>,
        path: &Path,
        precision: WeightPrecision,
        prefix: &'static str,
        tower: &'a Tower,
    ) -> Result<Self> {
        Ok(Self { graph: GraphWriter::create(path, precision)?, checkpoint, prefix, tower })
    }

    /// Adds all residual blocks: `x += attention(norm(x)); x += mlp(norm(x))`.
    pub fn blocks(&mut self, mut tokens: ValueName, mask: Option<&str>) -> Result<ValueName> {
        for layer in 0..self.tower.layers {
            let name = format!("{}.encoder.layers.{layer}", self.prefix);
            let normed = self.layer_norm(&format!("{name}.layer_norm1"), &tokens)?;
            let attended = self.attention(&format!("{name}.self_attn"), &normed, mask)?;
            let middle = self.graph.named_node(&format!("{name}.attended"), "Add", &[&tokens, &attended], &[]);
            let normed = self.layer_norm(&format!("{name}.layer_norm2"), &middle)?;
            let update = self.perceptron(&format!("{name}.mlp"), &normed)?;
            tokens = self.graph.named_node(&format!("{name}.out"), "Add", &[&middle, &update], &[]);
        }
        Ok(tokens)
    }

    fn attention(&mut self, name: &str, tokens: &str, mask: Option<&str>) -> Result<ValueName> {
        let (width, heads) = (self.tower.width, self.tower.heads);
        let head = width / heads;
        // The weights of the queries include the scale of the scores.
        let scale = 1.0 / (head as f32).sqrt();
        let split = self.graph.integers(&format!("{name}.split"), &[0, 0, heads as i64, head as i64])?;
        let mut per_head = |part: &str, scale: f32, perm: [i64; 4]| -> Result<ValueName> {
            let projected = self.linear(&format!("{name}.{part}_proj"), tokens, [width, width], scale)?;
            let parted = self.graph.named_node(&format!("{projected}.heads"), "Reshape", &[&projected, &split], &[]);
            let perm = [("perm", Attribute::Ints(&perm))];
            Ok(self.graph.named_node(&format!("{projected}.perm"), "Transpose", &[&parted], &perm))
        };
        let query = per_head("q", scale, [0, 2, 1, 3])?;
        let key = per_head("k", 1.0, [0, 2, 3, 1])?;
        let value = per_head("v", 1.0, [0, 2, 1, 3])?;
        let mut scores = self.graph.named_node(&format!("{name}.scores"), "MatMul", &[&query, &key], &[]);
        if let Some(mask) = mask {
            scores = self.graph.named_node(&format!("{name}.masked"), "Add", &[&scores, mask], &[]);
        }
        let weights =
            self.graph.named_node(&format!("{name}.weights"), "Softmax", &[&scores], &[("axis", Attribute::Int(-1))]);
        let mixed = self.graph.named_node(&format!("{name}.mixed"), "MatMul", &[&weights, &value], &[]);
        let perm = [("perm", Attribute::Ints(&[0, 2, 1, 3]))];
        let rows = self.graph.named_node(&format!("{name}.rows"), "Transpose", &[&mixed], &perm);
        let join = self.graph.integers(&format!("{name}.join"), &[0, 0, width as i64])?;
        let joined = self.graph.named_node(&format!("{name}.joined"), "Reshape", &[&rows, &join], &[]);
        self.linear(&format!("{name}.out_proj"), &joined, [width, width], 1.0)
    }

    fn perceptron(&mut self, name: &str, tokens: &str) -> Result<ValueName> {
        let (width, intermediate) = (self.tower.width, self.tower.intermediate);
        let hidden = self.linear(&format!("{name}.fc1"), tokens, [intermediate, width], 1.0)?;
        let active = self.activation(&format!("{name}.active"), &hidden)?;
        self.linear(&format!("{name}.fc2"), &active, [width, intermediate], 1.0)
    }

    fn activation(&mut self, name: &str, x: &str) -> Result<ValueName> {
        let graph = &mut self.graph;
        match self.tower.activation {
            Activation::QuickGelu => {
                let slope = graph.scalar(&format!("{name}.slope"), 1.702)?;
                let steep = graph.named_node(&format!("{name}.steep"), "Mul", &[x, &slope], &[]);
                let gate = graph.named_node(&format!("{name}.gate"), "Sigmoid", &[&steep], &[]);
                Ok(graph.named_node(name, "Mul", &[x, &gate], &[]))
            }
            Activation::Gelu => {
                let root = graph.scalar(&format!("{name}.root"), core::f32::consts::SQRT_2)?;
                let one = graph.scalar(&format!("{name}.one"), 1.0)?;
                let half = graph.scalar(&format!("{name}.half"), 0.5)?;
                let scaled = graph.named_node(&format!("{name}.scaled"), "Div", &[x, &root], &[]);
                let erf = graph.named_node(&format!("{name}.erf"), "Erf", &[&scaled], &[]);
                let shifted = graph.named_node(&format!("{name}.shifted"), "Add", &[&erf, &one], &[]);
                let product = graph.named_node(&format!("{name}.product"), "Mul", &[x, &shifted], &[]);
                Ok(graph.named_node(name, "Mul", &[&product, &half], &[]))
            }
        }
    }

    /// Adds `(x W + b) * scale`. The checkpoint stores `W` as [output, input], the graph as [input, output].
    fn linear(&mut self, name: &str, x: &str, [output, input]: [usize; 2], scale: f32) -> Result<ValueName> {
        let weight = self.checkpoint.tensor(&format!("{name}.weight"))?;
        let mut weight = transposed(&weight, output, input);
        let mut bias = self.checkpoint.tensor(&format!("{name}.bias"))?;
        weight.iter_mut().chain(&mut bias).for_each(|v| *v *= scale);
        let weight = self.graph.weight(&format!("{name}.weight"), &[input, output], &weight)?;
        let bias = self.graph.weight(&format!("{name}.bias"), &[output], &bias)?;
        let product = self.graph.named_node(&format!("{name}.product"), "MatMul", &[x, &weight], &[]);
        Ok(self.graph.named_node(name, "Add", &[&product, &bias], &[]))
    }

    pub fn layer_norm(&mut self, name: &str, x: &str) -> Result<ValueName> {
        let width = [self.tower.width];
        let scale = self.checkpoint.tensor(&format!("{name}.weight"))?;
        let scale = self.graph.weight(&format!("{name}.weight"), &width, &scale)?;
        let shift = self.checkpoint.tensor(&format!("{name}.bias"))?;
        let shift = self.graph.weight(&format!("{name}.bias"), &width, &shift)?;
        let attributes = [("axis", Attribute::Int(-1)), ("epsilon", Attribute::Float(self.tower.epsilon))];
        Ok(self.graph.named_node(name, "LayerNormalization", &[x, &scale, &shift], &attributes))
    }

    pub fn first_token(&mut self, tokens: &str) -> Result<ValueName> {
        let first = self.graph.scalar_index("class.index", 0)?;
        Ok(self.graph.named_node("class", "Gather", &[tokens, &first], &[("axis", Attribute::Int(1))]))
    }

    /// Adds the projection into the shared space as the graph's one output `name`, and writes the graph.
    pub fn project(mut self, weight: &str, x: &str, name: &str) -> Result<()> {
        let (width, projection) = (self.tower.width, self.tower.projection);
        let values = transposed(&self.checkpoint.tensor(weight)?, projection, width);
        let weight = self.graph.weight(weight, &[width, projection], &values)?;
        self.graph.named_node(name, "MatMul", &[x, &weight], &[]);
        self.graph.output(name, Element::F32, &[Axis::Named("batch"), Axis::Size(projection)]);
        self.graph.finish()
    }
}

/// Transposes a row-major [rows, columns] matrix, in blocks that fit the cache.
fn transposed(matrix: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    const BLOCK: usize = 32;
    let mut out = vec![0.0; matrix.len()];
    for top in (0..rows).step_by(BLOCK) {
        for left in (0..columns).step_by(BLOCK) {
            for row in top..rows.min(top + BLOCK) {
                for column in left..columns.min(left + BLOCK) {
                    out[column * rows + row] = matrix[row * columns + column];
                }
            }
        }
    }
    out
}
