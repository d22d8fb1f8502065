//! `figureground run`: classifies clips and streams.

mod args;
mod metered_source;
mod output_args;
mod parsers;
mod reload;
mod run_outputs;
mod watcher;
mod window_arg;

use super::progress::Progress;
use super::{Exit, config, interrupt, print, service};
pub use args::{EXAMPLES, RunArgs};
use clap::{ArgMatches, Args, Command};
use figureground::Result;
use figureground::bundle::labels;
use figureground::pipeline::{FrameRecording, LabelUpdater, Pipeline};
use figureground::sink::Outputs;
use figureground::sink::overlay::Overlay;
use figureground::sink::page::PageControls;
use figureground::source;
pub use parsers::positive;
use reload::Reload;
use run_outputs::RunOutputs;
use watcher::Watcher;

/// Returns the command `run` with all its flags.
pub fn command() -> Command {
    RunArgs::augment_args(Command::new("run"))
}

impl RunArgs {
    /// Runs the command; `matches` are the matches that `self` was parsed from.
    pub fn run(&self, matches: &ArgMatches, progress: &Progress) -> Result<Exit> {
        if self.print_config {
            return print(&config::write(&command(), matches)).map(|()| Exit::Done);
        }
        if self.config.is_some() {
            interrupt::enable_reload();
        }
        let mut bundle = self.models.open()?;
        let bundle_tau = bundle.manifest().gate.threshold;
        if let Some(tau) = self.tau {
            bundle.set_threshold(tau)?;
        }
        let sources = source::expand(&self.sources)?;
        if self.models.bundle.is_none() && !sources.is_empty() {
            log::info!(target: figureground::NOTES, "the built-in bundle recognises drawn people only: import one for real people");
        }
        let overlay = self.overlay.as_deref().map(Overlay::create).transpose()?;
        let records_frames = overlay.is_some() || self.outputs.shows_pictures();
        let recording = if records_frames { FrameRecording::On } else { FrameRecording::Off };
        let mut pipeline = Pipeline::load(&bundle, &self.models.choice(), recording)?;
        let names = self.labels.as_deref().map(labels::read_names).transpose()?;
        if let Some(names) = &names {
            let threads = self.models.threads();
            pipeline.set_labels(bundle.embed_labels(names.clone(), threads, &mut progress.prompts())?)?;
        }
        let settings = self.outputs.settings()?;
        let is_controlled = self.config.is_some() || settings.page.is_some();
        let label_updater = is_controlled.then(|| LabelUpdater::start(bundle, pipeline.handle())).transpose()?;
        let controls =
            label_updater.clone().map(|label_updater| PageControls { handle: pipeline.handle(), label_updater });
        let outputs = Outputs::open(settings, pipeline.backend(), controls)?;
        outputs.addresses().for_each(|address| progress.message(&address));
        let reload = label_updater
            .filter(|_| self.config.is_some())
            .map(|label_updater| Reload::new(matches, names, bundle_tau, label_updater));
        let mut run_outputs = RunOutputs::new(self.json, overlay, outputs, reload);
        service::ready(self.stall_timeout());
        let mut watcher = Watcher { args: self, pipeline: &mut pipeline, outputs: &mut run_outputs, progress };
        let exit = watcher.watch_all(&sources);
        interrupt::start_closing();
        service::stopping();
        let (exit, is_flagged) = (exit?, run_outputs.finish()?);
        Ok(if exit == Exit::Done && self.fail_flagged && is_flagged { Exit::BoundBroken } else { exit })
    }
}
