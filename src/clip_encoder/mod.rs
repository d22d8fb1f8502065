//! What clip encoders on all backends share: their trait, timing, and the geometry of crops and masks.
//!
//! A [`ClipEncoder`] keeps frames in slots, so that overlapping windows share frames that were encoded once. The CPU's
//! encoder prepares pixels on the CPU and gives the models of an engine whole batches. The GPU's keeps everything from
//! the uploaded frame to the log-probabilities on the device. Both follow the same equations and give the same
//! verdicts.

mod clip_paster;
mod frame_recorder;
mod geometry;
mod smoothing;
mod timing;

pub(crate) use clip_paster::ClipPaster;
pub(crate) use frame_recorder::FrameRecorder;
pub use frame_recorder::{FrameRecording, FrameViews};
#[cfg(feature = "gpu")]
pub(crate) use geometry::CropGeometry;
pub(crate) use geometry::MaskGeometry;
pub(crate) use smoothing::Smoothing;
pub(crate) use timing::timed;
pub use timing::{KernelTime, StageTimes, Timing};

use crate::bundle::Backgrounds;
use crate::error::Result;
use crate::frame::Frame;
use crate::view::{Areas, View};
use crate::zeroshot::{LabelBank, LogProbs};

/// Encodes the frames of clips and scores them, on one backend.
pub trait ClipEncoder: Send {
    /// Returns the backend's name in verdict lines.
    fn backend(&self) -> &'static str;

    /// Empties all slots and allocates `slots` of them.
    ///
    /// # Errors
    /// Returns an error if the backend cannot allocate them.
    fn begin(&mut self, slots: usize) -> Result<()>;

    /// Drops frames that are not encoded yet and resets the smoothing of masks, for another stream.
    fn forget(&mut self);

    /// Puts `frame` into `slot`; a full batch is encoded at once. The time is added to `timing`.
    ///
    /// # Errors
    /// Returns an error if the frame would shrink to nothing, or the backend fails.
    fn take(&mut self, frame: &Frame<'_>, slot: usize, timing: &mut Timing) -> Result<()>;

    /// Makes masks, views and embeddings of all frames that are not encoded yet.
    ///
    /// # Errors
    /// Returns an error if a model fails.
    fn encode(&mut self, timing: &mut Timing) -> Result<()>;

    /// Writes the log-probabilities of each view of the clip whose encoded frames are in the slots `order`.
    ///
    /// # Errors
    /// Returns an error if a model fails, or an embedding has no direction.
    fn score(&mut self, order: &[usize], log_probs: &mut [LogProbs; View::ALL.len()]) -> Result<()>;

    /// Scores with `bank` from now on.
    ///
    /// # Errors
    /// Returns an error, and keeps the old bank, if its embeddings have another dimension than the encoder's.
    fn set_bank(&mut self, bank: LabelBank) -> Result<()>;

    /// Keeps the frames that are taken from now on, so that clips can be probed in the first `count` pictures of
    /// `places`.
    ///
    /// # Errors
    /// Returns an error if the pictures have another size than the encoder's.
    fn set_places(&mut self, places: &Backgrounds, count: usize) -> Result<()>;

    /// Pastes the person of the clip whose encoded frames are in the slots `order` into each place, encodes these clips
    /// and adds the first class of each to `labels`. Adds nothing if there are no places. The time is added to
    /// `timing.encode`.
    ///
    /// # Errors
    /// Returns an error if a model fails, or an embedding has no direction.
    fn probe(&mut self, order: &[usize], labels: &mut Vec<usize>, timing: &mut Timing) -> Result<()>;

    /// Returns the areas of person and background of the encoded frame in `slot`.
    fn areas(&self, slot: usize) -> Areas;

    /// Returns the recorded views of all slots; empty where recording is off.
    fn pictures(&self) -> &[FrameViews];

    /// Opens a backend again that was lost. Returns whether it was; all slots are empty then.
    ///
    /// # Errors
    /// Returns an error if it was lost and cannot be opened again.
    fn recover(&mut self) -> Result<bool> {
        Ok(false)
    }

    /// Returns the kernel times of the last batch; empty where the backend does not measure them.
    ///
    /// # Errors
    /// Returns an error if the backend fails.
    fn kernel_times(&mut self) -> Result<Vec<StageTimes>> {
        Ok(Vec::new())
    }
}
