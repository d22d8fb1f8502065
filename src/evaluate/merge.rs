//! Merges the shards of a validation run.

use super::counterfactual::STATISTICS_FILES;
use super::journal::JournalContents;
use super::rejudge::rejudge;
use super::validation::{RECORDS, Validation, measures};
use super::{Journal, Record, RunInfo, read_journal, report};
use crate::bundle::Bundle;
use crate::error::{Error, Result, Setting, Stage};
use crate::file::create_directory;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

/// Merges the records of `shards`, directories that [`validate`](super::validate) wrote, into the directory `out`, and
/// writes their report. The bundle's gate judges the records.
///
/// # Errors
/// Returns an error if a file cannot be read or written, or if the records are not of one run and of `bundle`.
pub fn merge(shards: &[PathBuf], bundle: &Bundle, out: &Path) -> Result<Validation> {
    let mut files: BTreeMap<String, JournalContents<Record>> = BTreeMap::new();
    for shard in shards {
        for file in record_files(shard)? {
            let path = shard.join(&file);
            let read = read_journal::<Record>(&path)?;
            match files.entry(file) {
                Entry::Vacant(entry) => drop(entry.insert(read)),
                Entry::Occupied(mut entry) if entry.get().header == read.header => {
                    entry.get_mut().entries.extend(read.entries);
                }
                Entry::Occupied(_) => {
                    let got = format!("{}, which is of another bundle or set", path.display());
                    return Err(Error::new(Stage::DataSet, "shards of one run", got, "merge those of one run"));
                }
            }
        }
    }
    create_directory(out)?;
    for (file, contents) in &mut files {
        append(&out.join(file), &contents.header, &mut contents.entries)?;
        if contents.header.bundle == bundle.fingerprint()? {
            rejudge(&out.join(file), &contents.header, &mut contents.entries, &bundle.manifest().gate)?;
        }
    }
    let Some(JournalContents { header: info, entries: records, .. }) = files.remove(RECORDS) else {
        return Err(Error::new(Stage::DataSet, "shards of a run", "none", "name the directories to merge"));
    };
    if info.bundle != bundle.fingerprint()? {
        let next = "choose the bundle that the records were made with";
        return Err(Error::new(Stage::DataSet, "the records' bundle", "another one", next).about(Setting::Bundle));
    }
    if records.len() < info.clips {
        log::warn!("{} of {} clips have records: other shards are missing", records.len(), info.clips);
    }
    let set_name = |file: String| file.trim_end_matches(".jsonl").to_owned();
    let counterfactual =
        files.into_iter().map(|(file, contents)| (set_name(file), contents.entries.into_values().collect()));
    let measures = measures(bundle, &info, records.values(), &counterfactual.collect())?;
    report::write(out, "merged", info.clips, &measures, &[])?;
    Ok(Validation { listed: info.clips, measures, page: out.join(report::PAGE) })
}

/// Appends the `records` that the file at `path` lacks to it, and adds those that it has to `records`.
fn append(path: &Path, info: &RunInfo, records: &mut BTreeMap<String, Record>) -> Result<()> {
    let (mut journal, saved) = Journal::<Record>::open(path, info)?;
    for record in records.values().filter(|record| !saved.contains_key(&record.clip)) {
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
        files.extend((name.ends_with(".jsonl") && !STATISTICS_FILES.contains(&name.as_str())).then_some(name));
    }
    if files.iter().all(|file| file != RECORDS) {
        return Err(unreadable(&format!("no {RECORDS}")));
    }
    Ok(files)
}
