//! Chains of element-wise steps: what is fused into the kernel that makes their first operand, or run on their own.
//!
//! A chain is one value an element of the output, in static single assignment: every step names the steps it reads. It
//! has two forms that must agree: WGSL for the device, and [`Chain::evaluate`], its twin on the CPU.

use core::fmt::Write;

/// The most operands beside what the kernel itself makes: with a kernel's own buffers and the output, at most the eight
/// storage buffers that every adapter has.
pub const MAX_OPERANDS: usize = 4;
/// The most steps; longer chains are cut.
pub const MAX_STEPS: usize = 48;

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "named as everywhere")]
pub enum Unary {
    Abs,
    Neg,
    Exp,
    Ln,
    Sqrt,
    Rsqrt,
    Recip,
    Square,
    Floor,
    Ceil,
    RoundEven,
    Sin,
    Cos,
    Tanh,
    Sigmoid,
    Erf,
    Sign,
    /// 1 where it is 0, else 0.
    Not,
    /// Towards zero, as a cast to an integer does it.
    Truncate,
    /// To the power of a constant; a negative base only with a whole exponent.
    Power(f32),
}

/// A function of two numbers; comparisons give 1 or 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as everywhere")]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Min,
    Max,
    Pow,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    And,
    Or,
}

/// One step; steps are named by their index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// What the kernel made for this element.
    Made,
    /// An element of an operand.
    Operand(usize),
    /// A number.
    Constant(f32),
    /// A function of one step.
    Unary(Unary, usize),
    /// A function of two steps.
    Binary(Binary, usize, usize),
    /// The second step where the first is not 0, else the third.
    Select(usize, usize, usize),
}

/// Steps in order; the last one is the chain's value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chain {
    steps: Vec<Step>,
}

impl Chain {
    /// The chain that stores what the kernel made.
    pub fn stored() -> Self {
        Self { steps: vec![Step::Made] }
    }

    /// The chain that copies its one operand.
    pub fn copied() -> Self {
        Self { steps: vec![Step::Operand(0)] }
    }

    /// Its steps.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Appends `step`, or finds an equal one; gives its index.
    pub fn push(&mut self, step: Step) -> usize {
        self.steps.iter().position(|there| *there == step).unwrap_or_else(|| {
            self.steps.push(step);
            self.steps.len() - 1
        })
    }

    /// Makes step `last` the chain's value; nothing may have been pushed behind it but what it does not need.
    pub fn end_with(&mut self, last: usize) {
        self.steps.truncate(last + 1);
    }

    /// The same chain of what the kernel made plus operand `bias`.
    pub fn after_bias(&self, bias: usize) -> Self {
        let mut chain = Self::stored();
        let bias = chain.push(Step::Operand(bias));
        let mut places = Vec::with_capacity(self.steps.len());
        let biased = chain.push(Step::Binary(Binary::Add, 0, bias));
        for &step in &self.steps {
            places.push(match step {
                Step::Made => biased,
                Step::Unary(function, x) => chain.push(Step::Unary(function, places[x])),
                Step::Binary(function, a, b) => chain.push(Step::Binary(function, places[a], places[b])),
                Step::Select(condition, yes, no) => {
                    chain.push(Step::Select(places[condition], places[yes], places[no]))
                }
                same => chain.push(same),
            });
        }
        chain.end_with(places.last().copied().unwrap_or(biased));
        chain
    }

    /// How many operands it reads.
    pub fn operands(&self) -> usize {
        self.steps
            .iter()
            .filter_map(|step| if let Step::Operand(i) = step { Some(i + 1) } else { None })
            .max()
            .unwrap_or(0)
    }

    /// The body of a WGSL function of `made: f32` and `o: u32`, the element, that returns the chain's value. It calls
    /// `operand_N(o)` and what shaders/chain.wgsl defines.
    pub fn wgsl(&self) -> String {
        let mut text = String::new();
        for (index, step) in self.steps.iter().enumerate() {
            let _ = writeln!(text, "    let s{index} = {};", expression(step));
        }
        let _ = writeln!(text, "    return s{};", self.steps.len() - 1);
        text
    }

    /// The value for one element: the CPU twin of [`Chain::wgsl`].
    pub fn evaluate(&self, made: f32, operand: &dyn Fn(usize) -> f32) -> f32 {
        let mut values: Vec<f32> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let value = match *step {
                Step::Made => made,
                Step::Operand(index) => operand(index),
                Step::Constant(value) => value,
                Step::Unary(function, x) => unary(function, values[x]),
                Step::Binary(function, a, b) => binary(function, values[a], values[b]),
                Step::Select(condition, yes, no) => values[if values[condition] != 0.0 { yes } else { no }],
            };
            values.push(value);
        }
        values.last().copied().unwrap_or(made)
    }
}

