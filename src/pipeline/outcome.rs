//! What the pipeline says of one window, lent until its next step.

use crate::gate::{Judgement, Visibility};
use crate::mask::Shape;
use crate::view::View;
use crate::zeroshot::Ranked;

/// How many classes of each view an outcome names.
pub const TOP: usize = 5;

/// One window's verdict with all it rests on.
#[derive(Debug)]
pub struct Outcome<'a> {
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
    /// The best classes of each view with their log-probabilities, in the order of [`View::index`].
    pub top: [heapless::Vec<Ranked, TOP>; 3],
    /// Name of the backend.
    pub backend: &'static str,
    /// Where the time went since the last outcome.
    pub timing: Timing,
    /// The pictures of its frames, in order; empty unless the pipeline keeps them.
    pub pictures: Pictures<'a>,
}

impl Outcome<'_> {
    /// Capture times of the first and the last frame, in microseconds.
    pub fn time_span_us(&self) -> [u64; 2] {
        [self.times_us.first(), self.times_us.last()].map(|time| time.copied().unwrap_or_default())
    }
}

/// Microseconds spent in each stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Timing {
    /// Reading and decoding frames.
    pub decode: u64,
    /// Masks: the segmenter and what it is shown.
    pub segment: u64,
    /// Resize, crop, normalisation and the three views.
    pub views: u64,
    /// The image encoder.
    pub encode: u64,
    /// Fusion, label bank and gate.
    pub score: u64,
}

/// What the encoder saw of one frame, for people to look at.
#[derive(Clone, Debug)]
pub struct Picture {
    /// RGB8 of the three views, `[3 views, height, width, 3]`.
    pub(crate) views: Vec<u8>,
    /// The person's shape.
    pub(crate) person: Shape,
}

impl Picture {
    /// RGB8 of one view, `[height, width, 3]`.
    pub fn view(&self, view: View) -> &[u8] {
        let length = self.views.len() / View::ALL.len();
        &self.views[view.index() * length..][..length]
    }

    /// The person's shape, at the encoder's resolution.
    pub fn person(&self) -> &Shape {
        &self.person
    }
}

/// The pictures of a window's frames.
#[derive(Clone, Copy, Debug)]
pub struct Pictures<'a> {
    pub(crate) pictures: &'a [Picture],
    pub(crate) order: &'a [usize],
}

impl<'a> Pictures<'a> {
    /// The pictures in the order of the frames.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a Picture> + use<'a> {
        let pictures = self.pictures;
        let order = if pictures.is_empty() { &[] } else { self.order };
        order.iter().map(move |&slot| &pictures[slot])
    }
}
