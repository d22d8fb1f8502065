//! The flags of the outputs beside stdout.

use super::address::address;
use super::parsers::not_negative;
use crate::cli::choices::{Choice, parser};
use clap::Args;
use figureground::Result;
use figureground::gate::GateSettings;
use figureground::sink::drift::DriftSettings;
use figureground::sink::line_file::LineFileSettings;
use figureground::sink::mqtt::MqttSettings;
use figureground::sink::page::PageSettings;
use figureground::sink::webhook::{WebhookSettings, WebhookTrigger};
use figureground::sink::{OutputSettings, Secret};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Outputs")]
pub(super) struct OutputArgs {
    /// Also append verdict lines to FILE.
    #[arg(long, value_name = "FILE")]
    lines: Option<PathBuf>,
    /// Maximum size of FILE; a larger one is rotated to FILE.1.
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 20, value_parser = clap::value_parser!(u64).range(1..))]
    lines_size: u64,
    /// Number of rotated files to keep.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(0..=1000))]
    lines_keep: u32,
    /// Publish verdict lines to an MQTT broker: mqtt://HOST[:PORT] or mqtts://HOST[:PORT].
    #[arg(long, value_name = "URL")]
    mqtt: Option<String>,
    /// Device name in MQTT topics and Home Assistant [default: the host name].
    #[arg(long, value_name = "NAME")]
    mqtt_name: Option<String>,
    /// User name for the MQTT broker.
    #[arg(long, value_name = "NAME")]
    mqtt_user: Option<String>,
    /// File with the MQTT password [default: the environment variable FIGUREGROUND_MQTT_PASSWORD].
    #[arg(long, value_name = "FILE")]
    mqtt_password_file: Option<PathBuf>,
    /// PEM file of the authorities that sign the broker's certificate [default: the public ones].
    #[arg(long, value_name = "FILE")]
    mqtt_ca: Option<PathBuf>,
    /// Topic prefix of Home Assistant's MQTT discovery; an empty one disables it.
    #[arg(long, value_name = "TOPIC", default_value = "homeassistant")]
    mqtt_discovery: String,
    /// POST verdict lines to a web server, one request each: http://… or https://….
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// Verdict lines to post.
    #[arg(long, alias = "webhook-for", value_name = "LINES", value_parser = parser(TRIGGERS), default_value = "change")]
    webhook_on: WebhookTrigger,
    /// File with the bearer token of the webhook [default: the environment variable FIGUREGROUND_WEBHOOK_TOKEN].
    #[arg(long, value_name = "FILE")]
    webhook_token_file: Option<PathBuf>,
    /// Number of lines to queue while a broker or web server is unreachable; the oldest are dropped.
    #[arg(long, alias = "queue", value_name = "N", default_value_t = 1000,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    queue_size: u32,
    /// Serve the live page and Prometheus metrics at ADDRESS, a port or both [default of ADDRESS: 127.0.0.1:8080].
    /// After the last clip, the page stays until ctrl-C.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, require_equals = true, value_parser = address)]
    #[arg(default_missing_value = "127.0.0.1:8080")]
    page: Option<SocketAddr>,
    /// Serve only Prometheus metrics, at /metrics of ADDRESS.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    metrics: Option<SocketAddr>,
    /// File with the access token of page and metrics [default: the environment variable FIGUREGROUND_TOKEN].
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Origins at which a proxy serves the live page, such as https://cam.example, separated by commas.
    #[arg(long, value_name = "ORIGINS")]
    allow_origin: Option<String>,
    /// Never show pictures on the live page.
    #[arg(long)]
    no_picture: bool,
    /// Warn if the share of flags or the mean risk differs from that of the gate's calibration by more than D.
    #[arg(long, value_name = "D", default_value_t = DriftSettings::TOLERANCE, value_parser = not_negative)]
    drift: f64,
}

