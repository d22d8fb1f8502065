//! What a build without webhooks has instead.

use super::WebhookSettings;
use crate::error::{Error, Result, Stage};
use crate::sink::DeliveryCounts;
use std::sync::Arc;

/// A webhook that this build does not have.
#[derive(Debug)]
pub enum Webhook {}

impl Webhook {
    /// Says how to get it.
    ///
    /// # Errors
    /// Always.
    pub fn open(_: WebhookSettings) -> Result<Self> {
        Err(Error::new(Stage::Sink, "a build with webhooks", "one without", "build with the feature `webhook`"))
    }

    /// Cannot be called.
    pub fn send(&self, _: &Arc<str>) {
        match *self {}
    }

    /// Cannot be called.
    pub fn close(self) -> DeliveryCounts {
        match self {}
    }

    /// Cannot be called.
    pub fn counts(&self) -> DeliveryCounts {
        match *self {}
    }
}
