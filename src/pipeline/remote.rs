//! Changes from other threads, which take effect between two windows.

use crate::zeroshot::LabelBank;
use std::sync::{Arc, Mutex, PoisonError};

/// Changes what a pipeline scores with while frames flow. Of several changes before a window ends, the last one counts.
#[derive(Clone, Debug, Default)]
pub struct Remote(Arc<Mutex<Wishes>>);

/// What is to change with the next window.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    pub(super) labels: Option<LabelBank>,
    pub(super) threshold: Option<f32>,
}

impl Remote {
    /// Other labels. Their embeddings have to be of the encoder's dimension: see [`LabelBank::expect_encoder`].
    pub fn set_labels(&self, bank: LabelBank) {
        self.change(|wishes| wishes.labels = Some(bank));
    }

    /// Another threshold, which has to be finite, for the score that the gate goes by.
    pub fn set_threshold(&self, tau: f32) {
        self.change(|wishes| wishes.threshold = Some(tau));
    }

    pub(super) fn take(&self) -> Wishes {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, by: impl FnOnce(&mut Wishes)) {
        by(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
