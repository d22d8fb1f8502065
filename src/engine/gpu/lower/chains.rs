//! Element-wise nodes as steps of a chain.

use super::group::Group;
use super::{Lowering, Value, floats};
use crate::engine::gpu::chain::{Binary, Chain, Step, Unary};
use crate::engine::gpu::view::View;
use std::collections::HashMap;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cast::Cast;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::logic::Iff;
use tract_onnx::tract_core::ops::math::PowConst;
use tract_onnx::tract_core::ops::nn::{GeluApproximate, LeakyRelu};

/// Whether `node` works on each element alone, and the engine knows how.
pub fn is_element_wise(model: &TypedModel, node: &TypedNode) -> bool {
    if let Some(op) = node.op_as::<TypedBinOp>() {
        // Numbers are divided as f32, which is not how integers are.
        let divides_integers = op.0.name() == "Div" && node.outputs[0].fact.datum_type.is_integer();
        return binary(op).is_some() && !divides_integers;
    }
    if let Some(op) = node.op_as::<ElementWiseOp>() {
        return unary(op.0.as_ref()).is_some();
    }
    // A cast that must round is one of numbers that are stored as integers.
    node.op_is::<Iff>() || (node.op_is::<Cast>() && model.node_input_facts(node.id).is_ok())
}

/// What a binary operator does.
fn binary(op: &TypedBinOp) -> Option<Binary> {
    Some(match op.0.name() {
        "Add" => Binary::Add,
        "Sub" => Binary::Sub,
        "Mul" => Binary::Mul,
        "Div" => Binary::Div,
        "Min" => Binary::Min,
        "Max" => Binary::Max,
        "Pow" => Binary::Pow,
        "Eq" => Binary::Equal,
        "NE" => Binary::NotEqual,
        "LT" => Binary::Less,
        "LTE" => Binary::LessEqual,
        "GT" => Binary::Greater,
        "GTE" => Binary::GreaterEqual,
        "And" => Binary::And,
        "Or" => Binary::Or,
        _ => return None,
    })
}

/// The steps of an operator on one number.
type Steps = Box<dyn Fn(&mut Chain, usize) -> usize>;

fn unary(op: &dyn tract_onnx::tract_core::ops::element_wise::ElementWiseMiniOp) -> Option<Steps> {
    let one =
        |function: Unary| -> Option<Steps> { Some(Box::new(move |chain, x| chain.push(Step::Unary(function, x)))) };
    if let Some(op) = op.downcast_ref::<PowConst>() {
        return one(Unary::Power(op.exponent));
    }
    if let Some(op) = op.downcast_ref::<LeakyRelu>() {
        let alpha = op.alpha;
        return Some(Box::new(move |chain, x| leaky_relu(chain, x, alpha)));
    }
    if op.is::<GeluApproximate>() {
        return Some(Box::new(gelu_by_tanh));
    }
    match op.name().as_str() {
        "Abs" => one(Unary::Abs),
        "Neg" => one(Unary::Neg),
        "Exp" => one(Unary::Exp),
        "Ln" => one(Unary::Ln),
        "Sqrt" => one(Unary::Sqrt),
        "Rsqrt" => one(Unary::Rsqrt),
        "Recip" => one(Unary::Recip),
        "Square" => one(Unary::Square),
        "Floor" => one(Unary::Floor),
        "Ceil" => one(Unary::Ceil),
        "RoundHalfToEven" => one(Unary::RoundEven),
        "Sin" => one(Unary::Sin),
        "Cos" => one(Unary::Cos),
        "Tanh" => one(Unary::Tanh),
        "Sigmoid" => one(Unary::Sigmoid),
        "Erf" => one(Unary::Erf),
        "Sign" => one(Unary::Sign),
        "Not" => one(Unary::Not),
        "Cosh" => Some(Box::new(|chain, x| half_of_exponentials(chain, x, Binary::Add))),
        "Sinh" => Some(Box::new(|chain, x| half_of_exponentials(chain, x, Binary::Sub))),
        "Silu" => Some(Box::new(silu)),
        "HardSwish" => Some(Box::new(hard_swish)),
        "GeluExact" => Some(Box::new(gelu_by_erf)),
        _ => None,
    }
}

fn scaled(chain: &mut Chain, x: usize, factor: f32) -> usize {
    let factor = chain.push(Step::Constant(factor));
    chain.push(Step::Binary(Binary::Mul, x, factor))
}

fn shifted(chain: &mut Chain, x: usize, by: f32) -> usize {
    let by = chain.push(Step::Constant(by));
    chain.push(Step::Binary(Binary::Add, x, by))
}

/// (e^x + e^-x) / 2, or their difference.
fn half_of_exponentials(chain: &mut Chain, x: usize, join: Binary) -> usize {
    let negative = chain.push(Step::Unary(Unary::Neg, x));
    let (up, down) = (chain.push(Step::Unary(Unary::Exp, x)), chain.push(Step::Unary(Unary::Exp, negative)));
    let joined = chain.push(Step::Binary(join, up, down));
    scaled(chain, joined, 0.5)
}

fn leaky_relu(chain: &mut Chain, x: usize, alpha: f32) -> usize {
    let zero = chain.push(Step::Constant(0.0));
    let below = scaled(chain, x, alpha);
    let negative = chain.push(Step::Binary(Binary::Less, x, zero));
    chain.push(Step::Select(negative, below, x))
}

