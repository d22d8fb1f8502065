//! From frames to what a window's three views say: masks, views, embeddings and log-probabilities.
//!
//! An [`ClipEncoder`] keeps frames in slots, so that overlapping windows share what was encoded once. [`CpuClipEncoder`] does
//! the pixels on the CPU and hands the models of an [`Engine`] whole batches; the GPU's observer keeps everything from
//! the uploaded frame to the log-probabilities on the device. Both follow the same equations and give the same verdicts.

mod cpu;
mod crop_geometry;
mod frame_recorder;
mod smoothing;

pub use cpu::CpuClipEncoder;
#[cfg(feature = "gpu")]
pub(crate) use crop_geometry::CropGeometry;
#[cfg(feature = "gpu")]
pub(crate) use frame_recorder::FrameRecorder;
pub use frame_recorder::{FrameRecording, FrameViews};
#[cfg(feature = "gpu")]
pub(crate) use smoothing::Smoothing;

use crate::bundle::Bundle;
use crate::engine::{BackendOptions, Engine, StageTimes};
use crate::error::{Error, Result, Stage};
use crate::frame::Frame;
use crate::view::{Areas, View};
use crate::zeroshot::{LabelBank, LogProbs};
use std::time::Instant;

/// Frames to log-probabilities, on one backend.
pub trait ClipEncoder: Send {
    /// The backend's name in verdict lines.
    fn backend(&self) -> &'static str;

    /// Makes room for `slots` frames and forgets all before.
    ///
    /// # Errors
    /// When the backend has no such room.
    fn begin(&mut self, slots: usize) -> Result<()>;

    /// Forgets what is not encoded yet, and the mask that the next one would be smoothed by: another stream begins.
    fn forget(&mut self);

    /// Takes `frame` for `slot`; a full batch is encoded at once. Its time is added to `timing`.
    ///
    /// # Errors
    /// When such a frame would shrink to nothing, or the backend fails.
    fn take(&mut self, frame: &Frame<'_>, slot: usize, timing: &mut Timing) -> Result<()>;

    /// Masks, views and embeddings of all frames taken.
    ///
    /// # Errors
    /// When a model fails.
    fn encode(&mut self, timing: &mut Timing) -> Result<()>;

    /// The log-probabilities of each view of the clip that the slots of `order` hold, all of them encoded.
    ///
    /// # Errors
    /// When a model fails, or an embedding has no direction.
    fn score(&mut self, order: &[usize], log_probs: &mut [LogProbs; View::ALL.len()]) -> Result<()>;

    /// Scores with `bank` from now on.
    ///
    /// # Errors
    /// When its embeddings are of another dimension than the encoder's; the old bank then stays.
    fn set_bank(&mut self, bank: LabelBank) -> Result<()>;

    /// How much of the frame in `slot` the views show, once it is encoded.
    fn areas(&self, slot: usize) -> Areas;

    /// The pictures of all slots where they are kept, else none.
    fn pictures(&self) -> &[FrameViews];

    /// Whether what just failed is there again: a backend that was lost and opened anew. All slots are empty then.
    ///
    /// # Errors
    /// When it was lost and cannot be opened anew.
    fn recover(&mut self) -> Result<bool> {
        Ok(false)
    }

    /// The times of the backend's kernels for the last batch, where it has a clock for them.
    ///
    /// # Errors
    /// When the backend fails.
    fn kernel_times(&mut self) -> Result<Vec<StageTimes>> {
        Ok(Vec::new())
    }
}

/// Microseconds spent in each batch.
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

/// Runs `body` and adds its time to `batch`.
pub(crate) fn timed<T>(batch: &mut u64, body: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let value = body();
    *batch += began.elapsed().as_micros() as u64;
    value
}

/// The observer of `bundle` on the backend that `choice` names, keeping what `keep` says.
///
/// # Errors
/// When the backend is not in this build or not on this machine, or a model cannot be loaded or is not what the manifest
/// says.
pub fn observer(bundle: &Bundle, choice: &BackendOptions, keep: FrameRecording) -> Result<Box<dyn ClipEncoder>> {
    #[cfg(feature = "gpu")]
    if choice.backend.resolve()? == crate::engine::Backend::Gpu {
        use crate::engine::{Backend, gpu::GpuClipEncoder};
        match GpuClipEncoder::open(bundle, choice.precision, keep) {
            Err(e) if choice.backend == Backend::Auto => log::warn!("the CPU is taken: {e}"),
            opened => return Ok(Box::new(opened?)),
        }
    }
    if choice.precision != crate::engine::Precision::F32 {
        let next = "leave --precision out, or pass --backend gpu";
        return Err(Error::new(Stage::Command, "f32 on the CPU", "f16", next));
    }
    let engine = Engine::load(bundle, choice.threads)?;
    log::info!("backend {}, {} threads", engine.backend, choice.threads);
    Ok(Box::new(CpuClipEncoder::new(bundle, engine, keep)?))
}
