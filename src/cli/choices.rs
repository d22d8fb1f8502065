//! Flags with named values.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use figureground::gate::OnBackground;

/// A value of a flag, its name on the command line, and its help.
#[derive(Clone, Copy, Debug)]
pub struct Choice<T> {
    pub value: T,
    pub name: &'static str,
    pub help: &'static str,
}

/// Values of `--on-background`.
pub const ON_BACKGROUND: [Choice<OnBackground>; 2] = [
    Choice { value: OnBackground::Flag, name: "flag", help: "The label is flagged" },
    Choice { value: OnBackground::Note, name: "note", help: "The line says it; the verdict is by the risk alone" },
];

/// Returns the parser of a flag that takes one of `choices`.
pub fn parser<T: Copy + Send + Sync + 'static>(
    choices: impl IntoIterator<Item = Choice<T>>,
) -> impl TypedValueParser<Value = T> {
    let choices: Vec<Choice<T>> = choices.into_iter().collect();
    let names = choices.iter().map(|choice| PossibleValue::new(choice.name).help(choice.help));
    PossibleValuesParser::new(names).try_map(move |name| {
        let chosen = choices.iter().find(|choice| choice.name == name);
        chosen.map(|choice| choice.value).ok_or_else(|| format!("unknown value {name}"))
    })
}
