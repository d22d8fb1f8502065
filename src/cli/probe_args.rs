//! The flags of probes.

use clap::Args;
use figureground::Result;
use figureground::bundle::Bundle;
use figureground::pipeline::{ProbeSettings, ProbedWindows};
use std::path::PathBuf;

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Probes")]
pub struct ProbeArgs {
    /// Paste the person of a doubted window onto the first K other backgrounds, and count in how many the label is
    /// kept. Costs K more views of each doubted window.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u8).range(1..=64))]
    probe: Option<u8>,
    /// Probe every window with a person, doubted or not.
    #[arg(long, requires = "probe")]
    probe_all: bool,
    /// Folder of 1 to 64 pictures of places without people to paste onto [default: the bundle's own bank].
    #[arg(long, value_name = "DIR", requires = "probe")]
    probe_bank: Option<PathBuf>,
}

impl ProbeArgs {
    /// Returns the settings of probes of a gate that is calibrated for them; `None` without `--probe`.
    ///
    /// # Errors
    /// Returns an error if the bank or the gate has too few places.
    pub fn judging(&self, bundle: &Bundle) -> Result<Option<ProbeSettings>> {
        let settings = self.settings(bundle)?;
        settings.iter().try_for_each(|settings| settings.expect_calibrated(&bundle.manifest().gate))?;
        Ok(settings)
    }

    /// Returns the settings of probes; every window is probed with any number of places, to measure.
    ///
    /// # Errors
    /// Returns an error if the bank has too few places, or only doubted windows are probed and the gate is not
    /// calibrated for them.
    pub fn measuring(&self, bundle: &Bundle) -> Result<Option<ProbeSettings>> {
        if self.probe_all { self.settings(bundle) } else { self.judging(bundle) }
    }

    fn settings(&self, bundle: &Bundle) -> Result<Option<ProbeSettings>> {
        let windows = if self.probe_all { ProbedWindows::All } else { ProbedWindows::Doubted };
        let new = |places: u8| ProbeSettings::new(bundle, self.probe_bank.as_deref(), places.into(), windows);
        self.probe.map(new).transpose()
    }
}
