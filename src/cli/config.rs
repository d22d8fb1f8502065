//! `--config FILE`: a TOML file whose keys are the flags of `run`, and `--print-config`, which writes one.
//!
//! The file is put in front of the command line as if it were typed there, so that every flag is a key, with the same values
//! and the same errors, and what is typed counts more than what the file says.

use clap::{Arg, ArgAction, ArgMatches, Command};
use figureground::source;
use figureground::{Error, Result, Stage};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::path::Path;
use toml::{Table, Value};

/// The arguments without a flag, and their key.
const SOURCES: &str = "sources";
/// What is said of a configuration, and is none.
const ABOUT: [&str; 4] = ["config", "print-config", "help", "version"];
/// The largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// What a configuration says.
#[derive(Debug, Default)]
pub struct ConfigFile {
    /// Flags with their values, as they would be typed.
    pub flags: Vec<OsString>,
    pub sources: Vec<OsString>,
}

/// The settings of the file at `path`; `command` knows which there are.
///
/// # Errors
/// When the file cannot be read, is no TOML, or has a key or a kind of value that `command` does not know.
pub fn read(path: &Path, command: &Command) -> Result<ConfigFile> {
    let refused = |got: &dyn core::fmt::Display| {
        let next = "write one with `figureground run --print-config`";
        Error::new(Stage::Command, "a configuration in TOML", got, next).at(path.display())
    };
    let size = std::fs::metadata(path).map_err(|e| refused(&e))?.len();
    if size > LARGEST {
        return Err(refused(&format_args!("{size} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|e| refused(&e))?;
    // Its message shows the line, which may hold a password that belongs elsewhere.
    let table: Table = text.parse().map_err(|e: toml::de::Error| refused(&e.message()))?;
    let mut settings = ConfigFile::default();
    for (key, value) in &table {
        if key == SOURCES {
            settings.sources = list(value).ok_or_else(|| wrong(key, "a list of sources", value).at(path.display()))?;
            continue;
        }
        let flag = flags(command)
            .find(|flag| flag.get_long() == Some(key))
            .ok_or_else(|| unknown(key, command).at(path.display()))?;
        // Behind an =, so that a value may begin with a dash.
        let with = |text: OsString| {
            let mut argument = OsString::from(format!("--{key}="));
            argument.push(text);
            argument
        };
        match (takes_value(flag), value) {
            (false, Value::Boolean(true)) => settings.flags.push(format!("--{key}").into()),
            (false, Value::Boolean(false)) => {}
            (false, _) => return Err(wrong(key, "true or false", value).at(path.display())),
            (true, value) => {
                let text = plain(value).ok_or_else(|| wrong(key, "text or a number", value).at(path.display()))?;
                settings.flags.push(with(text));
            }
        }
    }
    Ok(settings)
}

/// What each flag of `matches` is set to, by its key, as text.
pub fn values(command: &Command, matches: &ArgMatches) -> BTreeMap<String, String> {
    let value = |id: &str| {
        let raw = matches.get_raw(id).into_iter().flatten();
        raw.map(|value| value.to_string_lossy().into_owned()).collect::<Vec<_>>().join("\n")
    };
    let flags = flags(command).filter_map(|flag| Some((flag.get_long()?.to_owned(), value(flag.get_id().as_str()))));
    flags.chain([(SOURCES.to_owned(), value(SOURCES))]).collect()
}

/// All settings of `matches` as a configuration, each flag with what it is for. Passwords in URLs are not in it.
pub fn write(command: &Command, matches: &ArgMatches) -> String {
    let mut text = String::from("# figureground run --config FILE; each key is a flag, and --help tells more.\n");
    let sources = matches.get_raw(SOURCES).into_iter().flatten();
    let sources: Vec<Value> = sources.map(|source| Value::String(source::shown(source))).collect();
    push(&mut text, "What is watched", SOURCES, Some(&Value::Array(sources)));
    for flag in flags(command) {
        let Some(key) = flag.get_long() else { continue };
        let help = flag.get_help().map(ToString::to_string).unwrap_or_default();
        let value = if takes_value(flag) {
            matches.get_raw(flag.get_id().as_str()).and_then(|mut values| values.next_back()).map(value_of)
        } else {
            Some(Value::Boolean(matches.get_flag(flag.get_id().as_str())))
        };
        push(&mut text, &help, key, value.as_ref());
    }
    text
}

/// A setting; one that is not there is written as a comment.
fn push(text: &mut String, help: &str, key: &str, value: Option<&Value>) {
    // Writing to a string cannot fail.
    let _ = match value {
        Some(value) => writeln!(text, "\n# {help}\n{key} = {value}"),
        None => writeln!(text, "\n# {help}\n# {key} ="),
    };
}

fn flags(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|flag| flag.get_long().is_some_and(|long| !ABOUT.contains(&long)))
}

fn takes_value(flag: &Arg) -> bool {
    !matches!(flag.get_action(), ArgAction::SetTrue)
}

/// A number where the text is one and says no more than it, text otherwise.
fn value_of(raw: &OsStr) -> Value {
    let text = source::shown(raw);
    let number = text.parse::<i64>().map(Value::Integer).ok().filter(|number| number.to_string() == text);
    let real =
        || text.parse::<f64>().ok().filter(|real| real.is_finite() && real.to_string() == text).map(Value::Float);
    number.or_else(real).unwrap_or(Value::String(text))
}

fn plain(value: &Value) -> Option<OsString> {
    match value {
        Value::String(text) => Some(text.into()),
        Value::Integer(number) => Some(number.to_string().into()),
        Value::Float(number) => Some(number.to_string().into()),
        _ => None,
    }
}

fn list(value: &Value) -> Option<Vec<OsString>> {
    match value {
        Value::String(one) => Some(vec![one.into()]),
        Value::Array(many) => many.iter().map(|one| one.as_str().map(OsString::from)).collect(),
        _ => None,
    }
}

fn wrong(key: &str, expected: &str, value: &Value) -> Error {
    let expected = format!("{expected} for the key `{key}`");
    Error::new(Stage::Command, expected, value.type_str(), "see `figureground run --print-config`")
}

fn unknown(key: &str, command: &Command) -> Error {
    let known = flags(command).filter_map(Arg::get_long).chain([SOURCES]);
    let nearest = known.max_by(|a, b| strsim::jaro_winkler(a, key).total_cmp(&strsim::jaro_winkler(b, key)));
    let next = format!("did you mean `{}`? `figureground run --print-config` shows all", nearest.unwrap_or_default());
    Error::new(Stage::Command, "a flag of `figureground run` as a key", format_args!("`{key}`"), next)
}
