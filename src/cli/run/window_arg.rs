//! `--window` and `--stride`.

use super::parsers::positive;
use figureground::pipeline::{Sliding, Window};
use figureground::{Error, Result, Stage};
use std::str::FromStr;

/// The default window and stride of live sources, in seconds.
const LIVE: (f64, f64) = (2.0, 0.5);

/// The value of `--window`.
#[derive(Clone, Copy, Debug)]
pub(super) enum WindowArg {
    /// One window for the whole clip.
    Clip,
    /// Sliding windows.
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

/// Returns the window of a source that is live or not, without flags.
pub fn default_window(is_live: bool) -> Result<Window> {
    choose_window(None, None, is_live)
}

/// Returns the window of a source, with defaults for missing flags.
pub(super) fn choose_window(window: Option<WindowArg>, stride: Option<f64>, is_live: bool) -> Result<Window> {
    let (seconds, default_stride) = match (window, is_live) {
        (Some(WindowArg::Clip), true) => {
            let next = "remove the flag, or pass --window 2";
            return Err(Error::new(Stage::Command, "--window SECONDS for a live source", "--window clip", next));
        }
        (Some(WindowArg::Clip) | None, false) if stride.is_some() => {
            let next = "pass --window SECONDS as well";
            return Err(Error::new(Stage::Command, "--stride with --window SECONDS", "--stride alone", next));
        }
        (Some(WindowArg::Clip) | None, false) => return Ok(Window::Clip),
        (None, true) => LIVE,
        (Some(WindowArg::Seconds(seconds)), _) => (seconds, seconds / 4.0),
    };
    Sliding::new(seconds, stride.unwrap_or(default_stride)).map(Window::Sliding)
}
