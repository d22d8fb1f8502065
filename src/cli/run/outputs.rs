//! Who else is told of verdicts: a file, a broker, a web server, and people who look at the live page.

use clap::{Args, ValueEnum};
use figureground::Result;
use figureground::pipeline::{LabelUpdater, Pipeline, WindowResult};
use figureground::sink::json_lines::VerdictLine;
use figureground::sink::line_file::LineFile;
use figureground::sink::mqtt::{Mqtt, MqttSettings};
use figureground::sink::page::{Metrics, Page, PageControls, PageSettings};
use figureground::sink::webhook::{Webhook, WebhookSettings};
use figureground::sink::{DeliveryCounts, Secret};
use figureground::source::SourceHealth;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Telling others")]
pub struct OutputArgs {
    /// Verdict lines into FILE as well, which is gone on with.
    #[arg(long, value_name = "FILE")]
    lines: Option<PathBuf>,
    /// FILE becomes FILE.1 before it grows beyond this.
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 20, value_parser = clap::value_parser!(u64).range(1..))]
    lines_size: u64,
    /// How many older files stay.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(0..=1000))]
    lines_keep: u32,
    /// Verdict lines to an MQTT broker: mqtt://HOST[:PORT] or mqtts://HOST[:PORT].
    #[arg(long, value_name = "URL")]
    mqtt: Option<String>,
    /// The device's name in topics and in Home Assistant [default: the host's name].
    #[arg(long, value_name = "NAME")]
    mqtt_name: Option<String>,
    /// Who to log in as.
    #[arg(long, value_name = "NAME")]
    mqtt_user: Option<String>,
    /// The password is in FILE [default: in the environment, FIGUREGROUND_MQTT_PASSWORD].
    #[arg(long, value_name = "FILE")]
    mqtt_password_file: Option<PathBuf>,
    /// PEM certificates that the broker's is signed by [default: the public ones].
    #[arg(long, value_name = "FILE")]
    mqtt_ca: Option<PathBuf>,
    /// Where Home Assistant looks for devices; empty: it is not told.
    #[arg(long, value_name = "TOPIC", default_value = "homeassistant")]
    mqtt_discovery: String,
    /// Verdict lines to a web server, one POST each: http://… or https://….
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// Which lines are posted.
    #[arg(long, value_enum, default_value_t = WebhookTrigger::Change)]
    webhook_for: WebhookTrigger,
    /// The token for `Authorization: Bearer` is in FILE [default: in the environment, FIGUREGROUND_WEBHOOK_TOKEN].
    #[arg(long, value_name = "FILE")]
    webhook_token_file: Option<PathBuf>,
    /// Lines that may wait for a broker or web server that is gone.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    queue: u32,
    /// The live page, and metrics for Prometheus at /metrics [default of ADDRESS: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, require_equals = true, default_missing_value = "127.0.0.1:8080")]
    page: Option<SocketAddr>,
    /// Metrics for Prometheus alone, at /metrics of ADDRESS.
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
    /// The token for page and metrics is in FILE [default: in the environment, FIGUREGROUND_TOKEN].
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The live page shows no pictures, whatever its readers ask for.
    #[arg(long)]
    no_picture: bool,
}

/// Which verdict lines are worth a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WebhookTrigger {
    /// All of them.
    Every,
    /// Those whose label or verdict is another than that of the line before.
    Change,
    /// Flagged ones.
    Flag,
}

impl OutputArgs {
    /// Whether the page is to show pictures.
    pub fn shows_pictures(&self) -> bool {
        self.page.is_some() && !self.no_picture
    }

    /// Whether something is served.
    pub fn serves(&self) -> bool {
        self.page.is_some() || self.metrics.is_some()
    }

    fn open_lines(&self) -> Result<Option<LineFile>> {
        let open = |path: &PathBuf| LineFile::open(path, self.lines_size, self.lines_keep);
        self.lines.as_ref().map(open).transpose()
    }
}

