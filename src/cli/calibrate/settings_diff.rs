//! The settings of a gate before and after a fit.

use figureground::gate::GateSettings;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Returns a line for each setting that changes: its key in the manifest, and its value before and after.
pub(super) fn settings_diff(before: &GateSettings, after: &GateSettings) -> String {
    let (before, after) = (flat(before), flat(after));
    let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    let width = keys.iter().map(|key| key.len()).max().unwrap_or(0);
    let mut text = String::new();
    for key in keys.into_iter().filter(|key| before.get(*key) != after.get(*key)) {
        let [old, new] = [&before, &after].map(|settings| settings.get(key).map_or("none", String::as_str));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{key:width$}  {old} -> {new}");
    }
    text
}

/// Returns the settings by their key in the manifest: `gate.calibration.clips`.
fn flat(settings: &GateSettings) -> BTreeMap<String, String> {
    fn add(key: &str, value: &toml::Value, flat: &mut BTreeMap<String, String>) {
        match value {
            toml::Value::Table(table) => {
                table.iter().for_each(|(name, value)| add(&format!("{key}.{name}"), value, flat));
            }
            value => drop(flat.insert(key.to_owned(), value.to_string())),
        }
    }
    let mut all = BTreeMap::new();
    // Through text, which has the shortest form of every number.
    if let Some(table) = toml::to_string(settings).ok().and_then(|text| text.parse::<toml::Table>().ok()) {
        add("gate", &toml::Value::Table(table), &mut all);
    }
    all
}
