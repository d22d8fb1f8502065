//! Everything that a run writes: stdout, the overlay and the outputs.

use super::reload::Reload;
use crate::cli::{interrupt, person_reads, print, service, text_line};
use figureground::gate::Verdict;
use figureground::pipeline::{PipelineHandle, WindowResult};
use figureground::sink::Outputs;
use figureground::sink::json_lines::JsonLines;
use figureground::sink::overlay::Overlay;
use figureground::{Error, Result};
use std::io::Stdout;
use std::ops::ControlFlow;
use std::time::Duration;

/// The form of lines on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFormat {
    /// One JSON object a line.
    Json,
    /// Text for people.
    Text,
}

impl LineFormat {
    /// Returns text if stdout is a terminal, unless `json` is set.
    pub fn of_stdout(json: bool) -> Self {
        if json || !person_reads() { Self::Json } else { Self::Text }
    }
}

/// The receivers of window results.
pub struct RunOutputs {
    /// JSON lines on stdout; `None` writes text.
    lines: Option<JsonLines<Stdout>>,
    overlay: Option<Overlay>,
    /// The last error of drawing the overlay, which was reported with its source.
    overlay_error: Option<Error>,
    pub(super) outputs: Outputs,
    /// The configuration, if it may be read again.
    reload: Option<Reload>,
    windows: u64,
    is_any_flagged: bool,
    is_stdout_closed: bool,
    /// Whether a failure of stdout was logged.
    is_stdout_failing: bool,
}

impl RunOutputs {
    /// Creates the receivers; stdout gets lines in `format`.
    pub fn new(format: LineFormat, overlay: Option<Overlay>, outputs: Outputs, reload: Option<Reload>) -> Self {
        Self {
            lines: (format == LineFormat::Json).then(|| JsonLines::new(std::io::stdout())),
            overlay,
            overlay_error: None,
            outputs,
            reload,
            windows: 0,
            is_any_flagged: false,
            is_stdout_closed: false,
            is_stdout_failing: false,
        }
    }

    /// Returns whether the reader of stdout is gone and there is no other output.
    pub(super) fn is_closed(&self) -> bool {
        self.is_stdout_closed
    }

    /// Writes `result`, a window of `source` judged `latency` after its last frame arrived.
    pub(super) fn write(
        &mut self,
        source: &str,
        result: &WindowResult<'_>,
        latency: Option<Duration>,
    ) -> Result<ControlFlow<()>> {
        self.windows += 1;
        self.is_any_flagged |= matches!(result.judgement.verdict, Verdict::Flag(_));
        let line = self.outputs.send(source, result, latency)?;
        let written = match (&mut self.lines, &line) {
            (Some(lines), Some(line)) => lines.write_line(line),
            (Some(lines), None) => lines.write(source, result),
            (None, _) => print(&text_line::line(source, result)).map(|()| true),
        };
        match written {
            // With other outputs open, stdout may fail.
            Ok(false) if self.outputs.is_any_open() => {}
            Err(error) if self.outputs.is_any_open() => {
                if !std::mem::replace(&mut self.is_stdout_failing, true) {
                    log::warn!("lines on stdout are lost: {error}");
                }
            }
            written => self.is_stdout_closed = !written?,
        }
        if let Some(overlay) = &mut self.overlay {
            overlay.draw(source, result).inspect_err(|error| self.overlay_error = Some(error.clone()))?;
        }
        Ok(if self.is_stdout_closed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// Reads the configuration again; an invalid one changes nothing.
    pub(super) fn reload(&mut self, handle: &PipelineHandle) {
        let Some(reload) = &mut self.reload else { return };
        service::reloading();
        match reload.apply(handle, &mut self.outputs) {
            Ok(()) => log::info!(target: figureground::NOTES, "the configuration was reloaded"),
            Err(error) => log::warn!("the configuration was not reloaded: {error}"),
        }
        service::reloaded();
    }

    /// Returns whether any window was judged.
    pub(super) fn has_windows(&self) -> bool {
        self.windows > 0
    }

    /// Returns whether any window was flagged.
    pub(super) fn is_any_flagged(&self) -> bool {
        self.is_any_flagged
    }

    /// Completes the overlay.
    pub fn finish_overlay(&mut self) -> Result<()> {
        // Without windows the overlay is empty, and an error was reported already.
        match self.overlay.take().filter(|_| self.windows > 0 && !interrupt::is_interrupted()) {
            Some(overlay) => match overlay.finish() {
                Err(error) if self.overlay_error.as_ref() == Some(&error) => Ok(()),
                finished => finished,
            },
            None => Ok(()),
        }
    }
}
