//! Times of the stages and of a backend's kernels.

use std::time::Instant;

/// Microseconds spent in each stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Timing {
    /// Reading and decoding frames of a source that ends.
    pub decode: u64,
    /// Waiting for frames that another thread or program decodes: of a live source, or of a clip while models load.
    pub wait: u64,
    /// Person masks: the segmenter and its preprocessing.
    pub segment: u64,
    /// Resize, crop, normalisation and the three views.
    pub views: u64,
    /// The image encoder.
    pub encode: u64,
    /// Fusion, label bank and gate.
    pub score: u64,
}

/// Runs `body` and adds its time to `stage`, in microseconds.
pub(crate) fn timed<T>(stage: &mut u64, body: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let value = body();
    *stage += began.elapsed().as_micros() as u64;
    value
}

/// Time that the dispatches of one kernel took for one batch.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct KernelTime {
    /// Name of the kernel.
    pub kernel: &'static str,
    /// Number of dispatches.
    pub dispatches: usize,
    /// Time by the device's own clock, in milliseconds.
    pub milliseconds: f64,
    /// Multiplications and additions.
    pub operations: u64,
    /// Bytes of the tensors that it read and wrote.
    pub bytes: u64,
}

/// Kernel times of one stage for one batch, the longest first.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct StageTimes {
    /// Name of the stage.
    pub stage: &'static str,
    /// Pictures of the batch.
    pub pictures: usize,
    /// Total time of each kernel.
    pub kernels: Vec<KernelTime>,
}
