//! Merges the shards of a validation run.

use super::counterfactual::{SET_FILE, STATISTICS_FILES};
use super::dataset::Shard;
use super::journal::{JournalContents, JournalHeader};
use super::rejudge::rejudge;
use super::report::{JSON, Origin, ShardReport};
use super::validation::{RECORDS, ScoredRun, Validation};
use super::{Journal, Record, RunInfo, read_journal};
use crate::bundle::Bundle;
use crate::error::{Error, Result, Setting, Stage};
use crate::file::{create_directory, remove_stale_files};
use serde::Deserialize;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// Merges the records of `shards`, directories that [`validate`](super::validate) wrote, into the directory `out`, and
/// writes their table and report. The bundle's gate judges the records. `command` is the command line, for the report.
///
/// # Errors
/// Returns an error if a file cannot be read or written, if the records are not of one run and of `bundle`, if a clip
/// has two different records, or if a shard of the run is missing; nothing is then written.
pub fn merge(shards: &[PathBuf], bundle: &Bundle, out: &Path, command: &str) -> Result<Validation> {
    let mut files = read_shards(shards)?;
    let reports: Vec<Option<ReportFile>> = shards.iter().map(|shard| ReportFile::read(shard)).collect();
    check(&files, bundle, out, shards, &reports)?;
    create_directory(out)?;
    remove_stale_files(out);
    for (file, contents) in &mut files {
        append(&out.join(file), &contents.header, &mut contents.entries)?;
        rejudge(&out.join(file), &contents.header, &mut contents.entries, &bundle.manifest().gate)?;
    }
    let Some(JournalContents { header: info, entries: records, .. }) = files.remove(RECORDS) else {
        return Err(no_shards());
    };
    let set_name = |file: String| file.trim_end_matches(".jsonl").to_owned();
    let counterfactual =
        files.into_iter().map(|(file, contents)| (set_name(file), contents.entries.into_values().collect()));
    let scored = ScoredRun::new(bundle, &info, &records, &counterfactual.collect())?;
    scored.write(out, info.clips, origin(reports.into_iter().flatten().collect(), command), &[])
}

fn no_shards() -> Error {
    Error::new(Stage::DataSet, "shards of a run", "none", "name the directories to merge")
}

/// Reads the files of records of all shards, each joined by its name.
fn read_shards(shards: &[PathBuf]) -> Result<BTreeMap<String, JournalContents<Record>>> {
    let mut files: BTreeMap<String, JournalContents<Record>> = BTreeMap::new();
    // The file that each record is of.
    let mut origins: HashMap<(String, String), PathBuf> = HashMap::new();
    for shard in shards {
        for file in record_files(shard)? {
            let path = shard.join(&file);
            let read = read_journal::<Record>(&path)?;
            if let Some(contents) = files.get(&file).filter(|contents| contents.header != read.header) {
                let got = format!("{}, which is of {}", path.display(), contents.header.difference(&read.header));
                return Err(Error::new(Stage::DataSet, "shards of one run", got, "merge those of one run"));
            }
            for (clip, record) in &read.entries {
                let origin = origins.entry((file.clone(), clip.clone())).or_insert_with(|| path.clone());
                let earlier = files.get(&file).and_then(|contents| contents.entries.get(clip));
                if earlier.is_some_and(|earlier| !record.agrees_with(earlier)) {
                    return Err(contradiction(clip, origin, &path));
                }
            }
            match files.entry(file) {
                Entry::Vacant(entry) => drop(entry.insert(read)),
                Entry::Occupied(mut entry) => entry.get_mut().entries.extend(read.entries),
            }
        }
    }
    Ok(files)
}

fn contradiction(clip: &str, first: &Path, second: &Path) -> Error {
    let got = format!("two different ones of {clip:?}, in {} and in {}", first.display(), second.display());
    let next = "merge the shards of one run, or score the clip again";
    Error::new(Stage::DataSet, "one record of every clip", got, next)
}

