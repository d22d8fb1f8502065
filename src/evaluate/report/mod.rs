//! Reports of measures: `report.json` and `records.csv` for programs, and the self-contained page `report.html` for
//! people.

mod charts;
mod examples;
mod made;
mod table;

pub use examples::{ReportExample, example};
pub use made::{BundleIdentity, DataIdentity, Machine, Made, Origin, Seeds, ShardReport};

use super::Record;
use super::metrics::{Measures, ScoredClip};
use crate::error::{Error, Result, Stage};
use crate::file::write_aside;
use minijinja::{Environment, Value, context};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Version of the format of `report.json`.
pub const SCHEMA: u32 = 2;
/// File name of the page.
pub const PAGE: &str = "report.html";
/// File name of the measures.
pub const JSON: &str = "report.json";
/// File name of the table of records.
pub const TABLE: &str = "records.csv";

/// Figures of the masking paper, for orientation. Its data and models differ: only the order is comparable.
const PAPERS: [Paper; 4] = [
    Paper { what: "ViFi-CLIP, Kinetics, in context", top1: 68.9, p_top1: Some(12.1), b_top1: Some(50.3) },
    Paper { what: "same, trained with masks .33:.67", top1: 67.4, p_top1: Some(26.6), b_top1: Some(48.4) },
    Paper { what: "ViFi-CLIP, Mimetics, out of context", top1: 19.2, p_top1: Some(13.3), b_top1: None },
    Paper { what: "same, trained with masks", top1: 23.8, p_top1: Some(23.3), b_top1: None },
];

/// A row of the masking paper's Tables 1 and 2, in percent.
#[derive(Debug, Serialize)]
struct Paper {
    what: &'static str,
    top1: f64,
    p_top1: Option<f64>,
    b_top1: Option<f64>,
}

/// Figures of HAT, for orientation.
const HAT: [Hat; 3] = [
    Hat { what: "TSN, ResNet50", bor: 68.3, same: 60.2, close: [23.4, 26.7], random: [13.3, 28.1], far: [11.9, 32.7] },
    Hat { what: "I3D, ResNet50", bor: 71.0, same: 64.9, close: [27.4, 26.6], random: [17.0, 29.9], far: [14.8, 34.8] },
    Hat { what: "TimeSformer", bor: 69.1, same: 65.3, close: [25.8, 27.4], random: [15.6, 28.8], far: [13.0, 33.2] },
];

/// A row of HAT's Tables 1 and 2, in percent: BOR, then SHAcc and SBErr.
#[derive(Debug, Serialize)]
struct Hat {
    what: &'static str,
    bor: f64,
    same: f64,
    close: [f64; 2],
    random: [f64; 2],
    far: [f64; 2],
}

/// Contents of a report.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// How it was made.
    pub made: &'a Made,
    /// Clips that were to be scored, with those that were not.
    pub listed: usize,
    /// The measures.
    pub measures: &'a Measures,
    /// Example clips.
    pub examples: &'a [ReportExample],
}

/// Contents of `report.json`.
#[derive(Debug, Serialize)]
struct Json<'a> {
    schema: u32,
    made: &'a Made,
    listed: usize,
    #[serde(flatten)]
    measures: &'a Measures,
}

/// Writes `report.json` and `report.html` to `directory`.
///
/// # Errors
/// Returns an error if a file cannot be written.
pub fn write(directory: &Path, report: &Report<'_>) -> Result<()> {
    let Report { made, listed, measures, .. } = *report;
    let json = serde_json::to_vec_pretty(&Json { schema: SCHEMA, made, listed, measures });
    let mut json = json.map_err(failed)?;
    json.push(b'\n');
    write_aside(&directory.join(JSON), &json)?;
    write_aside(&directory.join(PAGE), page(report)?.as_bytes())
}

/// Writes `records.csv` to `directory`: one row for each of `records`. `clips` are the scored ones among them, with
/// labels of the classes `names`.
///
/// # Errors
/// Returns an error if the file cannot be written.
pub fn write_table<'a>(
    directory: &Path,
    records: impl Iterator<Item = &'a Record>,
    clips: &[ScoredClip],
    names: &[String],
) -> Result<()> {
    write_aside(&directory.join(TABLE), &table::records_csv(records, clips, names)?)
}

fn page(report: &Report<'_>) -> Result<String> {
    let Report { made, listed, measures, examples } = *report;
    let mut environment = Environment::new();
    let dash = || "–".to_owned();
    environment.add_filter("percent", move |value: Option<f64>| {
        value.map_or_else(dash, |value| format!("{:.1}", value * 100.0))
    });
    environment.add_filter("number", move |value: Option<f64>| value.map_or_else(dash, |value| format!("{value:.3}")));
    environment.add_filter("counted", counted);
    environment.add_filter("between", |estimate: Value| between(&estimate, |end| format!("{:.1}", end * 100.0)));
    environment.add_filter("within", |estimate: Value| between(&estimate, |end| format!("{end:.3}")));
    environment.add_template("report.html", include_str!("page.html")).map_err(failed)?;
    let template = environment.get_template("report.html").map_err(failed)?;
    let page = template.render(context! {
        made, listed, measures, examples,
        gate => gate_settings(made)?,
        papers => PAPERS,
        hat => HAT,
        curves => charts::curves(measures),
        bars => charts::bars(measures),
        confusion => charts::confusion(measures),
    });
    page.map_err(failed)
}

/// Returns how many clips a share is of how many: `19 of 216`.
fn counted(estimate: Value) -> String {
    let of = usize::try_from(attribute(&estimate, "of").unwrap_or_default()).unwrap_or(0);
    let value = attribute(&estimate, "value").and_then(|value| f64::try_from(value).ok());
    value.map_or_else(|| format!("of {of}"), |value| format!("{:.0} of {of}", value * of as f64))
}

/// Returns the interval of an estimate in words.
fn between(estimate: &Value, number: impl Fn(f64) -> String) -> String {
    let end = |name: &str| attribute(estimate, name).and_then(|end| f64::try_from(end).ok());
    match (end("low"), end("high")) {
        (Some(low), Some(high)) => format!("{} to {}", number(low), number(high)),
        _ => "–".to_owned(),
    }
}

/// Returns an attribute of an estimate that is not null.
fn attribute(estimate: &Value, name: &str) -> Option<Value> {
    estimate.get_attr(name).ok().filter(|value| !value.is_none() && !value.is_undefined())
}

/// Returns the settings of the gate by their names, as the manifest has them: `calibration.clips`.
fn gate_settings(made: &Made) -> Result<BTreeMap<String, String>> {
    // Through text, so that single-precision numbers keep their shortest form.
    let text = serde_json::to_string(&made.gate).map_err(failed)?;
    let mut settings = BTreeMap::new();
    flatten(&serde_json::from_str(&text).map_err(failed)?, "", &mut settings);
    Ok(settings)
}

/// Adds the leaves of `value` to `settings`, each by the names on its path.
fn flatten(value: &serde_json::Value, path: &str, settings: &mut BTreeMap<String, String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, field) in fields {
                flatten(field, &if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, settings);
            }
        }
        serde_json::Value::String(text) => drop(settings.insert(path.to_owned(), text.clone())),
        serde_json::Value::Array(all) => {
            let all: Vec<String> = all.iter().map(ToString::to_string).collect();
            settings.insert(path.to_owned(), all.join(", "));
        }
        other => drop(settings.insert(path.to_owned(), other.to_string())),
    }
}

fn failed(error: impl core::error::Error + Send + Sync + 'static) -> Error {
    Error::caused(Stage::Sink, "a report", error, "report this")
}
