//! `figureground run`: classifies clips and streams.

mod address;
mod args;
mod first_clip;
mod metered_source;
mod output_args;
mod parsers;
mod reload;
mod run_outputs;
mod sources;
mod watcher;
mod window_arg;

use super::progress::Progress;
use super::{Exit, config, interrupt, print, service};
pub use address::address;
pub use args::{EXAMPLES, RunArgs};
use clap::{ArgMatches, Args, Command};
use figureground::Result;
use figureground::bundle::labels;
use figureground::gate::GateSettings;
use figureground::pipeline::{FrameRecording, LabelUpdater, Pipeline, PipelineHandle};
use figureground::sink::Outputs;
use figureground::sink::page::PageControls;
use figureground::source;
use first_clip::FirstClip;
pub use parsers::positive;
use reload::Reload;
pub use run_outputs::{LineFormat, RunOutputs};
use std::panic::resume_unwind;
use std::thread::ScopedJoinHandle;
use std::time::Duration;
pub use watcher::{OpenedSource, Watcher};
pub use window_arg::default_window;

/// Interval at which a program that stays looks for signals.
const TICK: Duration = Duration::from_millis(50);

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
        self.check_sources()?;
        if self.config.is_some() {
            interrupt::enable_reload();
        }
        let mut bundle = self.models.open()?;
        let bundle_tau = bundle.manifest().gate.threshold;
        if let Some(tau) = self.tau {
            bundle.set_threshold(tau)?;
        }
        if let Some(on_background) = self.on_background {
            bundle.set_gate(GateSettings { on_background, ..bundle.manifest().gate.clone() })?;
        }
        let sources = source::expand(&self.sources)?;
        let probe = self.probe.judging(&bundle)?;
        if self.models.bundle.is_none() {
            let note = "the built-in bundle recognises drawn people only: import one for real people";
            log::info!(target: figureground::NOTES, "{note}");
        }
        let overlay = self.create_overlay()?;
        let records_frames = overlay.is_some() || self.outputs.shows_pictures();
        let recording = if records_frames { FrameRecording::On } else { FrameRecording::Off };
        // While the models load, the first clip is decoded.
        let first_clip = FirstClip::of(self, &sources, &bundle.manifest().clip);
        let (loaded, first_clip) = std::thread::scope(|scope| {
            let decoding = first_clip.as_ref().map(|clip| scope.spawn(|| clip.decode()));
            let loaded = Pipeline::load(&bundle, &self.models.choice(), recording);
            // A panic there is one here.
            let join = |decoding: ScopedJoinHandle<'_, _>| decoding.join().unwrap_or_else(|panic| resume_unwind(panic));
            (loaded, decoding.map(join))
        });
        let mut pipeline = loaded?;
        probe.iter().try_for_each(|probe| pipeline.set_probe(probe))?;
        let names = self.labels.as_deref().map(labels::read_names).transpose()?;
        if let Some(names) = &names {
            let threads = self.models.threads();
            pipeline.set_labels(bundle.embed_labels(names.clone(), threads, &mut progress.prompts())?)?;
        }
        let settings = self.outputs.settings(&bundle.manifest().gate, self.stall_timeout(), self.expire_after()?)?;
        let is_controlled = self.config.is_some() || settings.page.is_some();
        let label_updater = is_controlled.then(|| LabelUpdater::start(bundle, pipeline.handle())).transpose()?;
        let controls =
            label_updater.clone().map(|label_updater| PageControls { handle: pipeline.handle(), label_updater });
        let outputs = Outputs::open(settings, pipeline.backend(), controls)?;
        outputs.addresses().for_each(|address| progress.message(&address));
        let reload = label_updater
            .filter(|_| self.config.is_some())
            .map(|label_updater| Reload::new(matches, names, bundle_tau, label_updater));
        let format = LineFormat::of_stdout(self.json);
        let mut run_outputs = RunOutputs::new(format, overlay, outputs, reload);
        service::ready(self.stall_timeout());
        let mut watcher = Watcher { pipeline: &mut pipeline, outputs: &mut run_outputs, progress };
        let exit = self.watch_all(&mut watcher, &sources, first_clip);
        let exit = exit.and_then(|exit| self.complete(exit, &mut run_outputs));
        if let Ok(exit) = exit
            && self.outputs.has_page()
            && run_outputs.has_windows()
            && self.live_source().is_none()
        {
            stay(exit, &mut run_outputs, &pipeline.handle(), progress);
        }
        interrupt::start_closing();
        service::stopping();
        exit
    }

    /// Completes the overlay; returns `exit`, or that a limit was exceeded.
    fn complete(&self, exit: Exit, outputs: &mut RunOutputs) -> Result<Exit> {
        outputs.finish_overlay()?;
        let is_broken = exit == Exit::Done && self.fail_flagged && outputs.is_any_flagged();
        Ok(if is_broken { Exit::BoundBroken } else { exit })
    }
}

/// Serves the live page after the last clip, until a signal ends the program with the code of `exit`.
fn stay(exit: Exit, outputs: &mut RunOutputs, handle: &PipelineHandle, progress: &Progress) {
    if interrupt::is_interrupted() {
        return;
    }
    interrupt::finish(exit.code());
    progress.message("all sources are done: the live page stays until ctrl-C");
    while !interrupt::is_interrupted() {
        service::alive();
        if interrupt::take_reload_request() {
            outputs.reload(handle);
        }
        std::thread::sleep(TICK);
    }
}
