//! Parsers of flag values.

/// Parses a number above 0.
pub fn positive(text: &str) -> core::result::Result<f64, String> {
    text.parse().ok().filter(|n: &f64| n.is_finite() && *n > 0.0).ok_or_else(|| "expected a number above 0".to_owned())
}

/// Parses a number from 0 on.
pub(super) fn not_negative(text: &str) -> core::result::Result<f64, String> {
    text.parse().ok().filter(|n: &f64| n.is_finite() && *n >= 0.0).ok_or_else(|| "expected a number from 0".to_owned())
}

/// Parses `WxH`.
pub(super) fn size(text: &str) -> core::result::Result<[u32; 2], String> {
    let sides = text.split_once('x').and_then(|(width, height)| Some([width.parse().ok()?, height.parse().ok()?]));
    sides.filter(|sides| sides.iter().all(|side| *side > 0)).ok_or_else(|| "expected a size such as 640x480".to_owned())
}