const TRIGGERS: [Choice<WebhookTrigger>; 3] = [
    Choice { value: WebhookTrigger::Every, name: "every", help: "Every line" },
    Choice {
        value: WebhookTrigger::Change,
        name: "change",
        help: "Lines whose label or verdict differs from the line before",
    },
    Choice { value: WebhookTrigger::Flag, name: "flag", help: "Flagged lines" },
];

impl OutputArgs {
    /// Returns whether the page is served.
    pub(super) fn has_page(&self) -> bool {
        self.page.is_some()
    }

    /// Returns whether the page shows pictures.
    pub(super) fn shows_pictures(&self) -> bool {
        self.page.is_some() && !self.no_picture
    }

    /// Returns the settings of all outputs of a pipeline with this `gate`, with secrets read from their files or the
    /// environment. A source counts as gone after `stall`, and verdicts expire after `expire_after`.
    ///
    /// # Errors
    /// Returns an error if a secret cannot be read.
    pub(super) fn settings(
        &self,
        gate: &GateSettings,
        stall: Duration,
        expire_after: Option<Duration>,
    ) -> Result<OutputSettings> {
        let mqtt = self.mqtt.as_deref().map(|url| self.mqtt_settings(url)).transpose()?;
        let mqtt = mqtt.map(|mqtt| MqttSettings { stall, expire_after, ..mqtt });
        let drift = DriftSettings::of(gate, self.drift);
        Ok(OutputSettings { mqtt, page: self.page_settings()?, drift, ..self.reloadable_settings()? })
    }

    /// Returns the settings of the outputs that can change without a restart.
    ///
    /// # Errors
    /// Returns an error if the token of the webhook cannot be read.
    pub(super) fn reloadable_settings(&self) -> Result<OutputSettings> {
        let (max_bytes, keep) = (self.lines_size, self.lines_keep);
        Ok(OutputSettings {
            lines: self.lines.clone().map(|path| LineFileSettings { path, max_bytes, keep }),
            webhook: self.webhook.as_deref().map(|url| self.webhook_settings(url)).transpose()?,
            webhook_trigger: self.webhook_on,
            ..OutputSettings::default()
        })
    }

    fn mqtt_settings(&self, url: &str) -> Result<MqttSettings> {
        let discovery = self.mqtt_discovery.trim_end_matches('/');
        Ok(MqttSettings {
            url: url.to_owned(),
            name: self.mqtt_name.clone().unwrap_or_else(host_name),
            user: self.mqtt_user.clone(),
            password: Secret::find(self.mqtt_password_file.as_deref(), "FIGUREGROUND_MQTT_PASSWORD")?,
            authorities: self.mqtt_ca.clone(),
            discovery: (!discovery.is_empty()).then(|| discovery.to_owned()),
            queue: self.queue_size as usize,
            stall: Duration::MAX,
            expire_after: None,
        })
    }

    fn webhook_settings(&self, url: &str) -> Result<WebhookSettings> {
        let token = Secret::find(self.webhook_token_file.as_deref(), "FIGUREGROUND_WEBHOOK_TOKEN")?;
        Ok(WebhookSettings { url: url.to_owned(), token, queue: self.queue_size as usize })
    }

    fn page_settings(&self) -> Result<Option<PageSettings>> {
        if self.page.is_none() && self.metrics.is_none() {
            return Ok(None);
        }
        let token = Secret::find(self.token_file.as_deref(), "FIGUREGROUND_TOKEN")?;
        let origins = self.allow_origin.iter().flat_map(|list| list.split(',')).map(|origin| origin.trim().to_owned());
        let (pictures, origins) = (!self.no_picture, origins.collect());
        Ok(Some(PageSettings { page: self.page, metrics: self.metrics, pictures, token, origins }))
    }
}

/// Returns the host name, with `_` for characters that topics cannot hold.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = name.or_else(|| std::env::var("COMPUTERNAME").ok()).unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = name.trim().chars().take(64).map(plain).collect();
    if name.is_empty() { "device".to_owned() } else { name }
}
