//! The flags of `figureground run`.

use super::output_args::OutputArgs;
use super::parsers::{positive, size};
use super::window_arg::{WindowArg, choose_window};
use crate::cli::ModelArgs;
use crate::cli::choices::{Choice, ON_BACKGROUND, parser};
use crate::cli::probe_args::ProbeArgs;
use crate::cli::source_args::SourceArgs;
use clap::Args;
use figureground::Result;
use figureground::gate::OnBackground;
use figureground::pipeline::Window;
use figureground::sink::overlay::Overlay;
use figureground::source::SourceOptions;
use figureground::source::camera::PixelFormat;
use std::ffi::OsString;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Default of `--overlay-keep` for a source without an end.
const ENDLESS_OVERLAY_KEEP: NonZeroU64 = NonZeroU64::new(1000).unwrap();

pub const EXAMPLES: &str = "Examples:
  figureground run --bundle my-bundle clip.mp4
  figureground run --bundle my-bundle 'clips/*.mp4' --overlay pictures/ > verdicts.jsonl
  ffmpeg -i clip.mp4 -f yuv4mpegpipe - | figureground run --bundle my-bundle -
  figureground run --bundle my-bundle rtsp://host/stream --window 2 --stride 0.5
  figureground run --bundle my-bundle clip.mp4 --probe 8 --probe-bank rooms/
  figureground run --bundle my-bundle camera:0 --page --mqtt mqtt://broker --lines verdicts.jsonl
  figureground run camera:0 --page --print-config > figureground.toml
  figureground run --config figureground.toml
  figureground run --bundle my-bundle -- -begins-with-a-dash.mp4";

#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// Picture, folder of pictures or of videos, glob, animated GIF, PNG or WebP, .y4m, - (Y4M on stdin), video file
    /// or URL that ffmpeg opens, or camera:N. A camera or stream comes last, because it has no end. In a URL, ${NAME}
    /// is replaced by the environment variable NAME.
    #[arg(value_name = "SOURCE")]
    pub(super) sources: Vec<OsString>,
    #[command(flatten)]
    pub(super) models: ModelArgs,
    /// Window to classify: the whole clip, or sliding windows of SECONDS [default: clip; 2 for cameras and streams].
    #[arg(long, value_name = "clip|SECONDS")]
    window: Option<WindowArg>,
    /// Seconds between the ends of two sliding windows [default: a quarter of the window].
    #[arg(long, value_name = "SECONDS")]
    stride: Option<f64>,
    /// Write pictures of each sampled frame with the person's outline, the three views and their probabilities.
    #[arg(long, value_name = "FILE.gif|FILE.mp4|DIR")]
    overlay: Option<PathBuf>,
    /// Number of newest windows whose pictures stay in DIR [default: 1000 of a source without an end, otherwise all].
    #[arg(long, value_name = "N", requires = "overlay")]
    overlay_keep: Option<NonZeroU64>,
    #[command(flatten)]
    pub(super) opening: SourceArgs,
    /// Frames per second of a folder of pictures.
    #[arg(long, value_name = "N", default_value_t = 25.0, value_parser = positive)]
    fps: f64,
    /// Maximum bytes of a pipe to spool to disk.
    #[arg(long = "spool", value_name = "BYTES", default_value_t = 2 << 30)]
    spool_limit: u64,
    /// Seconds without a frame after which a stream or camera is reopened.
    #[arg(long, alias = "stall", value_name = "SECONDS", default_value_t = 10.0, value_parser = positive)]
    stall_timeout: f64,
    /// Preferred frame size of a camera; it uses the nearest size that it supports.
    #[arg(long, value_name = "WxH", default_value = "640x480", value_parser = size)]
    camera_size: [u32; 2],
    /// Preferred frames per second of a camera.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=1000))]
    camera_fps: u32,
    /// Pixel format to request from a camera [default: the cheapest to decode].
    #[arg(long, value_parser = parser(CAMERA_FORMATS))]
    camera_format: Option<PixelFormat>,
    /// Label file to use instead of the bundle's labels, with one action per line.
    #[arg(long, value_name = "FILE")]
    pub(super) labels: Option<PathBuf>,
    /// Gate threshold to use instead of the bundle's: windows with a higher score are flagged.
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    pub(super) tau: Option<f32>,
    /// What becomes of a label that the background explains [default: as the bundle's gate says].
    #[arg(long, value_parser = parser(ON_BACKGROUND))]
    pub(super) on_background: Option<OnBackground>,
    /// Print JSON lines even to a terminal.
    #[arg(long)]
    pub(super) json: bool,
    /// Exit with code 1 if any window is flagged.
    #[arg(long)]
    pub(super) fail_flagged: bool,
    #[command(flatten)]
    pub(super) probe: ProbeArgs,
    #[command(flatten)]
    pub(super) outputs: OutputArgs,
    /// Read flags from a TOML file; flags on the command line take precedence. SIGHUP reads the file again.
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    pub(super) config: Option<PathBuf>,
    /// Print all flags with their values as a configuration file, and exit.
    #[arg(long, help_heading = "Configuration")]
    pub(super) print_config: bool,
}

