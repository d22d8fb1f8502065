//! The stub in builds without webhooks.

use super::WebhookSettings;
use crate::error::{Error, Result, Stage};
use crate::sink::DeliveryCounts;
use std::sync::Arc;

/// A webhook that cannot be opened in this build.
#[derive(Debug)]
pub enum Webhook {}

impl Webhook {
    /// Returns an error that names the feature.
    ///
    /// # Errors
    /// Always returns an error.
    pub fn open(_: WebhookSettings) -> Result<Self> {
        Err(Error::new(Stage::Sink, "a build with webhooks", "one without", "build with the feature `webhook`"))
    }

    /// Never called.
    pub fn send(&self, _: &Arc<str>) {
        match *self {}
    }

    /// Never called.
    pub fn close(self) -> DeliveryCounts {
        match self {}
    }

    /// Never called.
    pub fn counts(&self) -> DeliveryCounts {
        match *self {}
    }
}
