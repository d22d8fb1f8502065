//! `records.csv`: one row a clip.

use super::failed;
use crate::error::Result;
use crate::evaluate::metrics::ScoredClip;
use crate::evaluate::{ClipOutcome, Record};
use crate::view::View;
use csv::{Terminator, WriterBuilder};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Columns before those of the strata.
const FIRST: [&str; 2] = ["clip", "truth"];
/// Columns after those of the strata.
const LAST: [&str; 13] = [
    "outcome",
    "label",
    "verdict",
    "reason",
    "explained_by",
    "p_full",
    "p_person",
    "p_background",
    "dominance",
    "person_area",
    "background_area",
    "right",
    "error",
];

/// Returns `records` as CSV (RFC 4180), sorted by clip: `clip`, `truth`, `strata.NAME` of every stratum, then [`LAST`].
/// `clips` are the scored ones among them, as the gate judges them, with labels of the classes `names`. A field that
/// does not exist is empty.
///
/// # Errors
/// Returns an error if a field cannot be written.
pub(super) fn records_csv<'a>(
    records: impl Iterator<Item = &'a Record>,
    clips: &[ScoredClip],
    names: &[String],
) -> Result<Vec<u8>> {
    let mut records: Vec<&Record> = records.collect();
    records.sort_by(|a, b| a.clip.cmp(&b.clip));
    let clips: BTreeMap<&str, &ScoredClip> = clips.iter().map(|clip| (clip.name.as_str(), clip)).collect();
    let strata: BTreeSet<&String> = records.iter().flat_map(|record| record.strata.keys()).collect();
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    let named = strata.iter().map(|name| format!("strata.{name}"));
    let header = FIRST.map(str::to_owned).into_iter().chain(named).chain(LAST.map(str::to_owned));
    writer.write_record(header).map_err(failed)?;
    for record in records {
        let mut row = vec![record.clip.clone(), record.truth.clone()];
        row.extend(strata.iter().map(|name| record.strata.get(*name).cloned().unwrap_or_default()));
        row.extend(outcome(record, clips.get(record.clip.as_str()).copied(), names));
        writer.write_record(row).map_err(failed)?;
    }
    writer.into_inner().map_err(|error| failed(error.into_error()))
}

/// Returns the fields of [`LAST`].
fn outcome(record: &Record, clip: Option<&ScoredClip>, names: &[String]) -> [String; 13] {
    let mut fields: [String; 13] = Default::default();
    fields[0] = match &record.outcome {
        ClipOutcome::Scored { .. } if clip.is_none() => "mislabelled",
        ClipOutcome::Scored { .. } => "scored",
        ClipOutcome::Missing => "missing",
        ClipOutcome::Mislabelled => "mislabelled",
        ClipOutcome::TooShort(_) => "too-short",
        ClipOutcome::Unreadable(_) => "unreadable",
    }
    .to_owned();
    match &record.outcome {
        ClipOutcome::Unreadable(error) => fields[12].clone_from(error),
        ClipOutcome::TooShort(frames) => fields[12] = format!("{frames} frames"),
        _ => {}
    }
    let Some(clip) = clip else { return fields };
    let [full, person, background] = View::ALL.map(|view| clip.p[view.index()]);
    fields[1] = names.get(clip.label()).cloned().unwrap_or_default();
    fields[2] = clip.verdict.name().to_owned();
    fields[3] = clip.verdict.reason().unwrap_or_default().to_owned();
    fields[4] = explained_by(clip).to_owned();
    let numbers = [full, person, background, background - person, clip.person_area].map(Some);
    for (field, number) in fields[5..11].iter_mut().zip(numbers.into_iter().chain([background_area(record)])) {
        *field = number.filter(|number| number.is_finite()).map(|number| number.to_string()).unwrap_or_default();
    }
    fields[11] = clip.is_right().to_string();
    fields
}

/// Returns which views rank the label first.
fn explained_by(clip: &ScoredClip) -> &'static str {
    let ranks_first = |view: View| clip.best[view.index()] == clip.label();
    match (ranks_first(View::Person), ranks_first(View::Background)) {
        (true, true) => "both",
        (true, false) => "person",
        (false, true) => "background",
        (false, false) => "neither",
    }
}

/// Returns the fraction of the crop that the background view shows, from the verdict line.
fn background_area(record: &Record) -> Option<f32> {
    #[derive(Deserialize)]
    struct Line {
        background_area: Option<f32>,
    }
    let ClipOutcome::Scored { verdict, .. } = &record.outcome else { return None };
    serde_json::from_str::<Line>(verdict.get()).ok()?.background_area
}
