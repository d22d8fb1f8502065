//! The stub in builds without MQTT.

use super::MqttSettings;
use crate::error::{Error, Result, Stage};
use crate::sink::{DeliveryCounts, Presence};
use std::sync::Arc;

/// A connection that cannot be opened in this build.
#[derive(Debug)]
pub enum Mqtt {}

impl Mqtt {
    /// Returns an error that names the feature.
    ///
    /// # Errors
    /// Always returns an error.
    pub fn open(_: &MqttSettings, _: Arc<Presence>) -> Result<Self> {
        Err(Error::new(Stage::Sink, "a build with MQTT", "one without", "build with the feature `mqtt`"))
    }

    /// Never called.
    pub fn send(&self, _: &Arc<str>) {
        match *self {}
    }

    /// Never called.
    pub fn counts(&self) -> DeliveryCounts {
        match *self {}
    }
}
