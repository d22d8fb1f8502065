//! How a report was made: program, bundle, gate, data set, command, time, seeds and machine.

use crate::bundle::Bundle;
use crate::engine::all_cores;
use crate::error::Result;
use crate::evaluate::dataset::Shard;
use crate::evaluate::metrics::bootstrap;
use crate::evaluate::{ClipOutcome, Record, RunInfo};
use crate::gate::GateSettings;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// How a report was made. `command`, `at`, `machine` and `shards` differ between runs that measure the same.
#[derive(Clone, Debug, Serialize)]
pub struct Made {
    /// Version of the program.
    pub version: &'static str,
    /// The bundle.
    pub bundle: BundleIdentity,
    /// The gate that judged the clips, with its thresholds.
    pub gate: GateSettings,
    /// What the gate was calibrated with; `None` if it is uncalibrated.
    pub calibrated: Option<&'static str>,
    /// The data set.
    pub data: DataIdentity,
    /// Scored clips by the backend that ran the models.
    pub backends: BTreeMap<String, usize>,
    /// The command line.
    pub command: String,
    /// Time of the report: UTC, RFC 3339.
    pub at: String,
    /// Seeds of everything drawn at random.
    pub seeds: Seeds,
    /// The machine that wrote the report.
    pub machine: Machine,
    /// How the reports of merged shards were made; empty for a run that was not merged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<ShardReport>,
}

/// Name and checksum of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BundleIdentity {
    /// Name in its manifest.
    pub name: String,
    /// Checksum of the manifest without its gate, as in the first line of `records.jsonl`.
    pub checksum: String,
}

/// The data set of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataIdentity {
    /// Name of its folder.
    pub name: String,
    /// Clips of the whole set.
    pub clips: usize,
    /// Checksum of all ids and labels, as in the first line of `records.jsonl`.
    pub checksum: String,
    /// Whether the set has precomputed masks.
    pub masks: bool,
    /// Part of the set that was scored, as K/N; `None` for all.
    pub shard: Option<String>,
}

/// Seeds of everything drawn at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seeds {
    /// Seed of counterfactual sets; `None` without such sets.
    pub counterfactual: Option<u64>,
    /// Seed of bootstrap samples.
    pub bootstrap: u64,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Operating system and architecture: `linux x86_64`.
    pub system: String,
    /// Model of the processor or board; `None` if the system does not name it.
    pub processor: Option<String>,
    /// Number of cores.
    pub cores: usize,
}

/// How the report of a shard was made, as `report.json` of the shard says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardReport {
    /// Version of the program.
    pub version: String,
    /// The data set and the part of it.
    pub data: DataIdentity,
    /// The command line.
    pub command: String,
    /// Time of the report.
    pub at: String,
    /// Seeds.
    pub seeds: Seeds,
    /// The machine.
    pub machine: Machine,
}

/// What the caller of a validation run knows of it.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// Name of the data set's folder.
    pub name: String,
    /// Part of the set that is scored; `None` for all.
    pub shard: Option<Shard>,
    /// The command line.
    pub command: String,
    /// Seed of counterfactual sets; `None` without such sets.
    pub seed: Option<u64>,
    /// How the reports of merged shards were made.
    pub shards: Vec<ShardReport>,
}

impl Made {
    /// Describes a report of `records` that is made now, on this machine.
    ///
    /// # Errors
    /// Returns an error if the bundle's manifest cannot be written as TOML.
    pub(in crate::evaluate) fn new<'a>(
        bundle: &Bundle,
        info: &RunInfo,
        records: impl Iterator<Item = &'a Record>,
        origin: Origin,
    ) -> Result<Self> {
        let manifest = bundle.manifest();
        Ok(Self {
            version: env!("CARGO_PKG_VERSION"),
            bundle: BundleIdentity { name: manifest.name.clone(), checksum: bundle.fingerprint()? },
            gate: manifest.gate.clone(),
            calibrated: manifest.gate.calibration.is_some().then_some("labels"),
            data: DataIdentity {
                name: origin.name,
                clips: info.clips,
                checksum: info.set.clone(),
                masks: info.masks,
                shard: origin.shard.filter(|shard| shard.count > 1).map(|shard| shard.to_string()),
            },
            backends: backends(records),
            command: origin.command,
            at: rfc3339(SystemTime::now()),
            seeds: Seeds { counterfactual: origin.seed, bootstrap: bootstrap::SEED },
            machine: Machine::this(),
            shards: origin.shards,
        })
    }
}

impl Machine {
    /// Describes this machine.
    fn this() -> Self {
        let system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
        Self { system, processor: processor(), cores: all_cores() }
    }
}

/// Returns the model of the processor or board, where Linux names it.
fn processor() -> Option<String> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let model = |text: String| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let board = || Some(read("/proc/device-tree/model")?.trim_end_matches('\0').trim().to_owned());
    read("/proc/cpuinfo").and_then(model).or_else(board).filter(|name| !name.is_empty())
}

/// Counts the scored clips by backend.
fn backends<'a>(records: impl Iterator<Item = &'a Record>) -> BTreeMap<String, usize> {
    #[derive(Deserialize)]
    struct Line {
        backend: String,
    }
    let mut counts = BTreeMap::new();
    for record in records {
        let ClipOutcome::Scored { verdict, .. } = &record.outcome else { continue };
        if let Ok(line) = serde_json::from_str::<Line>(verdict.get()) {
            *counts.entry(line.backend).or_default() += 1;
        }
    }
    counts
}

/// Returns `time` in UTC as RFC 3339, in whole seconds: `2026-11-27T12:00:03Z`. A time before 1970 is 1970.
pub(in crate::evaluate) fn rfc3339(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let [year, month, day] = civil(days);
    let [hour, minute, second] = [second / 3600, second / 60 % 60, second % 60];
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Returns the year, month and day of a day since 1970-01-01, in the Gregorian calendar.
fn civil(days: u64) -> [u64; 3] {
    // Years from March on, so that a leap day is the last; eras of 400 years have 146,097 days.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    [era * 400 + year + u64::from(month <= 2), month, day - (153 * from_march + 2) / 5 + 1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times_are_written_as_rfc_3339() {
        let cases = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (1_795_780_803, "2026-11-27T12:00:03Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ];
        for (seconds, text) in cases {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }
}
