//! What a sheet says of one frame and its window.

use crate::gate::Judgement;
use crate::pipeline::WindowResult;

/// How long a frame is shown that has no neighbour in its window, in milliseconds.
const ALONE_MS: u64 = 400;
/// The shortest time that a frame is shown.
const SHORTEST_MS: u64 = 100;
/// The longest time that a frame is shown.
const LONGEST_MS: u64 = 1000;
/// The longest name of a source that goes into file names.
const STEM_LETTERS: usize = 64;

/// What is said of one frame of a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caption<'a> {
    pub(super) source: &'a str,
    pub(super) label: &'a str,
    pub(super) judgement: &'a Judgement,
    /// Index in its source.
    pub(super) frame: u64,
    /// Place in its window, from 0.
    place: usize,
    frames: &'a [u64],
    times_us: &'a [u64],
}

impl<'a> Caption<'a> {
    /// The caption of the frame at `place` in the window of `outcome`.
    pub(super) fn new(source: &'a str, outcome: &'a WindowResult<'_>, place: usize) -> Self {
        let judgement = &outcome.judgement;
        Self {
            source,
            label: outcome.names.get(judgement.label).map_or("", String::as_str),
            judgement,
            frame: outcome.frames.get(place).copied().unwrap_or_default(),
            place,
            frames: outcome.frames,
            times_us: outcome.times_us,
        }
    }

    /// The verdict with its reason, in words.
    pub(super) fn verdict(&self) -> String {
        let verdict = self.judgement.verdict;
        let name = verdict.name().to_uppercase();
        match verdict.reason() {
            Some(reason) => format!("{name}: {}", reason.replace('-', " ")),
            None => name,
        }
    }

    /// The numbers behind the verdict.
    pub(super) fn evidence(&self) -> String {
        let calibrated = if self.judgement.calibrated { "calibrated" } else { "not calibrated" };
        format!("dominance {:+.2} nats, gate {calibrated}", self.judgement.dominance)
    }

    /// Which frame this is, and when it was captured.
    pub(super) fn moment(&self) -> String {
        let seconds = |time: u64| time as f64 / 1e6;
        let [first, last] = [0, self.frames.len().saturating_sub(1)].map(|place| seconds(self.time(place)));
        format!(
            "frame {} at {:.2} s   ({} of {} in {first:.2}-{last:.2} s)",
            self.frame,
            seconds(self.time(self.place)),
            self.place + 1,
            self.frames.len(),
        )
    }

    /// The last part of the source's name.
    pub(super) fn name(&self) -> &'a str {
        let whole = if self.source.contains("://") { without_secrets(self.source) } else { self.source };
        whole.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or("source")
    }

    /// The source's name without its extension, in characters that are safe in file names.
    pub(super) fn stem(&self) -> String {
        let name = self.name();
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let is_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let safe = |c: char| if is_safe(c) { c } else { '_' };
        let stem: String = stem.chars().take(STEM_LETTERS).map(safe).collect();
        // Neither hidden nor an option nor nothing.
        if stem.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') { stem } else { format!("_{stem}") }
    }

    /// How long an animation shows the frame, in milliseconds: as long as the one before it in its window lasted.
    pub(super) fn duration_ms(&self) -> u64 {
        let neighbour = if self.place == 0 { 1 } else { self.place - 1 };
        if neighbour >= self.frames.len() {
            return ALONE_MS;
        }
        (self.time(self.place).abs_diff(self.time(neighbour)) / 1000).clamp(SHORTEST_MS, LONGEST_MS)
    }

    /// When the frame at `place` was captured, in microseconds.
    fn time(&self, place: usize) -> u64 {
        self.times_us.get(place).copied().unwrap_or_default()
    }
}

/// A URL without its query and its user, which may be keys.
fn without_secrets(url: &str) -> &str {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    &rest[authority.rfind('@').map_or(0, |at| at + 1)..]
}
