//! Publishes verdict lines to an MQTT broker, and announces the device to Home Assistant.
//!
//! | topic | content | retained |
//! |---|---|---|
//! | `figureground/NAME/verdict` | verdict lines | no |
//! | `figureground/NAME/availability` | `online` or `offline`; `offline` is also the device's last will | yes |
//!
//! | `homeassistant/…/figureground_NAME/…/config` | the entities of the device | yes |
//!
//! A device is online from its first verdict on, and offline while its source delivers no frames.

#[cfg(feature = "mqtt")]
mod certificate;
#[cfg(feature = "mqtt")]
mod connection;
#[cfg(not(feature = "mqtt"))]
mod disabled;
#[cfg(feature = "mqtt")]
mod discovery;
#[cfg(feature = "mqtt")]
mod enabled;
#[cfg(feature = "mqtt")]
mod message;
#[cfg(feature = "mqtt")]
mod options;
#[cfg(feature = "mqtt")]
mod publisher;

use super::Secret;
#[cfg(not(feature = "mqtt"))]
pub use disabled::Mqtt;
#[cfg(feature = "mqtt")]
pub use enabled::Mqtt;
use std::path::PathBuf;
use std::time::Duration;

/// The broker and the device's name on it.
#[derive(Clone, Debug)]
pub struct MqttSettings {
    /// `mqtt://HOST[:1883]` or `mqtts://HOST[:8883]`, without a password.
    pub url: String,
    /// The device's name in topics: letters, digits, `-` and `_`.
    pub name: String,
    /// User name, if the broker needs one.
    pub user: Option<String>,
    /// Password of the user.
    pub password: Option<Secret>,
    /// PEM file of the authorities that sign the broker's certificate; the public ones if `None`.
    pub authorities: Option<PathBuf>,
    /// Topic prefix of Home Assistant's discovery (its default is `homeassistant`); no announcement if `None`.
    pub discovery: Option<String>,
    /// Number of lines that may wait while the broker cannot be reached; the oldest is dropped first.
    pub queue: usize,
    /// Time without a frame after which the device is offline.
    pub stall: Duration,
    /// Time without a verdict after which Home Assistant shows no value; `None` if verdicts may be further apart.
    pub expire_after: Option<Duration>,
}
