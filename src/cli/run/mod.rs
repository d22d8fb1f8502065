//! `figureground run`: verdicts.

mod metered_source;
mod outputs;
mod reload;

use super::progress::Progress;
use super::{Exit, ModelArgs, built_in, config, interrupt, person_reads, print, report, service, text_line};
use clap::{ArgMatches, Args, Command};
use figureground::bundle::labels;
use figureground::gate::Verdict;
use figureground::pipeline::{FrameRecording, LabelUpdater, Pipeline, PipelineHandle, Sliding, Window, WindowResult};
use figureground::sink::json_lines::JsonLines;
use figureground::sink::overlay::Overlay;
use figureground::source::camera::PixelFormat;
use figureground::source::{self, ArrivalTime, ReconnectingSource, Source, SourceHealth, SourceOptions};
use figureground::{Error, Result, Stage};
use metered_source::MeteredSource;
use outputs::{OutputArgs, Outputs};
use reload::Reload;
use std::ffi::OsString;
use std::io::Stdout;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

pub const EXAMPLES: &str = "Examples:
  figureground run --bundle my-bundle clip.mp4
  figureground run --bundle my-bundle 'clips/*.mp4' --overlay look/ > verdicts.jsonl
  ffmpeg -i clip.mp4 -f yuv4mpegpipe - | figureground run --bundle my-bundle -
  figureground run --bundle my-bundle rtsp://host/stream --window 2 --stride 0.5
  figureground run --bundle my-bundle camera:0 --page --mqtt mqtt://broker --lines verdicts.jsonl
  figureground run camera:0 --page --print-config > figureground.toml; figureground run --config figureground.toml
  figureground run --bundle my-bundle -- -begins-with-a-dash.mp4";

/// The default window and stride of sources that do not end, in seconds.
const LIVE: (f64, f64) = (2.0, 0.5);

#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// Picture, folder of pictures, glob, GIF, WebP, .y4m, - (Y4M on stdin), video file or URL that ffmpeg opens,
    /// camera:N [default: the demo clip]. In a URL, ${NAME} is taken from the environment.
    #[arg(value_name = "SOURCE")]
    sources: Vec<OsString>,
    #[command(flatten)]
    models: ModelArgs,
    /// One window for the whole clip, or the last SECONDS again and again [default: clip; 2 for cameras and streams].
    #[arg(long, value_name = "clip|SECONDS")]
    window: Option<WindowArg>,
    /// How often a window of SECONDS ends [default: a quarter of the window].
    #[arg(long, value_name = "SECONDS")]
    stride: Option<f64>,
    /// Pictures to look at: each sampled frame with the person's outline, the three views and their scores.
    #[arg(long, value_name = "FILE.gif|FILE.mp4|DIR")]
    overlay: Option<PathBuf>,
    /// Frames a second of a folder of pictures.
    #[arg(long, value_name = "N", default_value_t = 25.0, value_parser = positive)]
    fps: f64,
    /// The most that a pipe may be spooled to disk.
    #[arg(long, value_name = "BYTES", default_value_t = 2 << 30)]
    spool: u64,
    /// How long a stream or camera may be silent.
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = positive)]
    stall: f64,
    /// Width and height that a camera is asked for; the nearest that it offers is taken.
    #[arg(long, value_name = "WxH", default_value = "640x480", value_parser = size)]
    camera_size: [u32; 2],
    /// Frames a second that a camera is asked for.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=1000))]
    camera_fps: u32,
    /// How a camera has to send its pixels [default: as costs least of what it offers].
    #[arg(long, value_enum)]
    camera_format: Option<PixelFormat>,
    /// Other actions to tell apart than the bundle's: one a line.
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Flags above this score instead of the bundle's threshold.
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    tau: Option<f32>,
    /// JSON lines even on a terminal.
    #[arg(long)]
    json: bool,
    /// Ends with exit code 1 when any window is flagged.
    #[arg(long)]
    fail_flagged: bool,
    #[command(flatten)]
    outputs: OutputArgs,
    /// Flags from a TOML file; what is typed counts more. SIGHUP reads it again.
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    config: Option<PathBuf>,
    /// Prints all flags with what they are set to as such a file, and does nothing else.
    #[arg(long, help_heading = "Configuration")]
    print_config: bool,
}

#[derive(Clone, Copy, Debug)]
enum WindowArg {
    Clip,
    Seconds(f64),
}

impl FromStr for WindowArg {
    type Err = String;

    fn from_str(text: &str) -> core::result::Result<Self, String> {
        match text {
            "clip" => Ok(Self::Clip),
            seconds => positive(seconds).map(Self::Seconds).map_err(|e| format!("{e}, or `clip`")),
        }
    }
}

