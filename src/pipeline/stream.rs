//! What is known of a stream between two of its frames.

use super::schedule::{Sliding, WindowSchedule};
use crate::error::{Error, Stage};
use crate::frame::FrameBuffer;

/// A stream that is cut into sliding windows.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) sliding: Sliding,
    pub(super) schedule: WindowSchedule,
    /// The frame before the next.
    pub(super) previous: FrameBuffer,
    /// The slots of the window that closes, in order.
    pub(super) order: Vec<usize>,
    /// How often its time jumped.
    pub(super) restarts: u64,
    /// When what is unbroken began.
    pub(super) began_us: u64,
    pub(super) latest_us: u64,
}

impl Stream {
    pub(super) fn new(sliding: Sliding, frames: usize) -> Self {
        Self {
            sliding,
            schedule: WindowSchedule::new(sliding, frames),
            previous: FrameBuffer::default(),
            order: Vec::with_capacity(frames),
            restarts: 0,
            began_us: 0,
            latest_us: 0,
        }
    }

    /// Why the stream called `name` had no window.
    pub(super) fn too_short(&self, name: &str) -> Error {
        let got = format!("{name} of {:.2} s", (self.latest_us - self.began_us) as f64 / 1e6);
        let next = match self.restarts {
            0 | 1 => "shorten --window, or pass --window clip",
            _ => "raise --window: frames lie further apart than that",
        };
        Error::new(Stage::Pipeline, "a source of at least one window", got, next)
    }
}
