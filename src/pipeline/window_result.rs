//! What the pipeline says of one window, lent until its next step.

use crate::clip_encoder::{FrameViews, Timing};
use crate::gate::{Judgement, Visibility};
use crate::zeroshot::Ranked;

/// How many classes of each view an outcome names.
pub const TOP: usize = 5;

/// One window's verdict with all it rests on.
#[derive(Debug)]
pub struct WindowResult<'a> {
    /// Class names, by class index.
    pub names: &'a [String],
    /// Verdict, label and scores.
    pub judgement: Judgement,
    /// How much person and background was visible.
    pub visibility: Visibility,
    /// Indices of the window's frames in their source, in order.
    pub frames: &'a [u64],
    /// Their capture times, in microseconds.
    pub times_us: &'a [u64],
    /// ln p of every class in each view, as the gate was shown them, in the order of [`View::index`](crate::view::View::index).
    pub log_probs: [&'a [f32]; 3],
    /// The best classes of each view with their log-probabilities, in the order of [`View::index`](crate::view::View::index).
    pub top: [heapless::Vec<Ranked, TOP>; 3],
    /// Name of the backend.
    pub backend: &'static str,
    /// Where the time went since the last outcome.
    pub timing: Timing,
    /// The pictures of its frames, in order; empty unless the pipeline keeps them.
    pub pictures: WindowViews<'a>,
}

impl WindowResult<'_> {
    /// Capture times of the first and the last frame, in microseconds.
    pub fn time_span_us(&self) -> [u64; 2] {
        [self.times_us.first(), self.times_us.last()].map(|time| time.copied().unwrap_or_default())
    }
}

/// The pictures of a window's frames.
#[derive(Clone, Copy, Debug)]
pub struct WindowViews<'a> {
    pub(crate) pictures: &'a [FrameViews],
    pub(crate) order: &'a [usize],
}

impl<'a> WindowViews<'a> {
    /// The pictures in the order of the frames.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a FrameViews> + use<'a> {
        let pictures = self.pictures;
        let order = if pictures.is_empty() { &[] } else { self.order };
        order.iter().map(move |&slot| &pictures[slot])
    }
}
