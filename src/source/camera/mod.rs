//! Cameras, behind the feature `camera`: `camera:N` is the N-th that [`list`] names.

#[cfg(not(feature = "camera"))]
mod disabled;
#[cfg(feature = "camera")]
mod enabled;
#[cfg(feature = "camera")]
mod pixels;

#[cfg(not(feature = "camera"))]
use disabled as backend;
#[cfg(feature = "camera")]
use enabled as backend;

use super::{Source, SourceOptions};
use crate::error::Result;

/// A camera of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraName {
    /// What `camera:` is followed by.
    pub index: String,
    /// What the camera calls itself.
    pub name: String,
}

/// The cameras of this machine.
///
/// # Errors
/// When this build has no camera support, or the system refuses to list them.
pub fn list() -> Result<Vec<CameraName>> {
    backend::list()
}

/// Opens the camera `index`, called `name` by the user.
///
/// # Errors
/// When this build has no camera support, or there is no such camera.
pub(super) fn open(name: String, index: &str, options: &SourceOptions) -> Result<Box<dyn Source>> {
    backend::open(name, index, options)
}
