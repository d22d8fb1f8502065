//! Reads `--config FILE`, a TOML file whose keys are the flags of `run`, and writes one for `--print-config`.
//!
//! The settings of the file are inserted before the flags of the command line. So every flag is a key with the same
//! values and errors, and flags on the command line take precedence.

use clap::{Arg, ArgAction, ArgMatches, Command};
use figureground::{Error, Result, Stage};
use figureground::{bounded_file, source};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::path::Path;
use toml::{Table, Value};

/// The key and the id of the positional arguments.
const SOURCES: &str = "sources";
/// Flags that are not settings.
const NOT_SETTINGS: [&str; 4] = ["config", "print-config", "help", "version"];
/// The largest configuration file, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// The arguments of a configuration file.
#[derive(Debug, Default)]
pub struct ConfigFile {
    /// Flags with their values, as on the command line.
    pub flags: Vec<OsString>,
    pub sources: Vec<OsString>,
}

/// Reads the file at `path`, whose keys are flags of `command`.
///
/// # Errors
/// Returns an error if the file cannot be read, is not TOML, or has an unknown key or a value of the wrong type.
pub fn read(path: &Path, command: &Command) -> Result<ConfigFile> {
    let refused = |got: &dyn core::fmt::Display| {
        let next = "create one with `figureground run --print-config`";
        Error::new(Stage::Command, "a configuration file in TOML", got, next).at(path.display())
    };
    let text = bounded_file::read_text(path, MAX_FILE_BYTES).map_err(|e| refused(&e).with_source(e))?;
    // Without the line that its `Display` quotes, which may hold a password.
    let table: Table = text.parse().map_err(|e: toml::de::Error| refused(&e.message()))?;
    let mut file = ConfigFile::default();
    for (key, value) in &table {
        if key == SOURCES {
            file.sources = list(value).ok_or_else(|| wrong(key, "a list of sources", value).at(path.display()))?;
            continue;
        }
        let flag = flags(command)
            .find(|flag| {
                flag.get_long() == Some(key) || flag.get_all_aliases().is_some_and(|all| all.contains(&key.as_str()))
            })
            .ok_or_else(|| unknown(key, command).at(path.display()))?;
        // With an =, so that a value may begin with a dash.
        let assign = |text: OsString| {
            let mut argument = OsString::from(format!("--{key}="));
            argument.push(text);
            argument
        };
        match (takes_value(flag), value) {
            (false, Value::Boolean(true)) => file.flags.push(format!("--{key}").into()),
            (false, Value::Boolean(false)) => {}
            (false, _) => return Err(wrong(key, "true or false", value).at(path.display())),
            (true, value) => {
                let text = plain(value).ok_or_else(|| wrong(key, "text or a number", value).at(path.display()))?;
                file.flags.push(assign(text));
            }
        }
    }
    Ok(file)
}

/// Returns the value of each flag in `matches` as text, by key.
pub fn values(command: &Command, matches: &ArgMatches) -> BTreeMap<String, String> {
    let value = |id: &str| {
        let raw = matches.get_raw(id).into_iter().flatten();
        raw.map(|value| value.to_string_lossy().into_owned()).collect::<Vec<_>>().join("\n")
    };
    let flags = flags(command).filter_map(|flag| Some((flag.get_long()?.to_owned(), value(flag.get_id().as_str()))));
    flags.chain([(SOURCES.to_owned(), value(SOURCES))]).collect()
}

/// Returns `matches` as a configuration file with the help of each flag. Passwords in URLs are replaced by `***`.
pub fn write(command: &Command, matches: &ArgMatches) -> String {
    let mut text =
        String::from("# Configuration of `figureground run --config FILE`. Each key is a flag; see --help.\n");
    let sources = matches.get_raw(SOURCES).into_iter().flatten();
    let sources: Vec<Value> = sources.map(|source| Value::String(source::without_secrets(source))).collect();
    push(&mut text, "Sources to watch", SOURCES, Some(&Value::Array(sources)));
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

/// Appends a setting; one without a value becomes a comment.
fn push(text: &mut String, help: &str, key: &str, value: Option<&Value>) {
    // Writing to a string cannot fail.
    let _ = match value {
        Some(value) => writeln!(text, "\n# {help}\n{key} = {value}"),
        None => writeln!(text, "\n# {help}\n# {key} ="),
    };
}

fn flags(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|flag| flag.get_long().is_some_and(|long| !NOT_SETTINGS.contains(&long)))
}

fn takes_value(flag: &Arg) -> bool {
    !matches!(flag.get_action(), ArgAction::SetTrue)
}

/// Returns a number if the text is one in its shortest form, and text otherwise.
fn value_of(raw: &OsStr) -> Value {
    let text = source::without_secrets(raw);
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
