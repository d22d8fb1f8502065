//! Dates and times in UTC by RFC 3339.

use core::fmt;
use serde::{Serialize, Serializer};
use std::time::SystemTime;

/// A date and time in UTC. Its text is RFC 3339 with milliseconds: `2026-11-27T12:00:03.250Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp(SystemTime);

impl Timestamp {
    /// Returns the present time.
    pub fn now() -> Self {
        SystemTime::now().into()
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        // A clock before 1970 is not set.
        Self(time.max(SystemTime::UNIX_EPOCH))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_rfc3339_millis(self.0).fmt(f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
