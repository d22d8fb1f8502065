//! Encoded frames of a window to its judgement.

use super::TOP;
use super::frame_ids::FrameIds;
use crate::clip_encoder::ClipEncoder;
use crate::error::Result;
use crate::gate::{Evidence, Gate, Judgement, Probe, Visibility};
use crate::view::View;
use crate::zeroshot::{LogProbs, Ranked};

const VIEWS: usize = View::ALL.len();

/// Judgement of a window and the best classes of its views.
pub(super) struct ScoredWindow {
    pub judgement: Judgement,
    pub top: [heapless::Vec<Ranked, TOP>; VIEWS],
}

/// Scores windows and keeps the buffers of their results.
#[derive(Debug)]
pub(super) struct WindowScorer {
    pub names: Vec<String>,
    pub gate: Gate,
    pub log_probs: [LogProbs; VIEWS],
    /// Indices of the window's frames.
    pub frames: Vec<u64>,
    /// Their capture times, in microseconds.
    pub times_us: Vec<u64>,
}

impl WindowScorer {
    /// Creates the scorer of windows of `frames` frames for the classes `names`.
    pub fn new(names: Vec<String>, gate: Gate, frames: usize) -> Self {
        let log_probs = std::array::from_fn(|_| LogProbs::new(names.len()));
        let [indices, times_us] = [0; 2].map(|_| Vec::with_capacity(frames));
        Self { names, gate, log_probs, frames: indices, times_us }
    }

    /// Compares the window whose frames are in the slots `order` of `encoder` with the labels, and returns what is
    /// visible in it. `frames` are the frames in the slots; `is_still` says whether the source is a still picture.
    pub fn compare(
        &mut self,
        order: &[usize],
        is_still: bool,
        frames: &FrameIds,
        encoder: &mut dyn ClipEncoder,
    ) -> Result<Visibility> {
        encoder.score(order, &mut self.log_probs)?;
        let areas = order.iter().map(|&slot| encoder.areas(slot));
        Ok(Visibility::of(areas, self.gate.settings()).with_distinct_frames(frames.distinct(order), is_still))
    }

    /// Returns the evidence of the window that was compared last.
    pub fn evidence(&self, visibility: Visibility) -> Result<Evidence<'_>> {
        Evidence::new(self.log_probs.each_ref().map(|view| view.values()), visibility)
    }

    /// Judges the window that was compared last, with the result of its probe.
    pub fn judge(&mut self, visibility: Visibility, probe: Option<Probe>) -> Result<ScoredWindow> {
        let evidence = Evidence::new(self.log_probs.each_ref().map(|view| view.values()), visibility)?;
        let evidence = probe.map_or(evidence, |probe| evidence.with_probe(probe));
        let top = self.gate.top::<TOP>(&evidence);
        Ok(ScoredWindow { judgement: self.gate.judge(&evidence), top })
    }
}
