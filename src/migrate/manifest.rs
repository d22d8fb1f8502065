//! Manifests of bundles.

use super::{OLD, not_old};
use crate::bundle::manifest::{Manifest, SCHEMA};
use crate::error::{Error, Result, Stage};
use toml::{Table, Value};

/// Settings of the gate that have the same meaning in both versions.
const KEPT: [&str; 4] = ["min-person-area", "min-background-area", "min-confidence", "alpha"];

/// Returns the manifest `text` of version 1 in today's format. Its gate keeps areas and confidence, and is uncalibrated.
///
/// # Errors
/// Returns an error if the text is no manifest of version 1.
pub fn manifest(text: &str) -> Result<Manifest> {
    let mut table: Table = text.parse().map_err(|error: toml::de::Error| {
        Error::new(Stage::Manifest, "a manifest of version 1", error.message(), "correct it").with_source(error.clone())
    })?;
    let schema = table.get("schema").and_then(Value::as_integer);
    if schema != Some(i64::from(OLD)) {
        return Err(not_old(schema.map_or("no schema".to_owned(), |schema| format!("schema = {schema}"))));
    }
    table.insert("schema".to_owned(), Value::Integer(i64::from(SCHEMA)));
    if let Some(Value::Table(gate)) = table.get_mut("gate") {
        gate.retain(|key, _| KEPT.contains(&key));
    }
    Manifest::parse(&table.to_string())
}
