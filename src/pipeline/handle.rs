//! Changes of labels and threshold from other threads, applied between two windows.

use crate::error::Result;
use crate::gate::GateSettings;
use crate::zeroshot::LabelBank;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Changes the labels and the threshold of a running pipeline. Only the last change before a window ends is applied.
#[derive(Clone, Debug)]
pub struct PipelineHandle(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// Labels that are not applied yet.
    labels: Option<LabelBank>,
    /// The gate's settings, with the latest threshold.
    gate: GateSettings,
}

impl PipelineHandle {
    pub(super) fn new(gate: GateSettings) -> Self {
        Self(Arc::new(Mutex::new(State { labels: None, gate })))
    }

    /// Replaces the labels. Their embeddings must have the encoder's dimension: see [`LabelBank::expect_encoder`].
    pub fn set_labels(&self, bank: LabelBank) {
        self.lock().labels = Some(bank);
    }

    /// Sets the gate's threshold tau of dominance.
    ///
    /// # Errors
    /// Returns an error, and keeps the old threshold, if `tau` is not finite.
    pub fn set_threshold(&self, tau: f32) -> Result<()> {
        self.lock().gate.set_threshold(tau)
    }

    /// Returns the threshold of the next window.
    pub fn threshold(&self) -> f32 {
        self.lock().gate.threshold
    }

    pub(super) fn take_labels(&self) -> Option<LabelBank> {
        self.lock().labels.take()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
