//! Shaders as values: source, entry and bindings.

use super::chain::{Chain, MAX_OPERANDS};
use crate::engine::Precision;
use core::fmt::Write;

/// A kernel's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shader {
    /// The file in shaders/.
    pub file: &'static str,
    /// Its WGSL, without what every module has in front and behind.
    pub source: &'static str,
    /// The entry point.
    pub entry: &'static str,
    /// What its storage buffers hold, beginning at binding 1 of group 0; binding 0 are its parameters where it has any.
    pub buffers: &'static [Element],
    /// Side of the square matrices that it multiplies as one operation, where it does.
    pub cooperative: Option<u32>,
}

/// What an element of a buffer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Element {
    /// A number in the plan's precision.
    Stored,
    /// A number of 32 bits in every precision.
    Float,
    /// A signed integer of 32 bits.
    Integer,
    /// 32 bits, whatever they mean.
    Bits,
}

impl Precision {
    /// Bytes of a stored number.
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }

    fn wgsl(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
        }
    }
}

impl Element {
    /// Bytes of an element in `precision`.
    pub fn bytes(self, precision: Precision) -> usize {
        match self {
            Self::Stored => precision.bytes(),
            Self::Float | Self::Integer | Self::Bits => 4,
        }
    }

    fn wgsl(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Float => "f32",
            Self::Integer => "i32",
            Self::Bits => "u32",
        }
    }
}

/// What a module of WGSL is made of: a shader, and the chain at its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Module<'a> {
    /// The kernel.
    pub shader: &'static Shader,
    /// How numbers are stored.
    pub precision: Precision,
    /// What happens to what the kernel makes.
    pub chain: &'a Chain,
    /// What the chain's operands hold.
    pub operands: &'a [Element],
    /// What the output holds.
    pub output: Element,
    /// Threads of the adapter's largest subgroup.
    pub lanes: u32,
}

impl Module<'_> {
    /// The whole module.
    pub fn wgsl(&self) -> String {
        debug_assert!(self.operands.len() <= MAX_OPERANDS, "{} operands", self.operands.len());
        let mut text = String::new();
        if self.precision == Precision::F16 {
            text += "enable f16;\n";
        }
        if self.shader.cooperative.is_some() {
            text += "enable wgpu_cooperative_matrix;\n";
        }
        let stored = self.precision.wgsl();
        let _ = writeln!(text, "alias stored = {stored};");
        if let Some(side) = self.shader.cooperative {
            let matrix = format!("coop_mat{side}x{side}");
            let _ = writeln!(text, "alias Left = {matrix}<{stored}, A>;\nalias Right = {matrix}<{stored}, B>;");
            let _ =
                writeln!(text, "alias Sum = {matrix}<f32, C>;\nconst SIDE = {side}u;\nconst LANES = {}u;", self.lanes);
        }
        // What a kernel for numbers and integers alike reads.
        let first = self.shader.buffers.first().copied().unwrap_or(Element::Stored);
        let _ = writeln!(text, "alias element = {};", first.wgsl());
        // What a shader without a chain stores.
        let _ = writeln!(text, "alias result = {};", self.output.wgsl());
        text += include_str!("../../../shaders/chain.wgsl");
        let _ = writeln!(text, "@group(1) @binding(1) var<storage, read_write> output: array<{}>;", self.output.wgsl());
        for (index, element) in self.operands.iter().enumerate() {
            let (binding, kind, walk) = (index + 2, element.wgsl(), index + 1);
            let _ = write!(
                text,
                "@group(1) @binding({binding}) var<storage, read> operands_{index}: array<{kind}>;
fn operand_{index}(o: u32) -> f32 {{
    return f32(operands_{index}[place({walk}u, o)]);
}}
"
            );
        }
        let _ = write!(
            text,
            "fn chain(made: f32, o: u32) -> f32 {{
{}}}
fn finish(made: f32, o: u32) {{
    output[place(0u, o)] = {}(chain(made, o));
}}
",
            self.chain.wgsl(),
            self.output.wgsl()
        );
        text + self.shader.source
    }
}
