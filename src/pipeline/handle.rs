//! Changes from other threads, which take effect between two windows.

use crate::error::Result;
use crate::gate::GateSettings;
use crate::zeroshot::LabelBank;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Changes what a pipeline scores with while frames flow. Of several changes before a window ends, the last one counts.
#[derive(Clone, Debug)]
pub struct PipelineHandle(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// Labels that the pipeline has not taken yet.
    labels: Option<LabelBank>,
    /// The gate's settings with the newest threshold.
    gate: GateSettings,
}

impl PipelineHandle {
    pub(super) fn new(gate: GateSettings) -> Self {
        Self(Arc::new(Mutex::new(State { labels: None, gate })))
    }

    /// Other labels. Their embeddings have to be of the encoder's dimension: see [`LabelBank::expect_encoder`].
    pub fn set_labels(&self, bank: LabelBank) {
        self.lock().labels = Some(bank);
    }

    /// Another threshold for the score that the gate goes by.
    ///
    /// # Errors
    /// When `tau` is not finite; the old threshold then stays.
    pub fn set_threshold(&self, tau: f32) -> Result<()> {
        self.lock().gate.set_threshold(tau)
    }

    /// The threshold that the next window is judged by.
    pub fn threshold(&self) -> f32 {
        let GateSettings { score, threshold, .. } = &self.lock().gate;
        threshold.get(*score)
    }

    pub(super) fn take_labels(&self) -> Option<LabelBank> {
        self.lock().labels.take()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