/// Checks that the records are of `bundle`, and that there is one for every clip, in the shards or in `out`.
fn check(
    files: &BTreeMap<String, JournalContents<Record>>,
    bundle: &Bundle,
    out: &Path,
    shards: &[PathBuf],
    reports: &[Option<ReportFile>],
) -> Result<()> {
    let records = files.get(RECORDS).ok_or_else(no_shards)?;
    if records.header.bundle != bundle.fingerprint()? {
        let next = "choose the bundle that the records were made with";
        return Err(Error::new(Stage::DataSet, "the records' bundle", "another one", next).about(Setting::Bundle));
    }
    for (file, contents) in files {
        let path = out.join(file);
        let saved = if path.is_file() { read_journal::<Record>(&path)?.entries } else { BTreeMap::new() };
        for (clip, saved) in saved.iter().filter(|(_, saved)| !saved.outcome.may_change()) {
            if contents.entries.get(clip).is_some_and(|record| !record.agrees_with(saved)) {
                let got = format!("another one of {clip:?} in {} than in the shards", path.display());
                let next = "merge to another directory";
                return Err(Error::new(Stage::DataSet, "one record of every clip", got, next).about(Setting::Out));
            }
        }
    }
    let mut clips: BTreeSet<&str> = records.entries.keys().map(String::as_str).collect();
    let path = out.join(RECORDS);
    let saved = if path.is_file() { Some(read_journal::<Record>(&path)?) } else { None };
    clips.extend(saved.iter().flat_map(|saved| saved.entries.keys().map(String::as_str)));
    let expected = records.header.clips;
    if clips.len() >= expected {
        return Ok(());
    }
    let got = format!("{} of {expected} clips{}", clips.len(), missing(clips.len(), shards, reports));
    let next = "run `figureground validate` for the missing shards, and merge all";
    Err(Error::new(Stage::DataSet, "a record of every clip", got, next))
}

/// Names the shards that are missing, where the reports of the others account for all `found` records.
fn missing(found: usize, shards: &[PathBuf], reports: &[Option<ReportFile>]) -> String {
    if let Some((shard, _)) = shards.iter().zip(reports).find(|(_, report)| report.is_none()) {
        return format!(": {} has no {JSON}, so its run did not end", shard.display());
    }
    let parts: BTreeMap<(usize, usize), usize> = reports.iter().flatten().filter_map(ReportFile::part).collect();
    let Some(&(count, _)) = parts.keys().next() else { return String::new() };
    if parts.keys().any(|part| part.0 != count) || parts.values().sum::<usize>() != found {
        return String::new();
    }
    let is_missing = |index: &usize| !parts.contains_key(&(count, *index));
    let missing: Vec<String> = (1..=count).filter(is_missing).map(|index| format!("{index}/{count}")).collect();
    match missing.as_slice() {
        [] => String::new(),
        [one] => format!(": shard {one} is missing"),
        several => format!(": shards {} are missing", several.join(", ")),
    }
}

/// Fields of the `report.json` of a shard.
#[derive(Debug, Deserialize)]
struct ReportFile {
    made: ShardReport,
    listed: usize,
}

impl ReportFile {
    /// Reads the report of a shard; `None` if it has none in today's format.
    fn read(directory: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(directory.join(JSON)).ok()?).ok()
    }

    /// Returns the number of shards and the number of this one, with its number of clips.
    fn part(&self) -> Option<((usize, usize), usize)> {
        let shard: Shard = self.made.data.shard.as_ref()?.parse().ok()?;
        Some(((shard.count, shard.index), self.listed))
    }
}

/// Describes a merge of shards with these reports.
fn origin(reports: Vec<ReportFile>, command: &str) -> Origin {
    let shards: Vec<ShardReport> = reports.into_iter().map(|report| report.made).collect();
    let name = shards.first().map_or_else(|| "merged".to_owned(), |shard| shard.data.name.clone());
    let seed = shards.first().and_then(|shard| shard.seeds.counterfactual);
    Origin { name, shard: None, command: command.to_owned(), seed, shards }
}

/// Appends the `records` that the file at `path` lacks to it, and adds those that it has to `records`.
fn append(path: &Path, info: &RunInfo, records: &mut BTreeMap<String, Record>) -> Result<()> {
    let (mut journal, saved) = Journal::<Record>::open(path, info)?;
    let is_new = |record: &&Record| {
        let saved = saved.get(&record.clip);
        saved.is_none_or(|saved| saved.outcome.may_change() && !record.agrees_with(saved))
    };
    for record in records.values().filter(is_new) {
        journal.add(record)?;
    }
    for (clip, record) in saved {
        records.entry(clip).or_insert(record);
    }
    Ok(())
}

/// Returns the names of the files of records in a directory.
///
/// # Errors
/// Returns an error if the directory cannot be read, or has no `records.jsonl`.
fn record_files(directory: &Path) -> Result<Vec<String>> {
    let unreadable = |got: &dyn core::fmt::Display| {
        let got = format!("{}: {got}", directory.display());
        Error::new(Stage::DataSet, "a folder that validate wrote", got, "check the path")
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(|e| unreadable(&e).with_source(e))? {
        let name = entry.map_err(|e| unreadable(&e).with_source(e))?.file_name().to_string_lossy().into_owned();
        let is_other = name == SET_FILE || STATISTICS_FILES.contains(&name.as_str());
        files.extend((name.ends_with(".jsonl") && !is_other).then_some(name));
    }
    if files.iter().all(|file| file != RECORDS) {
        return Err(unreadable(&format!("no {RECORDS}")));
    }
    Ok(files)
}