/// Everybody who is told, besides stdout.
pub struct Outputs {
    lines: Option<LineFile>,
    mqtt: Option<Mqtt>,
    webhook: Option<Webhook>,
    webhook_settings: Option<WebhookSettings>,
    webhook_for: WebhookTrigger,
    /// What webhooks before this one have counted.
    webhooks_before: DeliveryCounts,
    /// Webhooks that say farewell, and what they will have counted since they began to.
    leaving: Vec<JoinHandle<DeliveryCounts>>,
    /// Label and verdict of the last line.
    last: Option<(String, &'static str)>,
    page: Option<Page>,
    /// What is served, in the order of the page's addresses.
    served: Vec<&'static str>,
    meter: MetricsRecorder,
}

impl Outputs {
    /// Opens all that `arguments` name; `pipeline` scores.
    ///
    /// # Errors
    /// When one of them cannot be opened, or is not in this build.
    pub fn open(arguments: &OutputArgs, pipeline: &Pipeline, label_updater: Option<LabelUpdater>) -> Result<Self> {
        let meter = MetricsRecorder::new(arguments, pipeline);
        let webhook_settings = webhook_settings(arguments)?;
        Ok(Self {
            lines: arguments.open_lines()?,
            mqtt: open_mqtt(arguments)?,
            webhook: webhook_settings.clone().map(Webhook::open).transpose()?,
            webhook_settings,
            webhook_for: arguments.webhook_for,
            webhooks_before: DeliveryCounts::default(),
            leaving: Vec::new(),
            last: None,
            page: open_page(arguments, &meter, pipeline, label_updater)?,
            served: [arguments.page.map(|_| "live page"), arguments.metrics.map(|_| "metrics")]
                .into_iter()
                .flatten()
                .collect(),
            meter,
        })
    }

    /// Opens the file anew, and the webhook where it is another, as `arguments` are now. What was left for the old webhook has two
    /// seconds to be delivered, and is counted as lost otherwise.
    ///
    /// # Errors
    /// When one of them cannot be opened; the old ones then go on.
    pub fn reopen(&mut self, arguments: &OutputArgs) -> Result<()> {
        let mut lines = arguments.open_lines()?;
        if let (Some(new), Some(old)) = (&mut lines, &self.lines) {
            new.count_on(old.counts());
        }
        let settings = webhook_settings(arguments)?;
        if settings != self.webhook_settings {
            let new = settings.clone().map(Webhook::open).transpose()?;
            if let Some(old) = std::mem::replace(&mut self.webhook, new) {
                let DeliveryCounts { sent, lost, .. } = old.counts();
                self.webhooks_before.sent += sent;
                self.webhooks_before.lost += lost;
                // It takes as long as its farewell.
                self.leaving.push(std::thread::spawn(move || {
                    let end = old.close();
                    DeliveryCounts { sent: end.sent - sent, lost: end.lost - lost, waiting: 0 }
                }));
            }
            self.webhook_settings = settings;
        }
        self.webhook_for = arguments.webhook_for;
        self.lines = lines;
        Ok(())
    }

    /// Where something is served, in words.
    pub fn addresses(&self) -> impl Iterator<Item = String> {
        let addresses = self.page.iter().flat_map(Page::addresses);
        addresses.zip(&self.served).map(|(address, what)| format!("{what}: http://{address}/"))
    }

    /// Counts frames.
    pub fn meter(&self) -> MetricsRecorder {
        self.meter.clone()
    }

    /// Tells everybody of `outcome`, a window of `source`; returns the line that they were told, if anybody was.
    ///
    /// # Errors
    /// When it cannot be put into words. That somebody cannot be reached is no error.
    pub fn tell(
        &mut self,
        source: &str,
        outcome: &WindowResult<'_>,
        latency: Option<Duration>,
    ) -> Result<Option<Arc<str>>> {
        self.meter.window(outcome, latency);
        if !self.are_there() {
            return Ok(None);
        }
        let line: Arc<str> = VerdictLine::new(source, outcome).to_json()?.into();
        if let Some(file) = &mut self.lines {
            file.write(&line);
            self.meter.lines("file", file.counts());
        }
        if let Some(mqtt) = &self.mqtt {
            mqtt.send(&line);
            self.meter.lines("mqtt", mqtt.counts());
        }
        let now = (outcome.names[outcome.judgement.label].clone(), outcome.judgement.verdict.name());
        let is_wanted = match self.webhook_for {
            WebhookTrigger::Every => true,
            WebhookTrigger::Change => self.last.as_ref() != Some(&now),
            WebhookTrigger::Flag => now.1 == "flag",
        };
        if let Some(webhook) = self.webhook.as_ref().filter(|_| is_wanted) {
            webhook.send(&line);
        }
        self.count_webhooks();
        self.last = Some(now);
        if let Some(page) = &mut self.page {
            page.show(&line, outcome, latency);
        }
        Ok(Some(line))
    }