fn silu(chain: &mut Chain, x: usize) -> usize {
    let gate = chain.push(Step::Unary(Unary::Sigmoid, x));
    chain.push(Step::Binary(Binary::Mul, x, gate))
}

/// x min(1, max(0, x / 6 + 0.5))
fn hard_swish(chain: &mut Chain, x: usize) -> usize {
    let sixth = scaled(chain, x, 1.0 / 6.0);
    let gate = shifted(chain, sixth, 0.5);
    let (zero, one) = (chain.push(Step::Constant(0.0)), chain.push(Step::Constant(1.0)));
    let gate = chain.push(Step::Binary(Binary::Max, gate, zero));
    let gate = chain.push(Step::Binary(Binary::Min, gate, one));
    chain.push(Step::Binary(Binary::Mul, x, gate))
}

/// x / 2 (1 + erf(x / sqrt 2))
fn gelu_by_erf(chain: &mut Chain, x: usize) -> usize {
    let steep = scaled(chain, x, core::f32::consts::FRAC_1_SQRT_2);
    let erf = chain.push(Step::Unary(Unary::Erf, steep));
    let gate = shifted(chain, erf, 1.0);
    let half = scaled(chain, x, 0.5);
    chain.push(Step::Binary(Binary::Mul, half, gate))
}

/// x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
fn gelu_by_tanh(chain: &mut Chain, x: usize) -> usize {
    let square = chain.push(Step::Unary(Unary::Square, x));
    let cube = chain.push(Step::Binary(Binary::Mul, square, x));
    let cube = scaled(chain, cube, 0.044_715);
    let sum = chain.push(Step::Binary(Binary::Add, x, cube));
    let steep = scaled(chain, sum, (2.0 / core::f32::consts::PI).sqrt());
    let tanh = chain.push(Step::Unary(Unary::Tanh, steep));
    let gate = shifted(chain, tanh, 1.0);
    let half = scaled(chain, x, 0.5);
    chain.push(Step::Binary(Binary::Mul, half, gate))
}

/// A chain in the making: which step an outlet is, and the operands.
pub struct Chaining {
    pub chain: Chain,
    pub operands: Vec<View>,
    steps: HashMap<OutletId, usize>,
}

impl Lowering<'_> {
    /// The chain of a group: what is behind its root, or, where that is element-wise itself, all of it.
    pub(super) fn chain(&mut self, group: &Group) -> TractResult<Chaining> {
        let root = self.model.node(group.root);
        let shape = self.shape(root.id.into())?;
        let mut chaining = Chaining { chain: Chain::default(), operands: Vec::new(), steps: HashMap::new() };
        let mut nodes = group.members.clone();
        if is_element_wise(self.model, root) {
            nodes.insert(0, group.root);
        } else {
            let made = chaining.chain.push(Step::Made);
            chaining.steps.insert(root.id.into(), made);
        }
        let mut last = 0;
        for id in nodes {
            last = self.step(self.model.node(id), &shape, &mut chaining)?;
            chaining.steps.insert(id.into(), last);
        }
        chaining.chain.end_with(last);
        Ok(chaining)
    }

    /// Appends the steps of `node`.
    fn step(&mut self, node: &TypedNode, shape: &[usize], chaining: &mut Chaining) -> TractResult<usize> {
        let inputs = node.inputs.iter().map(|&input| self.operand(input, shape, chaining));
        let inputs = inputs.collect::<TractResult<Vec<usize>>>()?;
        let chain = &mut chaining.chain;
        if let Some(op) = node.op_as::<TypedBinOp>() {
            let function = binary(op).with_context(|| format!("{} is not there", node.op.name()))?;
            return Ok(chain.push(Step::Binary(function, inputs[0], inputs[1])));
        }
        if let Some(op) = node.op_as::<ElementWiseOp>() {
            let steps = unary(op.0.as_ref()).with_context(|| format!("{} is not there", node.op.name()))?;
            return Ok(steps(chain, inputs[0]));
        }
        if let Some(cast) = node.op_as::<Cast>() {
            return Ok(cast_steps(chain, inputs[0], cast.to));
        }
        ensure!(node.op_is::<Iff>(), "{} is not there", node.op.name());
        Ok(chain.push(Step::Select(inputs[0], inputs[1], inputs[2])))
    }

    /// The step that reads `outlet`, repeated to `shape`.
    fn operand(&mut self, outlet: OutletId, shape: &[usize], chaining: &mut Chaining) -> TractResult<usize> {
        if let Some(&step) = chaining.steps.get(&outlet) {
            return Ok(step);
        }
        if let Some(Value::Constant(constant)) = self.values.get(&outlet)
            && constant.len() == 1
        {
            let number = floats(constant)?[0];
            return Ok(chaining.chain.push(Step::Constant(number)));
        }
        let view = self.view(outlet)?.broadcast(shape);
        chaining.operands.push(view);
        let step = chaining.chain.push(Step::Operand(chaining.operands.len() - 1));
        chaining.steps.insert(outlet, step);
        Ok(step)
    }
}

/// A cast: truth values are 0 and 1, integers are cut towards zero.
fn cast_steps(chain: &mut Chain, x: usize, to: DatumType) -> usize {
    if to == bool::datum_type() {
        let zero = chain.push(Step::Constant(0.0));
        return chain.push(Step::Binary(Binary::NotEqual, x, zero));
    }
    if to.is_float() { x } else { chain.push(Step::Unary(Unary::Truncate, x)) }
}
