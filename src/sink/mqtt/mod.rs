//! Verdict lines to an MQTT broker, where Home Assistant finds them by itself.
//!
//! | topic | what | retained |
//! |---|---|---|
//! | `figureground/NAME/verdict` | verdict lines | no |
//! | `figureground/NAME/availability` | `online` or `offline`; the broker says `offline` for a device that is gone | yes |
//! | `homeassistant/…/figureground_NAME/…/config` | what the device measures | yes |

#[cfg(not(feature = "mqtt"))]
mod disabled;
#[cfg(feature = "mqtt")]
mod discovery;
#[cfg(feature = "mqtt")]
mod enabled;
#[cfg(feature = "mqtt")]
mod link;

use super::Secret;
#[cfg(not(feature = "mqtt"))]
pub use disabled::Mqtt;
#[cfg(feature = "mqtt")]
pub use enabled::Mqtt;
use std::path::PathBuf;

/// Where verdict lines are published.
#[derive(Clone, Debug)]
pub struct MqttSettings {
    /// `mqtt://HOST[:1883]` or `mqtts://HOST[:8883]`, without a password.
    pub url: String,
    /// The device's name in topics: letters, digits, `-` and `_`.
    pub name: String,
    /// Who to log in as.
    pub user: Option<String>,
    /// What to log in with.
    pub password: Option<Secret>,
    /// PEM certificates that the broker's is to be signed by, instead of the public ones.
    pub authorities: Option<PathBuf>,
    /// Where Home Assistant looks for devices (its default is `homeassistant`); none: it is not told.
    pub discovery: Option<String>,
    /// Lines that may wait while the broker cannot be reached.
    pub queue: usize,
}