pub fn positive(text: &str) -> core::result::Result<f64, String> {
    text.parse().ok().filter(|n: &f64| n.is_finite() && *n > 0.0).ok_or_else(|| "expected a number above 0".to_owned())
}

fn size(text: &str) -> core::result::Result<[u32; 2], String> {
    let sides = text.split_once('x').and_then(|(width, height)| Some([width.parse().ok()?, height.parse().ok()?]));
    sides.filter(|sides| sides.iter().all(|side| *side > 0)).ok_or_else(|| "expected a size such as 640x480".to_owned())
}

/// The command `run` with all its flags.
pub fn command() -> Command {
    RunArgs::augment_args(Command::new("run"))
}

impl RunArgs {
    /// The configuration that was named.
    pub fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// Whether a source was named.
    pub fn has_sources(&self) -> bool {
        !self.sources.is_empty()
    }

    /// Runs as the flags say, which were parsed from `matches`.
    pub fn run(&self, matches: &ArgMatches, progress: &Progress) -> Result<Exit> {
        if self.print_config {
            return print(&config::write(&command(), matches)).map(|()| Exit::Done);
        }
        if self.config.is_some() {
            interrupt::expect_reloads();
        }
        let mut bundle = self.models.open()?;
        let usual = bundle.manifest().gate.clone();
        let usual_tau = usual.threshold.get(usual.score);
        if let Some(tau) = self.tau {
            bundle.set_threshold(tau)?;
        }
        let sources = source::expand(&self.sources)?;
        if self.models.bundle.is_none() && !sources.is_empty() {
            log::warn!(
                "the built-in bundle knows drawn people only: make one for real ones with `figureground import`"
            );
        }
        let overlay = self.overlay.as_deref().map(Overlay::create).transpose()?;
        let keep =
            if overlay.is_some() || self.outputs.shows_pictures() { FrameRecording::On } else { FrameRecording::Off };
        let mut pipeline = Pipeline::load(&bundle, &self.models.choice(), keep)?;
        let names = self.labels.as_deref().map(labels::read_names).transpose()?;
        if let Some(names) = &names {
            let threads = self.models.threads();
            pipeline.set_labels(bundle.embed_labels(names.clone(), threads, &mut progress.prompts())?)?;
        }
        let changes = self.config.is_some() || self.outputs.serves();
        let label_updater = changes.then(|| LabelUpdater::start(bundle, pipeline.handle())).transpose()?;
        let mut out = RunOutputs {
            lines: self.lines(),
            overlay,
            outputs: Outputs::open(&self.outputs, &pipeline, label_updater.clone())?,
            reload: label_updater
                .filter(|_| self.config.is_some())
                .map(|label_updater| Reload::new(matches, names, usual_tau, label_updater)),
            windows: 0,
            flagged: false,
            closed: false,
            deaf: false,
        };
        out.outputs.addresses().for_each(|address| progress.say(&address));
        service::ready(self.longest_silence());
        let exit = self.watch_all(&sources, &mut pipeline, &mut out, progress);
        interrupt::leave();
        service::stopping();
        let exit = exit?;
        // Without a window there is nothing to show, and the reason is out already.
        if let Some(overlay) = out.overlay.take().filter(|_| out.windows > 0 && !interrupt::raised()) {
            overlay.finish()?;
        }
        Ok(if exit == Exit::Done && self.fail_flagged && out.flagged { Exit::BoundBroken } else { exit })
    }

    fn longest_silence(&self) -> Duration {
        Duration::from_secs_f64(self.stall.min(86_400.0))
    }

    fn lines(&self) -> Option<JsonLines<Stdout>> {
        (self.json || !person_reads()).then(|| JsonLines::new(std::io::stdout()))
    }

    /// All sources, one after the other; one that cannot be read is reported and the work goes on.
    fn watch_all(
        &self,
        sources: &[OsString],
        pipeline: &mut Pipeline,
        out: &mut RunOutputs,
        progress: &Progress,
    ) -> Result<Exit> {
        if sources.is_empty() {
            return self.watch((built_in::clip()?, None), pipeline, out, progress).map(|()| Exit::Done);
        }
        let options = SourceOptions {
            fps: self.fps,
            spool_limit: self.spool,
            stall: self.longest_silence(),
            camera_size: self.camera_size,
            camera_fps: self.camera_fps,
            camera_format: self.camera_format,
        };
        let bar = progress.bar("clips", sources.len() as u64);
        let mut exit = Exit::Done;
        for spec in sources {
            let watched = open(spec, options).and_then(|source| self.watch(source, pipeline, out, progress));
            if let Err(error) = watched {
                bar.suspend(|| report(&error));
                exit = Exit::Failed;
            }
            bar.inc(1);
            if out.closed || interrupt::raised() {
                break;
            }
        }
        bar.finish_and_clear();
        Ok(exit)
    }

