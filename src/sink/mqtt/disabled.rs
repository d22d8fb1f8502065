//! What a build without MQTT has instead.

use super::MqttSettings;
use crate::error::{Error, Result, Stage};
use crate::sink::DeliveryCounts;
use std::sync::Arc;

/// A connection that this build does not have.
#[derive(Debug)]
pub enum Mqtt {}

impl Mqtt {
    /// Says how to get it.
    ///
    /// # Errors
    /// Always.
    pub fn open(_: &MqttSettings) -> Result<Self> {
        Err(Error::new(Stage::Sink, "a build with MQTT", "one without", "build with the feature `mqtt`"))
    }

    /// Cannot be called.
    pub fn send(&self, _: &Arc<str>) {
        match *self {}
    }

    /// Cannot be called.
    pub fn counts(&self) -> DeliveryCounts {
        match *self {}
    }
}
