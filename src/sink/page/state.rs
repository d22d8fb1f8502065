//! What all readers see: the newest window, the last minutes, and how recognition is doing.

use super::PageControls;
use crate::pipeline::{LabelUpdateProgress, WindowResult};
use crate::sink::metrics::{Metrics, temperatures};
use crate::sink::overlay::Strip;
use axum::body::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, watch};

/// Windows that the chart of the last minutes shows: five minutes at two a second.
const HISTORY: usize = 600;
/// How many may look at a time.
const READERS: usize = 64;

/// What the server's tasks share with recognition.
#[derive(Debug)]
pub(super) struct PageState {
    pub(super) metrics: Arc<Metrics>,
    pub(super) controls: PageControls,
    updates: watch::Sender<PageUpdate>,
    /// A place for each reader.
    pub(super) places: Arc<Semaphore>,
    began: Instant,
    history: Mutex<VecDeque<HistoryPoint>>,
    strip: Mutex<Strip>,
    /// Whether pictures may be shown at all.
    may_show: bool,
    shows: AtomicBool,
}

/// The newest window.
#[derive(Clone, Debug, Default)]
pub(super) struct PageUpdate {
    /// Windows so far.
    pub(super) number: u64,
    /// The verdict line.
    line: Option<Arc<str>>,
    /// A JPEG of four panels.
    pub(super) picture: Option<Bytes>,
    labels: Arc<[String]>,
    latency: Option<Duration>,
    backend: &'static str,
    pub(super) over: bool,
}

/// One point of the chart.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct HistoryPoint {
    /// Seconds since the start.
    at: f64,
    dominance: f32,
    verdict: &'static str,
}

/// What a reader is told of a window.
#[derive(Debug, Serialize)]
struct State<'a> {
    at: f64,
    window: Option<&'a RawValue>,
    frame_rate: f64,
    dropped: u64,
    reconnects: u64,
    latency_ms: Option<f64>,
    backend: &'a str,
    celsius: Option<f64>,
    tau: f32,
    shows_pictures: bool,
    may_show_pictures: bool,
    labels: usize,
    relabelling: LabelUpdateProgress,
}

impl PageState {
    pub(super) fn new(metrics: Arc<Metrics>, controls: PageControls, may_show: bool) -> Self {
        Self {
            metrics,
            controls,
            updates: watch::Sender::new(PageUpdate::default()),
            places: Arc::new(Semaphore::new(READERS)),
            began: Instant::now(),
            history: Mutex::new(VecDeque::with_capacity(HISTORY)),
            strip: Mutex::default(),
            may_show,
            shows: AtomicBool::new(may_show),
        }
    }

    /// Takes the newest window over; a picture is only made where somebody looks.
    pub(super) fn show(&self, line: &Arc<str>, outcome: &WindowResult<'_>, latency: Option<Duration>) {
        let judgement = &outcome.judgement;
        let moment = HistoryPoint {
            at: self.began.elapsed().as_secs_f64(),
            dominance: judgement.dominance,
            verdict: judgement.verdict.name(),
        };
        {
            let mut history = lock(&self.history);
            if history.len() == HISTORY {
                history.pop_front();
            }
            history.push_back(moment);
        }
        let picture = match outcome.pictures.iter().last() {
            Some(picture) if self.shows() && self.readers() > 0 => match lock(&self.strip).jpeg(picture) {
                Ok(bytes) => Some(bytes.into()),
                Err(error) => {
                    log::warn!("the live page has no picture: {error}");
                    None
                }
            },
            _ => None,
        };
        self.metrics.readers(self.readers());
        self.updates.send_modify(|updates| {
            let labels = if updates.labels.as_ref() == outcome.names {
                Arc::clone(&updates.labels)
            } else {
                outcome.names.to_vec().into()
            };
            let (number, line) = (updates.number + 1, Some(Arc::clone(line)));
            *updates = PageUpdate { number, line, picture, labels, latency, backend: outcome.backend, over: false };
        });
    }

    /// Ends what readers wait for.
    pub(super) fn close(&self) {
        self.updates.send_modify(|updates| updates.over = true);
    }

    pub(super) fn updates(&self) -> watch::Receiver<PageUpdate> {
        self.updates.subscribe()
    }

    pub(super) fn labels(&self) -> Arc<[String]> {
        Arc::clone(&self.updates.borrow().labels)
    }

    fn readers(&self) -> usize {
        READERS - self.places.available_permits()
    }

    /// Whether pictures are shown.
    pub(super) fn shows(&self) -> bool {
        self.may_show && self.shows.load(Ordering::Relaxed)
    }

    /// Shows pictures or not; false where they may not be shown.
    pub(super) fn set_shows(&self, shows: bool) -> bool {
        self.shows.store(shows, Ordering::Relaxed);
        if !shows {
            // The picture that is there is not shown to the next reader either.
            self.updates.send_modify(|updates| updates.picture = None);
        }
        self.may_show || !shows
    }

    /// The last minutes, as JSON.
    pub(super) fn history(&self) -> String {
        #[derive(Serialize)]
        struct Past<'a> {
            history: &'a VecDeque<HistoryPoint>,
        }
        serde_json::to_string(&Past { history: &lock(&self.history) }).unwrap_or_default()
    }

    /// What `updates` are, as JSON.
    pub(super) fn state(&self, updates: &PageUpdate) -> String {
        let health = self.metrics.health();
        let window = updates.line.as_deref().and_then(|line| serde_json::from_str(line).ok());
        let state = State {
            at: self.began.elapsed().as_secs_f64(),
            window,
            frame_rate: self.metrics.frame_rate(),
            dropped: health.dropped,
            reconnects: health.reconnects,
            latency_ms: updates.latency.map(|latency| latency.as_secs_f64() * 1e3),
            backend: updates.backend,
            celsius: temperatures().into_iter().map(|(_, celsius)| celsius).reduce(f64::max),
            tau: self.controls.handle.threshold(),
            shows_pictures: self.shows(),
            may_show_pictures: self.may_show,
            labels: updates.labels.len(),
            relabelling: self.controls.label_updater.progress(),
        };
        serde_json::to_string(&state).unwrap_or_default()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
