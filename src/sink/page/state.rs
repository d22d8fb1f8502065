//! The state of the page: the newest window, the history and the metrics.

use super::PageControls;
use crate::pipeline::{LabelUpdateProgress, WindowResult};
use crate::sink::drift::Drift;
use crate::sink::metrics::{Metrics, temperatures};
use crate::sink::overlay::Strip;
use crate::sink::presence::SourceState;
use axum::body::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, watch};

/// Windows in the history: five minutes at two windows per second.
const HISTORY_LENGTH: usize = 600;
/// Maximum number of readers.
const MAX_READERS: usize = 64;

/// The state shared between the recognition thread and the server.
#[derive(Debug)]
pub(super) struct PageState {
    pub(super) metrics: Arc<Metrics>,
    pub(super) controls: PageControls,
    updates: watch::Sender<PageUpdate>,
    /// One permit for each reader.
    pub(super) reader_permits: Arc<Semaphore>,
    began: Instant,
    history: Mutex<VecDeque<HistoryPoint>>,
    strip: Mutex<Strip>,
    /// Whether the settings allow pictures.
    allows_pictures: bool,
    /// Whether readers have pictures switched on.
    shows_pictures: AtomicBool,
}

/// The newest window.
#[derive(Clone, Debug, Default)]
pub(super) struct PageUpdate {
    /// Number of the window.
    pub(super) number: u64,
    /// The verdict line.
    line: Option<Arc<str>>,
    /// A JPEG of four panels.
    pub(super) picture: Option<Bytes>,
    labels: Arc<[String]>,
    /// Number of label sets so far; readers fetch the labels when it changes.
    label_set: u64,
    latency: Option<Duration>,
    backend: &'static str,
    pub(super) is_closed: bool,
}

/// One point of the history.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct HistoryPoint {
    /// Seconds since the start.
    #[serde(rename = "at")]
    time: f64,
    /// Attribution score.
    attribution: f32,
    verdict: &'static str,
}

/// The message to readers about a window.
#[derive(Debug, Serialize)]
struct WindowMessage<'a> {
    at: f64,
    source: SourceState,
    /// Number of the window.
    number: u64,
    window: Option<&'a RawValue>,
    frame_rate: f64,
    dropped: u64,
    reconnects: u64,
    latency_ms: Option<f64>,
    backend: &'a str,
    celsius: Option<f64>,
    tau: f32,
    shows_pictures: bool,
    #[serde(rename = "may_show_pictures")]
    allows_pictures: bool,
    labels: usize,
    label_set: u64,
    calibration: Drift,
    #[serde(rename = "relabelling")]
    label_update: LabelUpdateProgress,
}

impl PageState {
    pub(super) fn new(metrics: Arc<Metrics>, controls: PageControls, allows_pictures: bool) -> Self {
        Self {
            metrics,
            controls,
            updates: watch::Sender::new(PageUpdate::default()),
            reader_permits: Arc::new(Semaphore::new(MAX_READERS)),
            began: Instant::now(),
            history: Mutex::new(VecDeque::with_capacity(HISTORY_LENGTH)),
            strip: Mutex::default(),
            allows_pictures,
            shows_pictures: AtomicBool::new(allows_pictures),
        }
    }

    /// Publishes the newest window; encodes a picture only if there are readers.
    pub(super) fn show(&self, line: &Arc<str>, result: &WindowResult<'_>, latency: Option<Duration>) {
        let judgement = &result.judgement;
        let point = HistoryPoint {
            time: self.began.elapsed().as_secs_f64(),
            attribution: judgement.attribution.value,
            verdict: judgement.verdict.name(),
        };
        {
            let mut history = lock(&self.history);
            if history.len() == HISTORY_LENGTH {
                history.pop_front();
            }
            history.push_back(point);
        }
        let picture = match result.pictures.iter().last() {
            Some(picture) if self.shows_pictures() && self.readers() > 0 => match lock(&self.strip).jpeg(picture) {
                Ok(bytes) => Some(bytes.into()),
                Err(error) => {
                    log::warn!("the picture for the live page cannot be encoded: {error}");
                    None
                }
            },
            _ => None,
        };
        self.metrics.readers(self.readers());
        self.updates.send_modify(|update| {
            if update.labels.as_ref() != result.names {
                update.labels = result.names.to_vec().into();
                update.label_set += 1;
            }
            (update.number, update.line) = (update.number + 1, Some(Arc::clone(line)));
            (update.picture, update.latency, update.backend) = (picture, latency, result.backend);
        });
    }

    /// Disconnects all readers.
    pub(super) fn close(&self) {
        self.updates.send_modify(|update| update.is_closed = true);
    }

    /// Subscribes to new windows.
    pub(super) fn updates(&self) -> watch::Receiver<PageUpdate> {
        self.updates.subscribe()
    }

    /// Returns the labels of the newest window.
    pub(super) fn labels(&self) -> Arc<[String]> {
        Arc::clone(&self.updates.borrow().labels)
    }

    fn readers(&self) -> usize {
        MAX_READERS - self.reader_permits.available_permits()
    }

    /// Returns whether pictures are shown.
    pub(super) fn shows_pictures(&self) -> bool {
        self.allows_pictures && self.shows_pictures.load(Ordering::Relaxed)
    }

    /// Switches pictures on or off; returns false if the settings do not allow them.
    pub(super) fn set_shows_pictures(&self, shows: bool) -> bool {
        self.shows_pictures.store(shows, Ordering::Relaxed);
        if !shows {
            // The next reader must not get the current picture either.
            self.updates.send_modify(|update| update.picture = None);
        }
        self.allows_pictures || !shows
    }

    /// Returns the history as JSON.
    pub(super) fn history(&self) -> String {
        #[derive(Serialize)]
        struct HistoryMessage<'a> {
            history: &'a VecDeque<HistoryPoint>,
        }
        serde_json::to_string(&HistoryMessage { history: &lock(&self.history) }).unwrap_or_default()
    }

    /// Returns the message about `update` as JSON.
    pub(super) fn message(&self, update: &PageUpdate) -> String {
        let health = self.metrics.health();
        let window = update.line.as_deref().and_then(|line| serde_json::from_str(line).ok());
        let message = WindowMessage {
            at: self.began.elapsed().as_secs_f64(),
            source: self.metrics.source_state(),
            number: update.number,
            window,
            frame_rate: self.metrics.frame_rate(),
            dropped: health.dropped,
            reconnects: health.reconnects,
            latency_ms: update.latency.map(|latency| latency.as_secs_f64() * 1e3),
            backend: update.backend,
            celsius: temperatures().into_iter().map(|(_, celsius)| celsius).reduce(f64::max),
            tau: self.controls.handle.threshold(),
            shows_pictures: self.shows_pictures(),
            allows_pictures: self.allows_pictures,
            labels: update.labels.len(),
            label_set: update.label_set,
            calibration: self.metrics.newest_drift(),
            label_update: self.controls.label_updater.progress(),
        };
        serde_json::to_string(&message).unwrap_or_default()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
