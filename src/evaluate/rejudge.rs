//! Judges records again, after the gate of their bundle has changed.

use super::record::{ClipOutcome, Record, RunInfo};
use crate::error::{Error, Result, Stage};
use crate::file::write_aside;
use crate::gate::{Gate, GateSettings};
use crate::pipeline::TOP;
use crate::sink::json_lines::JudgedFields;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::path::Path;

/// Judges `records` by `gate`, and replaces the file at `path` if the verdict line of any record changes. A report then
/// says the same as the lines of its records.
///
/// # Errors
/// Returns an error if a record's numbers are invalid or the file cannot be written; it is then unchanged.
pub(super) fn rejudge(
    path: &Path,
    info: &RunInfo,
    records: &mut BTreeMap<String, Record>,
    gate: &GateSettings,
) -> Result<()> {
    let mut gate = Gate::new(gate.clone())?;
    let mut changed = 0;
    for record in records.values_mut() {
        let line = record.outcome.judge(&mut gate, |gate, evidence, judgement| {
            let top = gate.top::<TOP>(evidence);
            let top = top.each_ref().map(|top| top.as_slice());
            serde_json::value::to_raw_value(&JudgedFields::new(&judgement, top, &info.classes))
        })?;
        let (Some(judged), ClipOutcome::Scored { verdict, .. }) = (line, &mut record.outcome) else { continue };
        let judged: Fields = serde_json::from_str(judged.map_err(failed)?.get()).map_err(failed)?;
        let mut line: Fields = serde_json::from_str(verdict.get()).map_err(failed)?;
        if line.replace(judged) {
            *verdict = serde_json::value::to_raw_value(&line).map_err(failed)?;
            changed += 1;
        }
    }
    if changed == 0 {
        return Ok(());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    log::info!(target: crate::NOTES, "{changed} lines of {name} were judged again, by the bundle's present gate");
    let mut text = serde_json::to_vec(info).map_err(failed)?;
    for record in records.values() {
        text.push(b'\n');
        serde_json::to_writer(&mut text, record).map_err(failed)?;
    }
    text.push(b'\n');
    write_aside(path, &text)
}

/// The fields of a JSON object in their order.
#[derive(Debug)]
struct Fields(Vec<(String, Box<RawValue>)>);

impl Fields {
    /// Replaces the values of `new` fields, and returns whether any changed.
    fn replace(&mut self, new: Fields) -> bool {
        let mut is_changed = false;
        for (key, value) in new.0 {
            match self.0.iter_mut().find(|(other, _)| *other == key) {
                Some((_, old)) if old.get() == value.get() => {}
                Some((_, old)) => (is_changed, *old) = (true, value),
                None => {
                    self.0.push((key, value));
                    is_changed = true;
                }
            }
        }
        is_changed
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> core::result::Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> core::result::Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields;

            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> core::result::Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

fn failed(error: serde_json::Error) -> Error {
    Error::caused(Stage::DataSet, "a verdict line in every scored record", error, "run validate again")
}