    /// Counts for this webhook and those before it.
    fn count_webhooks(&mut self) {
        for gone in self.leaving.extract_if(.., |leaving| leaving.is_finished()) {
            let DeliveryCounts { sent, lost, .. } = gone.join().unwrap_or_default();
            self.webhooks_before.sent += sent;
            self.webhooks_before.lost += lost;
        }
        let now = self.webhook.as_ref().map(Webhook::counts).unwrap_or_default();
        let before = self.webhooks_before;
        if self.webhook.is_some() || before != DeliveryCounts::default() {
            let (sent, lost) = (before.sent + now.sent, before.lost + now.lost);
            self.meter.lines("webhook", DeliveryCounts { sent, lost, waiting: now.waiting });
        }
    }

    /// Whether anybody is told.
    pub fn are_there(&self) -> bool {
        self.lines.is_some() || self.mqtt.is_some() || self.webhook.is_some() || self.page.is_some()
    }
}

fn open_mqtt(arguments: &OutputArgs) -> Result<Option<Mqtt>> {
    let Some(url) = &arguments.mqtt else { return Ok(None) };
    let discovery = Some(arguments.mqtt_discovery.trim_end_matches('/').to_owned()).filter(|topic| !topic.is_empty());
    let settings = MqttSettings {
        url: url.clone(),
        name: arguments.mqtt_name.clone().unwrap_or_else(host_name),
        user: arguments.mqtt_user.clone(),
        password: Secret::find(arguments.mqtt_password_file.as_deref(), "FIGUREGROUND_MQTT_PASSWORD")?,
        authorities: arguments.mqtt_ca.clone(),
        discovery,
        queue: arguments.queue as usize,
    };
    Mqtt::open(&settings).map(Some)
}

/// The host's name as far as topics may hold it.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = name.or_else(|| std::env::var("COMPUTERNAME").ok()).unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = name.trim().chars().take(64).map(plain).collect();
    if name.is_empty() { "device".to_owned() } else { name }
}

fn webhook_settings(arguments: &OutputArgs) -> Result<Option<WebhookSettings>> {
    let Some(url) = &arguments.webhook else { return Ok(None) };
    let token = Secret::find(arguments.webhook_token_file.as_deref(), "FIGUREGROUND_WEBHOOK_TOKEN")?;
    Ok(Some(WebhookSettings { url: url.clone(), token, queue: arguments.queue as usize }))
}

fn open_page(
    arguments: &OutputArgs,
    meter: &MetricsRecorder,
    pipeline: &Pipeline,
    label_updater: Option<LabelUpdater>,
) -> Result<Option<Page>> {
    let (Some(metrics), Some(label_updater)) = (&meter.0, label_updater) else { return Ok(None) };
    let settings = PageSettings {
        page: arguments.page,
        metrics: arguments.metrics,
        pictures: !arguments.no_picture,
        token: Secret::find(arguments.token_file.as_deref(), "FIGUREGROUND_TOKEN")?,
    };
    let controls = PageControls { handle: pipeline.handle(), label_updater };
    Page::open(&settings, Arc::clone(metrics), controls).map(Some)
}

/// Counts for Prometheus, where somebody collects them.
#[derive(Clone)]
pub struct MetricsRecorder(Option<Arc<Metrics>>);

impl MetricsRecorder {
    fn new(arguments: &OutputArgs, pipeline: &Pipeline) -> Self {
        Self(arguments.serves().then(|| Arc::new(Metrics::new(pipeline.backend()))))
    }

    /// A frame was taken from a source that has lost what `health` says.
    pub fn frame(&self, health: SourceHealth) {
        if let Some(metrics) = &self.0 {
            metrics.frame(health);
        }
    }

    fn window(&self, outcome: &WindowResult<'_>, latency: Option<Duration>) {
        if let Some(metrics) = &self.0 {
            metrics.window(outcome, latency);
        }
    }

    fn lines(&self, receiver: &'static str, counts: DeliveryCounts) {
        if let Some(metrics) = &self.0 {
            metrics.lines(receiver, counts);
        }
    }
}
