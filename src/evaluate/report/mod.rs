//! Reports of measures: `report.json` for programs, and the self-contained page `report.html` for people.

mod charts;
mod examples;

pub use examples::{ReportExample, example};

use super::metrics::Measures;
use crate::error::{Error, Result, Stage};
use crate::file::write_aside;
use minijinja::{Environment, context};
use serde::Serialize;
use std::path::Path;

/// Version of the format of `report.json`.
pub const SCHEMA: u32 = 1;
/// File name of the page.
pub const PAGE: &str = "report.html";

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

/// Contents of `report.json`.
#[derive(Debug, Serialize)]
struct Json<'a> {
    schema: u32,
    /// Clips of the data set, with those that were not scored.
    listed: usize,
    #[serde(flatten)]
    measures: &'a Measures,
}

/// Writes `report.json` and `report.html` to `directory`. `listed` is the number of clips of the data set.
///
/// # Errors
/// Returns an error if a file cannot be written.
pub fn write(
    directory: &Path,
    title: &str,
    listed: usize,
    measures: &Measures,
    examples: &[ReportExample],
) -> Result<()> {
    let json = serde_json::to_vec_pretty(&Json { schema: SCHEMA, listed, measures });
    let mut json = json.map_err(failed)?;
    json.push(b'\n');
    write_aside(&directory.join("report.json"), &json)?;
    write_aside(&directory.join(PAGE), page(title, listed, measures, examples)?.as_bytes())
}

fn page(title: &str, listed: usize, measures: &Measures, examples: &[ReportExample]) -> Result<String> {
    let mut environment = Environment::new();
    environment.add_filter("percent", |value: Option<f64>| match value {
        Some(value) => format!("{:.1}", value * 100.0),
        None => "–".to_owned(),
    });
    environment
        .add_filter("number", |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.3}")));
    environment.add_template("report.html", include_str!("page.html")).map_err(failed)?;
    let template = environment.get_template("report.html").map_err(failed)?;
    let page = template.render(context! {
        title, listed, measures, examples,
        papers => PAPERS,
        hat => HAT,
        curves => charts::curves(measures)?,
        bars => charts::bars(measures)?,
        confusion => charts::confusion(measures)?,
    });
    page.map_err(failed)
}

fn failed(error: impl core::error::Error + Send + Sync + 'static) -> Error {
    Error::caused(Stage::Sink, "a report", error, "report this")
}
