//! Other labels while frames flow: embedded once, on a thread of their own, and then scored with.

use super::PipelineHandle;
use crate::bundle::Bundle;
use crate::error::{Error, Result, Stage};
use serde::Serialize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The most that text embeddings of one set of labels may take, in numbers.
const MOST: usize = 1 << 26;

/// Embeds labels beside recognition. Of several sets asked for while one is embedded, only the last one counts. The thread ends
/// with the last clone.
#[derive(Clone, Debug)]
pub struct LabelUpdater(Arc<Requester>);

/// The side that asks.
#[derive(Debug)]
struct Requester(Arc<Shared>);

impl Drop for Requester {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }
}

/// How far the labels are that were asked for last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum LabelUpdateProgress {
    /// Nothing was asked for, or all of it is done.
    #[default]
    Done,
    /// So many of the prompts are embedded.
    Embedding {
        /// Prompts embedded.
        done: usize,
        /// All prompts.
        total: usize,
    },
    /// The old labels stay.
    Failed {
        /// Why.
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
    wanted: Option<Vec<String>>,
    progress: LabelUpdateProgress,
    closed: bool,
}

impl LabelUpdater {
    /// A thread that embeds labels for `bundle` and hands them to `handle`. The text encoder is only in memory while it works.
    ///
    /// # Errors
    /// When there is no thread for it.
    pub fn start(bundle: Bundle, handle: PipelineHandle) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let asking = Requester(Arc::clone(&shared));
        let work = move || {
            while let Some(names) = shared.next() {
                let done = shared.relabel(&bundle, names, &handle);
                shared.conclude(done);
            }
        };
        let thread = std::thread::Builder::new().name("labels".to_owned()).spawn(work);
        thread.map_err(|e| Error::new(Stage::LabelBank, "a thread for labels", e, "raise the limit of threads"))?;
        Ok(Self(Arc::new(asking)))
    }

    /// Asks for `names`, which take effect with the first window after they are embedded.
    pub fn ask(&self, names: Vec<String>) {
        let shared = &self.0.0;
        let mut state = shared.lock();
        state.progress = LabelUpdateProgress::Embedding { done: 0, total: names.len() };
        state.wanted = Some(names);
        shared.changed.notify_all();
    }

    /// How far it is.
    pub fn progress(&self) -> LabelUpdateProgress {
        self.0.0.lock().progress.clone()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<Vec<String>> {
        let idle = |state: &mut State| state.wanted.is_none() && !state.closed;
        let mut state = self.changed.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        if state.closed { None } else { state.wanted.take() }
    }

    fn relabel(&self, bundle: &Bundle, names: Vec<String>, handle: &PipelineHandle) -> Result<()> {
        let labels = &bundle.manifest().labels;
        let numbers = names.len().saturating_mul(labels.templates.len()).saturating_mul(bundle.label_bank()?.dim());
        if numbers > MOST {
            let expected = format!("labels whose embeddings are at most {MOST} numbers");
            return Err(Error::new(Stage::LabelBank, expected, numbers, "name fewer actions"));
        }
        // One thread: the others are recognising.
        handle.set_labels(bundle.embed_labels(names, 1, &mut |done, total| self.report(done, total))?);
        Ok(())
    }

    fn report(&self, done: usize, total: usize) -> Result<()> {
        let mut state = self.lock();
        if state.closed || state.wanted.is_some() {
            return Err(Error::new(Stage::LabelBank, "to go on", "other labels", "wait for them"));
        }
        state.progress = LabelUpdateProgress::Embedding { done, total };
        Ok(())
    }

    fn conclude(&self, done: Result<()>) {
        let mut state = self.lock();
        // Where others are wanted by now, nobody asks how these ended.
        if state.wanted.is_none() {
            state.progress = done.map_or_else(
                |error| {
                    log::warn!("the labels stay as they were: {error}");
                    LabelUpdateProgress::Failed { reason: error.to_string() }
                },
                |()| LabelUpdateProgress::Done,
            );
        }
    }
}