    fn watch(
        &self,
        (source, arrivals): (Box<dyn Source>, Option<ArrivalTime>),
        pipeline: &mut Pipeline,
        out: &mut RunOutputs,
        progress: &Progress,
    ) -> Result<()> {
        let window = self.window_of(source.as_ref())?;
        let name = source.name().to_owned();
        let spinner = progress.spinner(name.clone());
        let mut source = MeteredSource::new(source, arrivals, out.outputs.meter());
        let (arrivals, handle) = (source.arrivals(), pipeline.handle());
        let watched = pipeline.watch(&mut source, window, &mut |outcome| {
            // First, because a line must not go into a file that was moved away before it.
            if interrupt::reload_asked() {
                out.reload(&handle);
            }
            spinner.suspend(|| out.tell(&name, outcome, arrivals.age()))
        });
        spinner.finish_and_clear();
        let SourceHealth { dropped, reconnects } = source.health();
        if source.is_live() {
            progress.done(&format!("{name}: {dropped} frames dropped, {reconnects} times lost and opened again"));
            log::info!("{name}: dropped {dropped}, reconnects {reconnects}");
        }
        watched.map(|_| ())
    }

    fn window_of(&self, source: &dyn Source) -> Result<Window> {
        match (self.window, source.is_live()) {
            (Some(WindowArg::Clip), true) => Err(Error::new(
                Stage::Command,
                "--window SECONDS for a source that does not end",
                "--window clip",
                "leave it out, or pass --window 2",
            )),
            (Some(WindowArg::Clip), false) | (None, false) if self.stride.is_some() => Err(Error::new(
                Stage::Command,
                "--stride with --window SECONDS",
                "--stride with one window for the whole clip",
                "pass --window SECONDS too",
            )),
            (Some(WindowArg::Clip) | None, false) => Ok(Window::Clip),
            (None, true) => Sliding::new(LIVE.0, self.stride.unwrap_or(LIVE.1)).map(Window::Sliding),
            (Some(WindowArg::Seconds(seconds)), _) => {
                Sliding::new(seconds, self.stride.unwrap_or(seconds / 4.0)).map(Window::Sliding)
            }
        }
    }
}

/// Opens a source; one that does not end is opened again whenever it is lost.
fn open(spec: &OsString, options: SourceOptions) -> Result<(Box<dyn Source>, Option<ArrivalTime>)> {
    let mut opener = source::opener(spec.clone(), options);
    let source = opener()?;
    if !source.is_live() {
        return Ok((source, None));
    }
    let source = ReconnectingSource::new(source, opener, || {
        // A device without its camera is alive.
        service::alive();
        interrupt::raised()
    });
    let arrivals = source.arrivals();
    Ok((Box::new(source), Some(arrivals)))
}

/// Where outcomes go.
struct RunOutputs {
    /// JSON lines, or none where a person reads.
    lines: Option<JsonLines<Stdout>>,
    overlay: Option<Overlay>,
    outputs: Outputs,
    /// Where there is a configuration that may change.
    reload: Option<Reload>,
    windows: u64,
    flagged: bool,
    /// Nobody reads any more.
    closed: bool,
    /// Whether it was told that stdout cannot be written.
    deaf: bool,
}

impl RunOutputs {
    fn tell(&mut self, source: &str, outcome: &WindowResult<'_>, latency: Option<Duration>) -> Result<ControlFlow<()>> {
        self.windows += 1;
        self.flagged |= matches!(outcome.judgement.verdict, Verdict::Flag(_));
        let line = self.outputs.tell(source, outcome, latency)?;
        let written = match (&mut self.lines, &line) {
            (Some(lines), Some(line)) => lines.write_line(line),
            (Some(lines), None) => lines.write(source, outcome),
            (None, _) => print(&text_line::line(source, outcome)).map(|()| true),
        };
        match written {
            // Where others are told as well, stdout is one of many.
            Ok(false) if self.outputs.are_there() => {}
            Err(error) if self.outputs.are_there() => {
                if !std::mem::replace(&mut self.deaf, true) {
                    log::warn!("stdout misses lines: {error}");
                }
            }
            written => self.closed = !written?,
        }
        if let Some(overlay) = &mut self.overlay {
            overlay.draw(source, outcome)?;
        }
        Ok(if self.closed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// Reads the configuration again; one that cannot be used changes nothing.
    fn reload(&mut self, handle: &PipelineHandle) {
        let Some(reload) = &mut self.reload else { return };
        service::reloading();
        match reload.apply(handle, &mut self.outputs) {
            Ok(()) => log::warn!("the configuration was read again"),
            Err(error) => log::warn!("the configuration stays as it was: {error}"),
        }
        service::reloaded();
    }
}
