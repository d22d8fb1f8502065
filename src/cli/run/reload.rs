//! Applies a changed configuration while frames flow.

use crate::cli::{Cli, Command, config, parse_again};
use clap::ArgMatches;
use figureground::bundle::labels;
use figureground::pipeline::{LabelUpdater, PipelineHandle};
use figureground::sink::Outputs;
use figureground::{Error, Result, Stage};
use std::collections::BTreeMap;

/// Prefixes of the keys that can change without a restart.
const RELOADABLE: [&str; 4] = ["labels", "lines", "tau", "webhook"];

/// The configuration in use.
pub struct Reload {
    values: BTreeMap<String, String>,
    /// The bundle's threshold, used if the configuration sets none.
    bundle_tau: f32,
    label_updater: LabelUpdater,
    /// Labels of the label file, if the configuration has one.
    names: Option<Vec<String>>,
}

impl Reload {
    /// Creates the state from `matches`, whose label file holds `names`; `bundle_tau` is the bundle's threshold.
    pub(super) fn new(
        matches: &ArgMatches,
        names: Option<Vec<String>>,
        bundle_tau: f32,
        label_updater: LabelUpdater,
    ) -> Self {
        Self { values: values(matches), bundle_tau, label_updater, names }
    }

    /// Reads the configuration and applies its changes.
    ///
    /// # Errors
    /// Returns an error if the configuration or a file that it names cannot be used; nothing has changed then.
    pub(super) fn apply(&mut self, handle: &PipelineHandle, outputs: &mut Outputs) -> Result<()> {
        let (Cli { command: Command::Run(run), .. }, matches) = parse_again()? else { return Ok(()) };
        let values = values(&matches);
        let changed: Vec<&str> = values
            .iter()
            .filter(|(key, value)| self.values.get(*key) != Some(*value))
            .map(|(key, _)| key.as_str())
            .collect();
        // Everything that may fail comes first.
        let names = run.labels.as_deref().map(labels::read_names).transpose()?;
        if let Some(tau) = run.tau.filter(|tau| !tau.is_finite()) {
            return Err(Error::new(Stage::Command, "a finite tau", tau, "correct it"));
        }
        outputs.reopen(&run.outputs.reloadable_settings()?)?;
        if changed.contains(&"tau") {
            handle.set_threshold(run.tau.unwrap_or(self.bundle_tau))?;
        }
        self.update_labels(names);
        let is_reloadable = |key: &str| RELOADABLE.iter().any(|prefix| key.starts_with(prefix));
        let pending: Vec<&str> = changed.iter().filter(|key| !is_reloadable(key)).copied().collect();
        if !pending.is_empty() {
            log::warn!("restart to apply the other changes: {}", pending.join(", "));
        }
        // Replaced even if a restart is pending, so that the warning is logged once.
        self.values = values;
        Ok(())
    }

    /// Compares contents, because a label file may change under the same name.
    fn update_labels(&mut self, names: Option<Vec<String>>) {
        if names == self.names {
            return;
        }
        match &names {
            Some(names) => self.label_updater.ask(names.clone()),
            None => log::warn!("restart to use the bundle's own labels"),
        }
        self.names = names;
    }
}

fn values(matches: &ArgMatches) -> BTreeMap<String, String> {
    config::values(&super::command(), matches)
}
