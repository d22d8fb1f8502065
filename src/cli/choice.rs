//! Flags with a few named values.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use figureground::engine::{Backend, Precision};
use figureground::import::tower::Activation;

/// A value of a flag: its name, its help and what it stands for.
pub type Choice<T> = (&'static str, &'static str, T);

/// Values of `--backend`.
pub const BACKENDS: &[Choice<Backend>] = &[
    ("auto", "A GPU if this build and this machine have one, else the CPU", Backend::Auto),
    ("cpu", "The CPU, through tract", Backend::Cpu),
    ("gpu", "A GPU, through wgpu", Backend::Gpu),
];
/// Values of `--precision`.
pub const PRECISIONS: &[Choice<Precision>] =
    &[("f32", "32 bits", Precision::F32), ("f16", "16 bits, if the adapter supports them", Precision::F16)];
/// Values of `--activation`.
pub const ACTIVATIONS: &[Choice<Activation>] = &[
    ("quick-gelu", "`x * sigmoid(1.702 x)`, OpenAI's approximation", Activation::QuickGelu),
    ("gelu", "`x * Phi(x)`, computed with `erf`", Activation::Gelu),
];

/// Returns the parser of a flag with the values `choices`.
pub fn one_of<T: Copy + Send + Sync + 'static>(choices: &'static [Choice<T>]) -> impl TypedValueParser<Value = T> {
    let names = choices.iter().map(|&(name, help, _)| PossibleValue::new(name).help(help));
    PossibleValuesParser::new(names).try_map(|given| {
        let choice = choices.iter().find(|(name, ..)| *name == given);
        choice.map(|&(.., value)| value).ok_or("no such value")
    })
}
