//! How a report was made: program, bundle, gate, data set, command, time, seeds and machine.

use crate::bundle::Bundle;
use crate::engine::all_cores;
use crate::error::Result;
use crate::evaluate::dataset::Shard;
use crate::evaluate::metrics::bootstrap;
use crate::evaluate::{ClipOutcome, Record, RunInfo};
use crate::gate::{CalibrationState, GateSettings};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a report was made. `command`, `at`, `machine` and `shards` differ between runs that measure the same.
#[derive(Clone, Debug, Serialize)]
pub struct Made {
    /// Version of the program.
    pub version: &'static str,
    /// The bundle.
    pub bundle: BundleIdentity,
    /// The gate that judged the clips, with its thresholds.
    pub gate: GateSettings,
    /// How the gate was calibrated: `labels`, `unlabelled` or `overridden`; `None` if it was not.
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
            calibrated: manifest.gate.calibrated().map(CalibrationState::name),
            data: DataIdentity {
                name: origin.name,
                clips: info.clips,
                checksum: info.set.clone(),
                masks: info.masks,
                shard: origin.shard.filter(|shard| shard.count > 1).map(|shard| shard.to_string()),
            },
            backends: backends(records),
            command: origin.command,
            at: Timestamp::now().to_string(),
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
