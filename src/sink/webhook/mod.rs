//! Verdict lines to a web server: one POST each, tried again until it is taken.

#[cfg(not(feature = "webhook"))]
mod disabled;
#[cfg(feature = "webhook")]
mod enabled;

use super::Secret;
#[cfg(not(feature = "webhook"))]
pub use disabled::Webhook;
#[cfg(feature = "webhook")]
pub use enabled::Webhook;

/// Where verdict lines are posted to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookSettings {
    /// `http://…` or `https://…`, without a password.
    pub url: String,
    /// Sent as `Authorization: Bearer …`.
    pub token: Option<Secret>,
    /// Lines that may wait while the server cannot be reached.
    pub queue: usize,
}
