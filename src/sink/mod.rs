//! Outputs of verdicts: lines, overlays, the live page, metrics, MQTT and webhooks.
//!
//! Recognition never waits for a receiver: lines for the network go through a bounded queue to a delivery thread, and
//! [`DeliveryCounts`] counts the lost ones.

pub mod drift;
pub mod json_lines;
mod line_contents;
pub mod line_file;
#[cfg(feature = "page")]
pub mod metrics;
#[cfg(feature = "page")]
mod metrics_format;
#[cfg(any(feature = "evaluate", feature = "overlay"))]
pub(crate) mod mp4;
pub mod mqtt;
#[cfg_attr(
    not(any(feature = "mqtt", feature = "webhook")),
    allow(dead_code, reason = "no output that delivers over a network")
)]
mod outbox;
#[cfg(feature = "cpu")]
mod outputs;
#[cfg(feature = "overlay")]
pub mod overlay;
#[cfg(feature = "cpu")]
pub mod page;
mod presence;
mod secret;
pub mod webhook;

pub use outbox::DeliveryCounts;
#[cfg(feature = "cpu")]
pub use outputs::{OutputSettings, Outputs};
pub use presence::{Presence, SourceState};
pub use secret::Secret;
