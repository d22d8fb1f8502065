//! Where verdicts go.
//!
//! Recognition never waits for who is told: what goes over a network waits in a bounded queue, from which a thread delivers,
//! and what was lost is counted in a [`DeliveryCounts`].

pub mod json_lines;
pub mod line_file;
#[cfg(feature = "page")]
pub mod metrics;
#[cfg(any(feature = "evaluate", feature = "overlay"))]
pub(crate) mod mp4;
pub mod mqtt;
#[cfg_attr(not(any(feature = "mqtt", feature = "webhook")), allow(dead_code, reason = "nobody delivers"))]
mod outbox;
#[cfg(feature = "overlay")]
pub mod overlay;
#[cfg(feature = "cpu")]
pub mod page;
mod secret;
pub mod webhook;

pub use outbox::DeliveryCounts;
pub use secret::Secret;