fn expression(step: &Step) -> String {
    match *step {
        Step::Made => "made".to_owned(),
        Step::Operand(index) => format!("operand_{index}(o)"),
        Step::Constant(value) => number(value),
        Step::Unary(function, x) => unary_wgsl(function, &format!("s{x}")),
        Step::Binary(function, a, b) => binary_wgsl(function, &format!("s{a}"), &format!("s{b}")),
        Step::Select(condition, yes, no) => format!("select(s{no}, s{yes}, s{condition} != 0.0)"),
    }
}

/// A WGSL literal; what is infinite is undefined there, so it becomes the largest number.
pub fn number(value: f32) -> String {
    format!("f32({:e})", value.clamp(f32::MIN, f32::MAX))
}

fn unary_wgsl(function: Unary, x: &str) -> String {
    let call = |name: &str| format!("{name}({x})");
    match function {
        Unary::Abs => call("abs"),
        Unary::Neg => call("-"),
        Unary::Exp => call("exp"),
        Unary::Ln => call("log"),
        Unary::Sqrt => call("sqrt"),
        Unary::Rsqrt => call("inverseSqrt"),
        Unary::Recip => format!("1.0 / {x}"),
        Unary::Square => format!("{x} * {x}"),
        Unary::Floor => call("floor"),
        Unary::Ceil => call("ceil"),
        Unary::RoundEven => call("round"),
        Unary::Sin => call("sin"),
        Unary::Cos => call("cos"),
        Unary::Tanh => call("bounded_tanh"),
        Unary::Sigmoid => call("sigmoid"),
        Unary::Erf => call("erf"),
        Unary::Sign => call("sign"),
        Unary::Not => format!("select(0.0, 1.0, {x} == 0.0)"),
        Unary::Truncate => call("trunc"),
        Unary::Power(exponent) => format!("power({x}, {})", number(exponent)),
    }
}

fn binary_wgsl(function: Binary, a: &str, b: &str) -> String {
    let compared = |operator: &str| format!("select(0.0, 1.0, {a} {operator} {b})");
    match function {
        Binary::Add => format!("{a} + {b}"),
        Binary::Sub => format!("{a} - {b}"),
        Binary::Mul => format!("{a} * {b}"),
        Binary::Div => format!("{a} / {b}"),
        Binary::Min => format!("min({a}, {b})"),
        Binary::Max => format!("max({a}, {b})"),
        Binary::Pow => format!("power({a}, {b})"),
        Binary::Equal => compared("=="),
        Binary::NotEqual => compared("!="),
        Binary::Less => compared("<"),
        Binary::LessEqual => compared("<="),
        Binary::Greater => compared(">"),
        Binary::GreaterEqual => compared(">="),
        Binary::And => format!("select(0.0, 1.0, {a} != 0.0 && {b} != 0.0)"),
        Binary::Or => format!("select(0.0, 1.0, {a} != 0.0 || {b} != 0.0)"),
    }
}

fn unary(function: Unary, x: f32) -> f32 {
    match function {
        Unary::Abs => x.abs(),
        Unary::Neg => -x,
        Unary::Exp => libm::expf(x),
        Unary::Ln => libm::logf(x),
        Unary::Sqrt => libm::sqrtf(x),
        Unary::Rsqrt => 1.0 / libm::sqrtf(x),
        Unary::Recip => 1.0 / x,
        Unary::Square => x * x,
        Unary::Floor => libm::floorf(x),
        Unary::Ceil => libm::ceilf(x),
        Unary::RoundEven => libm::rintf(x),
        Unary::Sin => libm::sinf(x),
        Unary::Cos => libm::cosf(x),
        Unary::Tanh => libm::tanhf(x),
        Unary::Sigmoid => 1.0 / (1.0 + libm::expf(-x)),
        Unary::Erf => libm::erff(x),
        Unary::Sign => f32::from(x > 0.0) - f32::from(x < 0.0),
        Unary::Not => f32::from(x == 0.0),
        Unary::Truncate => libm::truncf(x),
        Unary::Power(exponent) => libm::powf(x, exponent),
    }
}

fn binary(function: Binary, a: f32, b: f32) -> f32 {
    match function {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a * b,
        Binary::Div => a / b,
        Binary::Min => a.min(b),
        Binary::Max => a.max(b),
        Binary::Pow => libm::powf(a, b),
        Binary::Equal => f32::from(a == b),
        Binary::NotEqual => f32::from(a != b),
        Binary::Less => f32::from(a < b),
        Binary::LessEqual => f32::from(a <= b),
        Binary::Greater => f32::from(a > b),
        Binary::GreaterEqual => f32::from(a >= b),
        Binary::And => f32::from(a != 0.0 && b != 0.0),
        Binary::Or => f32::from(a != 0.0 || b != 0.0),
    }
}
