//! The messages of a device, and their topics.

use std::sync::Arc;

/// A message to publish.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) text: Arc<str>,
    /// Whether the broker keeps it for later subscribers.
    pub(super) retain: bool,
}

impl Message {
    /// Creates the retained message that device `name` is `online` or `offline`.
    pub(super) fn availability(name: &str, state: &str) -> Self {
        Self { topic: availability_topic(name), text: Arc::from(state), retain: true }
    }
}

/// Returns the topic of the verdict lines of device `name`.
pub(super) fn verdict_topic(name: &str) -> String {
    format!("figureground/{name}/verdict")
}

/// Returns the topic on which device `name` is online or offline.
pub(super) fn availability_topic(name: &str) -> String {
    format!("figureground/{name}/availability")
}
