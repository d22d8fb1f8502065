//! The outputs that receive verdict lines beside stdout: a file, an MQTT broker, a webhook and the live page.

use super::drift::{DriftMonitor, DriftSettings};
use super::json_lines::VerdictLine;
use super::line_file::{LineFile, LineFileSettings};
use super::mqtt::{Mqtt, MqttSettings};
use super::page::{Metrics, Page, PageControls, PageSettings};
use super::webhook::{WebhookOutput, WebhookSettings, WebhookTrigger};
use super::{DeliveryCounts, Presence};
use crate::error::{Error, Result, Stage};
use crate::pipeline::WindowResult;
use std::sync::Arc;
use std::time::Duration;

/// The outputs to open.
#[derive(Clone, Debug, Default)]
pub struct OutputSettings {
    /// A rotated file of verdict lines.
    pub lines: Option<LineFileSettings>,
    /// An MQTT broker.
    pub mqtt: Option<MqttSettings>,
    /// A web server.
    pub webhook: Option<WebhookSettings>,
    /// The lines that the web server receives.
    pub webhook_trigger: WebhookTrigger,
    /// The live page and metrics.
    pub page: Option<PageSettings>,
    /// Figures of the gate's calibration, with which the run is compared; `None` if there are none.
    pub drift: Option<DriftSettings>,
}

/// Open outputs. None of them blocks recognition.
pub struct Outputs {
    lines: Option<LineFile>,
    mqtt: Option<Mqtt>,
    webhook: WebhookOutput,
    page: Option<Page>,
    /// Names of the served addresses, in the order of [`Page::addresses`].
    served: Vec<&'static str>,
    metrics: Option<Arc<Metrics>>,
    presence: Arc<Presence>,
    drift: DriftMonitor,
}

impl core::fmt::Debug for Outputs {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Outputs").field("lines", &self.lines).field("mqtt", &self.mqtt).finish_non_exhaustive()
    }
}

impl Outputs {
    /// Opens the outputs of `settings`; the page needs `controls`. `backend` is where models run.
    ///
    /// # Errors
    /// Returns an error if an output cannot be opened or is not in this build.
    pub fn open(settings: OutputSettings, backend: &'static str, controls: Option<PageControls>) -> Result<Self> {
        let presence = Arc::new(Presence::default());
        let metrics = settings.page.is_some().then(|| Arc::new(Metrics::new(backend, Arc::clone(&presence))));
        let served = settings.page.as_ref().map_or_else(Vec::new, PageSettings::served);
        let page = match (&settings.page, controls, &metrics) {
            (Some(page), Some(controls), Some(metrics)) => Some(Page::open(page, Arc::clone(metrics), controls)?),
            (Some(_), None, _) => {
                let next = "pass the handles of the pipeline";
                return Err(Error::new(Stage::Sink, "controls for the live page", "none", next));
            }
            _ => None,
        };
        Ok(Self {
            lines: settings.lines.map(LineFile::open).transpose()?,
            mqtt: settings.mqtt.as_ref().map(|mqtt| Mqtt::open(mqtt, Arc::clone(&presence))).transpose()?,
            webhook: WebhookOutput::open(settings.webhook, settings.webhook_trigger)?,
            page,
            served,
            metrics,
            presence,
            drift: DriftMonitor::new(settings.drift),
        })
    }

    /// Opens the file again if it was moved or another one is set, and replaces the webhook if its settings changed.
    /// The old webhook has two seconds to deliver its queue.
    ///
    /// # Errors
    /// Returns an error if one of them cannot be opened; the old ones then stay.
    pub fn reopen(&mut self, settings: &OutputSettings) -> Result<()> {
        let is_same = |file: &LineFileSettings| self.lines.as_ref().is_some_and(|lines| lines.is_at(&file.path));
        let mut new = settings.lines.clone().filter(|file| !is_same(file)).map(LineFile::open).transpose()?;
        self.webhook.reopen(settings.webhook.as_ref(), settings.webhook_trigger)?;
        if let (Some(new), Some(old)) = (&mut new, &self.lines) {
            new.continue_counts(old.counts());
        }
        match (new, &mut self.lines, &settings.lines) {
            (None, Some(lines), Some(settings)) => lines.set(settings.clone()),
            (new, lines, _) => *lines = new,
        }
        Ok(())
    }

    /// Returns a line for each served address, as `live page: http://127.0.0.1:8080/`.
    pub fn addresses(&self) -> impl Iterator<Item = String> {
        let addresses = self.page.iter().flat_map(Page::addresses);
        addresses.zip(&self.served).map(|(address, name)| format!("{name}: http://{address}/"))
    }

    /// Returns the metrics, if they are served.
    pub fn metrics(&self) -> Option<Arc<Metrics>> {
        self.metrics.clone()
    }

    /// Returns the presence of the source, for the thread that reads it to record.
    pub fn presence(&self) -> Arc<Presence> {
        Arc::clone(&self.presence)
    }

    /// Returns whether any output is open.
    pub fn is_any_open(&self) -> bool {
        self.lines.is_some() || self.mqtt.is_some() || self.webhook.is_open() || self.page.is_some()
    }

    /// Sends the verdict line of `result`, a window of `source` judged `latency` after its last frame arrived, to all
    /// outputs; returns the line unless no output is open.
    ///
    /// # Errors
    /// Returns an error if the line cannot be serialized. Delivery problems are counted instead.
    pub fn send(
        &mut self,
        source: &str,
        result: &WindowResult<'_>,
        latency: Option<Duration>,
    ) -> Result<Option<Arc<str>>> {
        let drift = self.drift.add(&result.judgement);
        if let Some(metrics) = &self.metrics {
            metrics.window(result, latency);
            metrics.drift(drift);
        }
        if !self.is_any_open() {
            return Ok(None);
        }
        let line: Arc<str> = VerdictLine::new(source, result).to_json()?.into();
        if let Some(file) = &mut self.lines {
            file.write(&line);
            count(self.metrics.as_ref(), "file", file.counts());
        }
        if let Some(mqtt) = &self.mqtt {
            mqtt.send(&line);
            count(self.metrics.as_ref(), "mqtt", mqtt.counts());
        }
        self.webhook.send(&line, result);
        if let Some(counts) = self.webhook.counts() {
            count(self.metrics.as_ref(), "webhook", counts);
        }
        if let Some(page) = &mut self.page {
            page.show(&line, result, latency);
        }
        Ok(Some(line))
    }
}

fn count(metrics: Option<&Arc<Metrics>>, receiver: &'static str, counts: DeliveryCounts) {
    if let Some(metrics) = metrics {
        metrics.lines(receiver, counts);
    }
}
