//! What all readers see: the newest window, the last minutes, and how recognition is doing.

use super::Controls;
use crate::pipeline::{Outcome, Relabelling};
use crate::sink::overlay::Strip;
use crate::sink::vitals::{Vitals, temperatures};
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
pub(super) struct Hub {
    pub(super) vitals: Arc<Vitals>,
    pub(super) controls: Controls,
    news: watch::Sender<News>,
    /// A place for each reader.
    pub(super) places: Arc<Semaphore>,
    began: Instant,
    history: Mutex<VecDeque<Moment>>,
    strip: Mutex<Strip>,
    /// Whether pictures may be shown at all.
    may_show: bool,
    shows: AtomicBool,
}

/// The newest window.
#[derive(Clone, Debug, Default)]
pub(super) struct News {
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
pub(super) struct Moment {
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
    relabelling: Relabelling,
}

impl Hub {
    pub(super) fn new(vitals: Arc<Vitals>, controls: Controls, may_show: bool) -> Self {
        Self {
            vitals,
            controls,
            news: watch::Sender::new(News::default()),
            places: Arc::new(Semaphore::new(READERS)),
            began: Instant::now(),
            history: Mutex::new(VecDeque::with_capacity(HISTORY)),
            strip: Mutex::default(),
            may_show,
            shows: AtomicBool::new(may_show),
        }
    }

    /// Takes the newest window over; a picture is only made where somebody looks.
    pub(super) fn show(&self, line: &Arc<str>, outcome: &Outcome<'_>, latency: Option<Duration>) {
        let judgement = &outcome.judgement;
        let moment = Moment {
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
        self.vitals.readers(self.readers());
        self.news.send_modify(|news| {
            let labels = if news.labels.as_ref() == outcome.names {
                Arc::clone(&news.labels)
            } else {
                outcome.names.to_vec().into()
            };
            let (number, line) = (news.number + 1, Some(Arc::clone(line)));
            *news = News { number, line, picture, labels, latency, backend: outcome.backend, over: false };
        });
    }

    /// Ends what readers wait for.
    pub(super) fn close(&self) {
        self.news.send_modify(|news| news.over = true);
    }

    pub(super) fn news(&self) -> watch::Receiver<News> {
        self.news.subscribe()
    }

    pub(super) fn labels(&self) -> Arc<[String]> {
        Arc::clone(&self.news.borrow().labels)
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
            self.news.send_modify(|news| news.picture = None);
        }
        self.may_show || !shows
    }

    /// The last minutes, as JSON.
    pub(super) fn history(&self) -> String {
        #[derive(Serialize)]
        struct Past<'a> {
            history: &'a VecDeque<Moment>,
        }
        serde_json::to_string(&Past { history: &lock(&self.history) }).unwrap_or_default()
    }

    /// What `news` are, as JSON.
    pub(super) fn state(&self, news: &News) -> String {
        let health = self.vitals.health();
        let window = news.line.as_deref().and_then(|line| serde_json::from_str(line).ok());
        let state = State {
            at: self.began.elapsed().as_secs_f64(),
            window,
            frame_rate: self.vitals.frame_rate(),
            dropped: health.dropped,
            reconnects: health.reconnects,
            latency_ms: news.latency.map(|latency| latency.as_secs_f64() * 1e3),
            backend: news.backend,
            celsius: temperatures().into_iter().map(|(_, celsius)| celsius).reduce(f64::max),
            tau: self.controls.remote.threshold(),
            shows_pictures: self.shows(),
            may_show_pictures: self.may_show,
            labels: news.labels.len(),
            relabelling: self.controls.relabeller.progress(),
        };
        serde_json::to_string(&state).unwrap_or_default()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
