//! The probe: the person of a window, asked on other backgrounds.

use crate::error::{Error, Result, Stage};
use serde::{Deserialize, Serialize};

/// Result of a probe: of `places` other backgrounds behind the person, `kept` still give the predicted class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    places: u32,
    kept: u32,
}

impl Probe {
    /// Creates a result.
    ///
    /// # Errors
    /// Returns an error if `places` is 0 or less than `kept`.
    pub fn new(places: u32, kept: u32) -> Result<Self> {
        if places == 0 || kept > places {
            let got = format_args!("{kept} of {places}");
            return Err(Error::new(Stage::Gate, "a share of at least one background", got, "count the backgrounds"));
        }
        Ok(Self { places, kept })
    }

    /// Returns the number of backgrounds, at least 1.
    pub const fn places(self) -> u32 {
        self.places
    }

    /// Returns the number of backgrounds that keep the predicted class.
    pub const fn kept(self) -> u32 {
        self.kept
    }

    /// Returns the share of backgrounds that keep the predicted class, 0 to 1.
    pub fn share(self) -> f64 {
        f64::from(self.kept) / f64::from(self.places)
    }
}

/// tau of the probe on a number of backgrounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProbeThreshold {
    /// Number of backgrounds, at least 1.
    pub places: u32,
    /// tau of [`ScoreKind::Probe`](super::ScoreKind::Probe).
    pub threshold: f32,
}
