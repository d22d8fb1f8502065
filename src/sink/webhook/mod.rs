//! Posts verdict lines to a web server, one request each, retried until the server accepts it.

#[cfg(not(feature = "webhook"))]
mod disabled;
#[cfg(feature = "webhook")]
mod enabled;
#[cfg(feature = "webhook")]
mod no_proxy;
#[cfg(feature = "cpu")]
mod output;

use super::Secret;
#[cfg(not(feature = "webhook"))]
pub use disabled::Webhook;
#[cfg(feature = "webhook")]
pub use enabled::Webhook;
#[cfg(feature = "cpu")]
pub(super) use output::WebhookOutput;

/// The web server that verdict lines are posted to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookSettings {
    /// `http://…` or `https://…`, without a password.
    pub url: String,
    /// Sent as `Authorization: Bearer …`.
    pub token: Option<Secret>,
    /// Number of lines that may wait while the server cannot be reached; the oldest is dropped first.
    pub queue: usize,
}

/// The verdict lines that a webhook receives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WebhookTrigger {
    /// Every line.
    Every,
    /// Lines whose label or verdict differs from the line before.
    #[default]
    Change,
    /// Flagged lines.
    Flag,
}
