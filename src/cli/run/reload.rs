//! The configuration, read again while frames flow.

use super::outputs::Outputs;
use crate::cli::{Cli, Command, config, parse_again};
use clap::ArgMatches;
use figureground::bundle::labels;
use figureground::pipeline::{LabelUpdater, PipelineHandle};
use figureground::{Error, Result, Stage};
use std::collections::BTreeMap;

/// Settings that can change while frames flow, by how their keys begin.
const AT_ONCE: [&str; 4] = ["labels", "lines", "tau", "webhook"];

/// What is known of the configuration, to see what has changed.
pub struct Reload {
    values: BTreeMap<String, String>,
    /// The bundle's threshold, for when none is set any more.
    usual_tau: f32,
    label_updater: LabelUpdater,
    /// What the file of labels said, if there was one.
    names: Option<Vec<String>>,
}

impl Reload {
    /// The settings that `matches` hold, by which `names` were read from a file of labels; `usual_tau` is the bundle's
    /// threshold.
    pub fn new(matches: &ArgMatches, names: Option<Vec<String>>, usual_tau: f32, label_updater: LabelUpdater) -> Self {
        Self { values: values(matches), usual_tau, label_updater, names }
    }

    /// Reads the configuration and changes what has changed.
    ///
    /// # Errors
    /// When it, or something that it names, cannot be used; nothing has changed then.
    pub fn apply(&mut self, handle: &PipelineHandle, outputs: &mut Outputs) -> Result<()> {
        let (Cli { command: Command::Run(run), .. }, matches) = parse_again()? else { return Ok(()) };
        let values = values(&matches);
        let changed: Vec<&str> = values
            .iter()
            .filter(|(key, value)| self.values.get(*key) != Some(*value))
            .map(|(key, _)| key.as_str())
            .collect();
        // What may fail comes first.
        let names = run.labels.as_deref().map(labels::read_names).transpose()?;
        if let Some(tau) = run.tau.filter(|tau| !tau.is_finite()) {
            return Err(Error::new(Stage::Command, "a finite tau", tau, "correct it"));
        }
        outputs.reopen(&run.outputs)?;
        if changed.contains(&"tau") {
            handle.set_threshold(run.tau.unwrap_or(self.usual_tau))?;
        }
        self.relabel(names);
        let later: Vec<&str> =
            changed.iter().filter(|key| !AT_ONCE.iter().any(|beginning| key.starts_with(beginning))).copied().collect();
        if !later.is_empty() {
            log::warn!("restart for what else has changed: {}", later.join(", "));
        }
        // What waits for a restart is told once.
        self.values = values;
        Ok(())
    }

    /// A file of labels may say something else under its old name.
    fn relabel(&mut self, names: Option<Vec<String>>) {
        if names == self.names {
            return;
        }
        match &names {
            Some(names) => self.label_updater.ask(names.clone()),
            None => log::warn!("restart for the bundle's own labels"),
        }
        self.names = names;
    }
}

fn values(matches: &ArgMatches) -> BTreeMap<String, String> {
    config::values(&super::command(), matches)
}
