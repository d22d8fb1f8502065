//! Metrics of a run, in the format that Prometheus collects.

use super::DeliveryCounts;
use super::drift::{Drift, DriftFigure};
use super::metrics_format::MetricsFormat;
use super::presence::{Presence, SourceState};
use crate::clip_encoder::Timing;
use crate::pipeline::WindowResult;
use crate::source::SourceHealth;
use crate::view::View;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Period over which the frame rate is measured.
const RATE_OVER: Duration = Duration::from_secs(2);

type Ratio = Gauge<f64, AtomicU64>;
type Seconds = Counter<f64, AtomicU64>;

/// Counters, gauges and a histogram of one run, written by the recognition thread and read by others.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    frames: Counter,
    dropped: Counter,
    reconnects: Counter,
    windows: Family<[(&'static str, &'static str); 2], Counter>,
    dominance: Ratio,
    probability: Family<[(&'static str, &'static str); 1], Ratio>,
    stages: Family<[(&'static str, &'static str); 1], Seconds>,
    latency: Histogram,
    sent: Family<[(&'static str, &'static str); 1], Counter>,
    lost: Family<[(&'static str, &'static str); 1], Counter>,
    waiting: Family<[(&'static str, &'static str); 1], Gauge>,
    labels: Gauge,
    readers: Gauge,
    resident: Gauge,
    temperature: Family<[(&'static str, String); 1], Ratio>,
    flagged_share: Family<[(&'static str, &'static str); 1], Ratio>,
    mean_risk: Family<[(&'static str, &'static str); 1], Ratio>,
    calibration_drift: Family<[(&'static str, &'static str); 1], Gauge>,
    newest_drift: Mutex<Drift>,
    rate: Mutex<Rate>,
    presence: Arc<Presence>,
}

/// Frames per second, over the last [`RATE_OVER`].
#[derive(Debug)]
struct Rate {
    since: Instant,
    frames: u64,
    hertz: f64,
}

impl Metrics {
    /// Creates metrics at 0; `backend` is where models run, and `presence` that of the source.
    pub fn new(backend: &'static str, presence: Arc<Presence>) -> Self {
        let mut registry = Registry::with_prefix("figureground");
        let mut metrics = Self {
            frames: Counter::default(),
            dropped: Counter::default(),
            reconnects: Counter::default(),
            windows: Family::default(),
            dominance: Ratio::default(),
            probability: Family::default(),
            stages: Family::default(),
            latency: Histogram::new(exponential_buckets(0.005, 2.0, 12)),
            sent: Family::default(),
            lost: Family::default(),
            waiting: Family::default(),
            labels: Gauge::default(),
            readers: Gauge::default(),
            resident: Gauge::default(),
            temperature: Family::default(),
            flagged_share: Family::default(),
            mean_risk: Family::default(),
            calibration_drift: Family::default(),
            newest_drift: Mutex::default(),
            rate: Mutex::new(Rate { since: Instant::now(), frames: 0, hertz: 0.0 }),
            presence,
            registry: Registry::default(),
        };
        metrics.register(&mut registry, backend);
        metrics.registry = registry;
        metrics
    }

    fn register(&self, to: &mut Registry, backend: &'static str) {
        let build = Info::new([("version", env!("CARGO_PKG_VERSION")), ("backend", backend)]);
        to.register("build", "Version of the program and backend of its models", build);
        to.register("frames", "Frames read from the source", self.frames.clone());
        let help = "Frames dropped because recognition was busy or they could not be decoded";
        to.register("frames_dropped", help, self.dropped.clone());
        to.register("reconnects", "Times the source was lost and restored", self.reconnects.clone());
        to.register("windows", "Windows judged, by verdict and reason", self.windows.clone());
        let help = "Dominance of the last window: probability of its label in the background view less the person view";
        to.register("dominance", help, self.dominance.clone());
        let help = "Probability of the last window's label in each view, from 0 to 1";
        to.register("probability", help, self.probability.clone());
        to.register_with_unit("stage", "Time spent in each stage", Unit::Seconds, self.stages.clone());
        let help = "Time from the arrival of a window's last frame to its verdict";
        to.register_with_unit("latency", help, Unit::Seconds, self.latency.clone());
        to.register("lines_sent", "Verdict lines delivered to a receiver", self.sent.clone());
        to.register("lines_lost", "Verdict lines lost on the way to a receiver", self.lost.clone());
        to.register("lines_waiting", "Verdict lines waiting for a receiver", self.waiting.clone());
        to.register("labels", "Number of labels", self.labels.clone());
        to.register("page_readers", "Readers of the live page", self.readers.clone());
        let help = "Resident memory of the process";
        to.register_with_unit("resident_memory", help, Unit::Bytes, self.resident.clone());
        let help = "Temperature of each thermal zone";
        to.register_with_unit("temperature", help, Unit::Celsius, self.temperature.clone());
        let help = "Share of flags among the windows that were judged: of this run, about the last 1000, and of the \
                    clips that the gate was calibrated on";
        to.register("flagged_share", help, self.flagged_share.clone());
        let help = "Mean risk of the same windows and clips";
        to.register("mean_risk", help, self.mean_risk.clone());
        let help = "1 while a figure of this run differs from that of the calibration by more than --drift and chance";
        to.register("calibration_drift", help, self.calibration_drift.clone());
    }

    /// Returns whether the source delivers frames.
    pub fn source_state(&self) -> SourceState {
        self.presence.state()
    }

    /// Counts a frame from a source with the counts `health`.
    pub fn frame(&self, health: SourceHealth) {
        let frames = self.frames.inc() + 1;
        self.dropped.inner().fetch_max(health.dropped, Ordering::Relaxed);
        self.reconnects.inner().fetch_max(health.reconnects, Ordering::Relaxed);
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = rate.since.elapsed();
        if elapsed >= RATE_OVER {
            let hertz = (frames - rate.frames) as f64 / elapsed.as_secs_f64();
            *rate = Rate { since: Instant::now(), frames, hertz };
        }
    }

    /// Records the result of a window, judged `latency` after its last frame arrived.
    pub fn window(&self, result: &WindowResult<'_>, latency: Option<Duration>) {
        let judgement = &result.judgement;
        let labels = [("verdict", judgement.verdict.name()), ("reason", judgement.verdict.reason().unwrap_or("none"))];
        self.windows.get_or_create(&labels).inc();
        self.dominance.set(judgement.scores.dominance.into());
        for view in View::ALL {
            self.probability.get_or_create(&[("view", view.name())]).set(judgement.p[view.index()].into());
        }
        let Timing { decode, wait, segment, views, encode, score } = result.timing;
        let stages = [
            ("decode", decode),
            ("wait", wait),
            ("segment", segment),
            ("views", views),
            ("encode", encode),
            ("score", score),
        ];
        for (stage, microseconds) in stages {
            self.stages.get_or_create(&[("stage", stage)]).inc_by(microseconds as f64 / 1e6);
        }
        if let Some(latency) = latency {
            self.latency.observe(latency.as_secs_f64());
        }
        self.labels.set(result.names.len() as i64);
    }

    /// Records the figures of the run beside those of the gate's calibration.
    pub fn drift(&self, drift: Drift) {
        let figures = [("flagged", &self.flagged_share, drift.flagged), ("risk", &self.mean_risk, drift.mean_risk)];
        for (name, family, figure) in figures {
            let calibration = figure.and_then(|figure| figure.calibration);
            set(family, ("of", "run"), figure.map(|figure| figure.running));
            set(family, ("of", "calibration"), calibration);
            match figure.filter(|_| calibration.is_some()) {
                Some(DriftFigure { is_drifting, .. }) => {
                    self.calibration_drift.get_or_create(&[("figure", name)]).set(is_drifting.into());
                }
                None => drop(self.calibration_drift.remove(&[("figure", name)])),
            }
        }
        *self.newest_drift.lock().unwrap_or_else(PoisonError::into_inner) = drift;
    }

    /// Returns the newest figures of the run.
    pub fn newest_drift(&self) -> Drift {
        *self.newest_drift.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the delivery counts of `receiver`.
    pub fn lines(&self, receiver: &'static str, counts: DeliveryCounts) {
        let receiver = [("receiver", receiver)];
        self.sent.get_or_create(&receiver).inner().store(counts.sent, Ordering::Relaxed);
        self.lost.get_or_create(&receiver).inner().store(counts.lost, Ordering::Relaxed);
        self.waiting.get_or_create(&receiver).set(i64::try_from(counts.waiting).unwrap_or(i64::MAX));
    }

    /// Records the number of readers of the live page.
    pub fn readers(&self, count: usize) {
        self.readers.set(count as i64);
    }

    /// Returns the frames per second; 0 after a pause of twice the measurement period.
    pub fn frame_rate(&self) -> f64 {
        let rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        if rate.since.elapsed() > 2 * RATE_OVER { 0.0 } else { rate.hertz }
    }

    /// Returns the loss counts of the source.
    pub fn health(&self) -> SourceHealth {
        SourceHealth { dropped: self.dropped.get(), reconnects: self.reconnects.get() }
    }

    /// Returns all metrics in `format`.
    ///
    /// # Errors
    /// Returns an error if a metric cannot be formatted.
    pub(super) fn scrape(&self, format: MetricsFormat) -> core::result::Result<String, core::fmt::Error> {
        if let Some(bytes) = resident_bytes() {
            self.resident.set(bytes);
        }
        for (zone, celsius) in temperatures() {
            self.temperature.get_or_create(&[("zone", zone)]).set(celsius);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(format.of_openmetrics(text))
    }
}

/// Sets the gauge with this label, or removes it without a value.
fn set(
    family: &Family<[(&'static str, &'static str); 1], Ratio>,
    label: (&'static str, &'static str),
    value: Option<f64>,
) {
    match value {
        Some(value) => drop(family.get_or_create(&[label]).set(value)),
        None => drop(family.remove(&[label])),
    }
}

/// Returns the temperature of each thermal zone in degrees Celsius; empty on systems without them.
pub fn temperatures() -> Vec<(String, f64)> {
    let Ok(zones) = std::fs::read_dir("/sys/class/thermal") else { return Vec::new() };
    let zone = |path: std::path::PathBuf| -> Option<(String, f64)> {
        let name = std::fs::read_to_string(path.join("type")).ok()?.trim().to_owned();
        let millidegrees: f64 = std::fs::read_to_string(path.join("temp")).ok()?.trim().parse().ok()?;
        Some((name, millidegrees / 1000.0))
    };
    let mut found: Vec<(String, f64)> = zones.flatten().filter_map(|entry| zone(entry.path())).collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found.dedup_by(|a, b| a.0 == b.0);
    found
}

fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<i64>().ok().map(|kibibytes| kibibytes * 1024)
}
