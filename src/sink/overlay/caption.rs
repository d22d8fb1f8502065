//! The text about one frame and its window.

use crate::gate::{CalibrationState, Judgement};
use crate::pipeline::WindowResult;

/// Duration of the only frame of a window, in milliseconds.
const SINGLE_FRAME_MS: u64 = 400;
/// Minimum duration of a frame, in milliseconds.
const MIN_MS: u64 = 100;
/// Maximum duration of a frame, in milliseconds.
const MAX_MS: u64 = 1000;
/// Maximum length of a source name in file names, in characters.
const MAX_STEM_CHARS: usize = 64;

/// The caption of one frame of a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caption<'a> {
    pub(super) source: &'a str,
    pub(super) label: &'a str,
    pub(super) judgement: &'a Judgement,
    /// Index of the frame in its source.
    pub(super) frame: u64,
    /// Position of the frame in its window, from 0.
    position: usize,
    frames: &'a [u64],
    times_us: &'a [u64],
}

impl<'a> Caption<'a> {
    /// Creates the caption of the frame at `position` in the window of `result`.
    pub(super) fn new(source: &'a str, result: &'a WindowResult<'_>, position: usize) -> Self {
        let judgement = &result.judgement;
        Self {
            source,
            label: result.names.get(judgement.label).map_or("", String::as_str),
            judgement,
            frame: result.frames.get(position).copied().unwrap_or_default(),
            position,
            frames: result.frames,
            times_us: result.times_us,
        }
    }

    /// Returns the verdict and its reason.
    pub(super) fn verdict(&self) -> String {
        let verdict = self.judgement.verdict;
        let name = verdict.name().to_uppercase();
        match verdict.reason() {
            Some(reason) => format!("{name}: {}", reason.replace('-', " ")),
            None => name,
        }
    }

    /// Returns the numbers behind the verdict.
    pub(super) fn evidence(&self) -> String {
        let calibrated = match self.judgement.calibrated {
            Some(CalibrationState::Overridden) => "thresholds changed since calibration",
            Some(CalibrationState::Labels | CalibrationState::Unlabelled) => "calibrated",
            None => "not calibrated",
        };
        format!("dominance {:+.2}, gate {calibrated}", self.judgement.scores.dominance)
    }

    /// Returns the index and capture time of the frame, and its position in the window.
    pub(super) fn frame_text(&self) -> String {
        let seconds = |time: u64| time as f64 / 1e6;
        let [first, last] = [0, self.frames.len().saturating_sub(1)].map(|position| seconds(self.time(position)));
        format!(
            "frame {} at {:.2} s   ({} of {} in {first:.2}-{last:.2} s)",
            self.frame,
            seconds(self.time(self.position)),
            self.position + 1,
            self.frames.len(),
        )
    }

    /// Returns the last path component of the source.
    pub(super) fn name(&self) -> &'a str {
        let whole = if self.source.contains("://") { without_secrets(self.source) } else { self.source };
        whole.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or("source")
    }

    /// Returns the source name without its extension, in characters that are safe in file names.
    pub(super) fn stem(&self) -> String {
        let name = self.name();
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let is_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let safe = |c: char| if is_safe(c) { c } else { '_' };
        let stem: String = stem.chars().take(MAX_STEM_CHARS).map(safe).collect();
        // Not hidden, not an option and not empty.
        if stem.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') { stem } else { format!("_{stem}") }
    }

    /// Returns the duration of the frame in an animation, in milliseconds: that of the frame before it in its window.
    pub(super) fn duration_ms(&self) -> u64 {
        let neighbour = if self.position == 0 { 1 } else { self.position - 1 };
        if neighbour >= self.frames.len() {
            return SINGLE_FRAME_MS;
        }
        (self.time(self.position).abs_diff(self.time(neighbour)) / 1000).clamp(MIN_MS, MAX_MS)
    }

    /// Returns the capture time of the frame at `position`, in microseconds.
    fn time(&self, position: usize) -> u64 {
        self.times_us.get(position).copied().unwrap_or_default()
    }
}

/// Returns a URL without its query and user, which may hold secrets.
fn without_secrets(url: &str) -> &str {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    &rest[authority.rfind('@').map_or(0, |at| at + 1)..]
}
