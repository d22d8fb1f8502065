//! The result of one window, borrowed from the pipeline until its next step.

use crate::clip_encoder::{FrameViews, Timing};
use crate::error::Result;
use crate::gate::{Judgement, Visibility};
use crate::timestamp::Timestamp;
use crate::zeroshot::Ranked;
use std::ops::ControlFlow;

/// Number of best classes of each view in a result.
pub const TOP: usize = 5;

/// Called for every window of a source; returns whether to continue.
pub type OnWindow<'a> = dyn FnMut(&WindowResult<'_>) -> Result<ControlFlow<()>> + 'a;

/// One window's verdict, with the evidence that it is based on.
#[derive(Debug)]
pub struct WindowResult<'a> {
    /// Class names, by class index.
    pub names: &'a [String],
    /// Verdict, label and scores.
    pub judgement: Judgement,
    /// Visible areas of person and background.
    pub visibility: Visibility,
    /// Indices of the window's frames in their source, in order.
    pub frames: &'a [u64],
    /// Capture times of these frames, in microseconds.
    pub times_us: &'a [u64],
    /// Time of the verdict.
    pub at: Timestamp,
    /// Logits of every class in each view, in the order of [`View::index`](crate::view::View::index); the gate's input.
    /// They are normalised: their softmax is their exponential.
    pub logits: [&'a [f32]; 3],
    /// The best classes of each view with their log-probabilities at the gate's temperature, in the order of
    /// [`View::index`](crate::view::View::index).
    pub top: [heapless::Vec<Ranked, TOP>; 3],
    /// Name of the backend.
    pub backend: &'static str,
    /// Time spent in each stage since the last result.
    pub timing: Timing,
    /// Views of its frames, in order; empty unless the pipeline records them.
    pub pictures: WindowViews<'a>,
}

impl WindowResult<'_> {
    /// Returns the capture times of the first and the last frame, in microseconds.
    pub fn time_span_us(&self) -> [u64; 2] {
        [self.times_us.first(), self.times_us.last()].map(|time| time.copied().unwrap_or_default())
    }
}

/// Recorded views of a window's frames.
#[derive(Clone, Copy, Debug)]
pub struct WindowViews<'a> {
    pub(super) pictures: &'a [FrameViews],
    pub(super) order: &'a [usize],
}

impl<'a> WindowViews<'a> {
    /// Returns the views in the order of the frames.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a FrameViews> + use<'a> {
        let pictures = self.pictures;
        let order = if pictures.is_empty() { &[] } else { self.order };
        order.iter().map(move |&slot| &pictures[slot])
    }
}
