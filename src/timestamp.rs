//! Dates and times in UTC by RFC 3339, with milliseconds.

use std::time::SystemTime;

/// Returns `time` as text, such as `2026-11-27T12:00:03.250Z`.
pub fn of(time: SystemTime) -> String {
    // The format ends at the year 9999; a clock before 1970 is not set.
    let time = time.max(SystemTime::UNIX_EPOCH);
    humantime::format_rfc3339_millis(time).to_string()
}

/// Returns the present time as text.
pub fn now() -> String {
    of(SystemTime::now())
}
