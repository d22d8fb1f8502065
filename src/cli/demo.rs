//! `figureground demo`: classifies the built-in clip with two encoders, trained without and with masks.

use super::progress::Progress;
use super::run::{LineFormat, OpenedSource, RunOutputs, Watcher, address};
use super::{Exit, built_in, interrupt, print};
use clap::Args;
use figureground::Result;
use figureground::bundle::Bundle;
use figureground::engine::BackendOptions;
use figureground::pipeline::{FrameRecording, LabelUpdater, Pipeline, Sliding, Window};
use figureground::sink::overlay::Overlay;
use figureground::sink::page::{PageControls, PageSettings};
use figureground::sink::{OutputSettings, Outputs, Secret};
use figureground::source::{LoopedSource, Source};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub const EXAMPLES: &str = "Examples:
  figureground demo
  figureground demo --out demo.mp4
  figureground demo --page";

#[derive(Clone, Debug, Args)]
pub struct Demo {
    /// Pictures to write: each sampled frame with the person's outline, the three views and their probabilities.
    #[arg(long, value_name = "FILE.gif|FILE.mp4|DIR", default_value = "verdict.gif", conflicts_with = "page")]
    out: PathBuf,
    /// Show the clip on the live page at ADDRESS instead, again and again until ctrl-C [default of ADDRESS:
    /// 127.0.0.1:8080].
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "8080", value_parser = address)]
    page: Option<SocketAddr>,
    /// File with the access token of the page [default: the environment variable FIGUREGROUND_TOKEN].
    #[arg(long, value_name = "FILE", requires = "page")]
    token_file: Option<PathBuf>,
}

impl Demo {
    pub fn run(&self, progress: &Progress) -> Result<Exit> {
        match self.page {
            Some(page) => self.show(page, progress),
            None => self.classify(progress),
        }
    }

    /// Classifies the clip with both encoders, writes the pictures and prints what to do next.
    fn classify(&self, progress: &Progress) -> Result<Exit> {
        let overlay = Overlay::create(&self.out)?;
        let encoders =
            [("demo, plain encoder", built_in::plain_bundle()?), ("demo, masked encoder", built_in::bundle()?)];
        let mut pipelines = Vec::new();
        for (name, bundle) in &encoders {
            pipelines.push((*name, load(bundle)?));
        }
        let outputs = Outputs::open(OutputSettings::default(), pipelines[0].1.backend(), None)?;
        let mut outputs = RunOutputs::new(LineFormat::Text, Some(overlay), outputs, None);
        for (name, pipeline) in &mut pipelines {
            let mut watcher = Watcher { pipeline, outputs: &mut outputs, progress };
            watcher.watch(built_in::clip_named(name)?.into(), Window::Clip)?;
            interrupt::check()?;
        }
        outputs.finish_overlay()?;
        print(&next_steps(&self.out))?;
        Ok(Exit::Done)
    }

    /// Shows the clip on the live page until the program is interrupted.
    fn show(&self, page: SocketAddr, progress: &Progress) -> Result<Exit> {
        let token = Secret::find(self.token_file.as_deref(), "FIGUREGROUND_TOKEN")?;
        let page = PageSettings { page: Some(page), metrics: None, pictures: true, token, origins: Vec::new() };
        let bundle = built_in::bundle()?;
        let mut pipeline = load(&bundle)?;
        let label_updater = LabelUpdater::start(bundle, pipeline.handle())?;
        let controls = PageControls { handle: pipeline.handle(), label_updater };
        let settings = OutputSettings { page: Some(page), ..OutputSettings::default() };
        let outputs = Outputs::open(settings, pipeline.backend(), Some(controls))?;
        outputs.addresses().for_each(|address| progress.message(&address));
        progress.message("the demo clip repeats until ctrl-C");
        let mut outputs = RunOutputs::new(LineFormat::Text, None, outputs, None);
        let mut watcher = Watcher { pipeline: &mut pipeline, outputs: &mut outputs, progress };
        let clip: Box<dyn Source> = Box::new(LoopedSource::read(built_in::clip()?.as_mut())?);
        watcher.watch(OpenedSource::from(clip), Window::Sliding(Sliding::new(2.0, 0.5)?))?;
        Ok(Exit::Done)
    }
}

fn load(bundle: &Bundle) -> Result<Pipeline> {
    Pipeline::load(bundle, &BackendOptions::default(), FrameRecording::On)
}

/// Returns what to look at and what to do after the demo wrote its pictures to `out`.
fn next_steps(out: &Path) -> String {
    format!(
        "\
The plain encoder was trained on whole pictures, the masked encoder also on pictures whose background was hidden.
{} shows the frames that they saw, the outline of the person, and the three views.

Next: the same with a clip of yours. The built-in models know drawn people only, so import models of real people first:
  figureground import --help
  figureground run --bundle my-bundle clip.mp4 --overlay look.gif
",
        out.display()
    )
}
