//! Label changes while frames are scored: labels are embedded once, on a thread of their own.

use super::PipelineHandle;
use crate::bundle::Bundle;
use crate::error::{Error, Result, Stage};
use serde::Serialize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Largest number of elements of all text embeddings of one set of labels.
const MAX_ELEMENTS: usize = 1 << 26;

/// Embeds labels on a thread of its own. While it works, only the last request is kept. The thread ends when the last
/// clone is dropped.
#[derive(Clone, Debug)]
pub struct LabelUpdater(Arc<Requester>);

/// Ends the thread when it is dropped.
#[derive(Debug)]
struct Requester(Arc<Shared>);

impl Drop for Requester {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }
}

/// Progress of the last request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum LabelUpdateProgress {
    /// Nothing was requested, or the request is done.
    #[default]
    Done,
    /// Prompts are being embedded.
    Embedding {
        /// Number of prompts that are embedded.
        done: usize,
        /// Number of prompts.
        total: usize,
    },
    /// The request failed; the old labels are kept.
    Failed {
        /// The error.
        reason: String,
    },
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    requested: Option<Vec<String>>,
    progress: LabelUpdateProgress,
    closed: bool,
}

impl LabelUpdater {
    /// Starts a thread that embeds labels for `bundle` and gives them to `handle`. The text encoder is only loaded
    /// while labels are embedded.
    ///
    /// # Errors
    /// Returns an error if the thread cannot be started.
    pub fn start(bundle: Bundle, handle: PipelineHandle) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let requester = Requester(Arc::clone(&shared));
        let work = move || {
            while let Some(names) = shared.next() {
                let result = shared.embed(&bundle, names, &handle);
                shared.finish(result);
            }
        };
        let thread = std::thread::Builder::new().name("labels".to_owned()).spawn(work);
        thread.map_err(|e| Error::caused(Stage::LabelBank, "a thread for labels", e, "raise the limit of threads"))?;
        Ok(Self(Arc::new(requester)))
    }

    /// Requests the labels `names`, which are applied before the first window after they are embedded.
    pub fn ask(&self, names: Vec<String>) {
        let shared = &self.0.0;
        let mut state = shared.lock();
        state.progress = LabelUpdateProgress::Embedding { done: 0, total: names.len() };
        state.requested = Some(names);
        shared.changed.notify_all();
    }

    /// Returns the progress of the last request.
    pub fn progress(&self) -> LabelUpdateProgress {
        self.0.0.lock().progress.clone()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<Vec<String>> {
        let idle = |state: &mut State| state.requested.is_none() && !state.closed;
        let mut state = self.changed.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        if state.closed { None } else { state.requested.take() }
    }

    fn embed(&self, bundle: &Bundle, names: Vec<String>, handle: &PipelineHandle) -> Result<()> {
        let labels = &bundle.manifest().labels;
        let elements = names.len().saturating_mul(labels.templates.len()).saturating_mul(bundle.label_bank()?.dim());
        if elements > MAX_ELEMENTS {
            let expected = format!("labels whose embeddings have at most {MAX_ELEMENTS} elements");
            return Err(Error::new(Stage::LabelBank, expected, elements, "name fewer actions"));
        }
        // One thread only: the others recognise.
        handle.set_labels(bundle.embed_labels(names, 1, &mut |done, total| self.report(done, total))?);
        Ok(())
    }

    fn report(&self, done: usize, total: usize) -> Result<()> {
        let mut state = self.lock();
        if state.closed || state.requested.is_some() {
            let next = "wait for the newer labels";
            return Err(Error::new(Stage::LabelBank, "an uninterrupted request", "a newer one", next));
        }
        state.progress = LabelUpdateProgress::Embedding { done, total };
        Ok(())
    }

    fn finish(&self, result: Result<()>) {
        let mut state = self.lock();
        // The result of an outdated request is dropped.
        if state.requested.is_none() {
            state.progress = result.map_or_else(
                |error| {
                    log::warn!("the labels are unchanged: {error}");
                    LabelUpdateProgress::Failed { reason: error.to_string() }
                },
                |()| LabelUpdateProgress::Done,
            );
        }
    }
}