const CAMERA_FORMATS: [Choice<PixelFormat>; 6] = [
    Choice { value: PixelFormat::Yuyv, name: "yuyv", help: "4:2:2 YUV, 16 bits per pixel" },
    Choice { value: PixelFormat::Nv12, name: "nv12", help: "4:2:0 YUV, 12 bits per pixel" },
    Choice { value: PixelFormat::Mjpeg, name: "mjpeg", help: "One JPEG per frame" },
    Choice { value: PixelFormat::Rgb, name: "rgb", help: "Red, green, blue" },
    Choice { value: PixelFormat::Bgr, name: "bgr", help: "Blue, green, red" },
    Choice { value: PixelFormat::Grey, name: "grey", help: "Brightness only; not available on Linux" },
];

impl RunArgs {
    /// Returns the path of the configuration file.
    pub fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// Returns whether a source was given.
    pub fn has_sources(&self) -> bool {
        !self.sources.is_empty()
    }

    pub(super) fn source_options(&self) -> SourceOptions {
        self.opening.options(SourceOptions {
            fps: self.fps,
            spool_limit: self.spool_limit,
            stall: self.stall_timeout(),
            camera_size: self.camera_size,
            camera_fps: self.camera_fps,
            camera_format: self.camera_format,
            ..SourceOptions::default()
        })
    }

    pub(super) fn stall_timeout(&self) -> Duration {
        Duration::from_secs_f64(self.stall_timeout.min(86_400.0))
    }

    /// Creates the overlay of `--overlay`.
    ///
    /// # Errors
    /// Returns an error if it cannot be created, or is a file that would grow without an end.
    pub(super) fn create_overlay(&self) -> Result<Option<Overlay>> {
        let Some(path) = &self.overlay else { return Ok(None) };
        let keep = self.overlay_keep.or_else(|| self.may_be_endless().then_some(ENDLESS_OVERLAY_KEEP));
        let overlay = Overlay::create(path)?;
        let overlay = match keep {
            Some(windows) => overlay.keep_newest(windows).map_err(|error| error.at(path.display()))?,
            None => overlay,
        };
        Ok(Some(overlay))
    }

    /// Returns whether a source is live, or a pipe in sliding windows, which may be one of a camera.
    fn may_be_endless(&self) -> bool {
        let is_sliding = matches!(self.window, Some(WindowArg::Seconds(_)));
        self.live_source().is_some() || (is_sliding && self.sources.iter().any(|source| source == "-"))
    }

    /// Returns the time after which the last verdict of a source without an end says nothing: that of a stall, and two
    /// strides.
    ///
    /// # Errors
    /// Returns an error if window and stride do not fit together.
    pub(super) fn expire_after(&self) -> Result<Option<Duration>> {
        if !self.may_be_endless() {
            return Ok(None);
        }
        let stride = match self.window(true)? {
            Window::Sliding(sliding) => sliding.stride(),
            _ => return Ok(None),
        };
        Ok(Some(self.stall_timeout() + 2 * stride))
    }

    /// Returns the window of a source that is live or not.
    pub(super) fn window(&self, is_live: bool) -> Result<Window> {
        choose_window(self.window, self.stride, is_live)
    }
}
