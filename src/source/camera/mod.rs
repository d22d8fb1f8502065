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

/// How a camera sends its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum PixelFormat {
    /// Two pixels share their colour: 16 bits a pixel.
    Yuyv,
    /// Four pixels share their colour: 12 bits a pixel.
    Nv12,
    /// A JPEG a picture.
    Mjpeg,
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// Brightness alone; on Linux nokhwa finds no camera that sends it.
    Grey,
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

/// Opens the camera `index`, or the one that was `known` by its name when it was opened first.
///
/// # Errors
/// As [`open`].
pub(super) fn reopen(
    name: String,
    index: &str,
    known: &mut Option<String>,
    options: &SourceOptions,
) -> Result<Box<dyn Source>> {
    let cameras = list().unwrap_or_default();
    let number = number_of(&cameras, index, known.as_deref());
    let source = backend::open(name, number, options)?;
    if known.is_none() {
        *known = cameras.iter().find(|camera| camera.index == number).map(|camera| camera.name.clone());
    }
    Ok(source)
}

/// The number under which the camera `index`, `known` by its name, is to be found.
fn number_of<'a>(cameras: &'a [CameraName], index: &'a str, known: Option<&str>) -> &'a str {
    let is_known = |camera: &&CameraName| known.is_some_and(|known| camera.name == known);
    // Two cameras of one name: the one that has the number is meant.
    let same = cameras.iter().filter(is_known).find(|camera| camera.index == index);
    same.or_else(|| cameras.iter().find(is_known)).map_or(index, |camera| camera.index.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_is_known_by_its_name_when_its_number_changes() {
        let camera = |index: &str, name: &str| CameraName { index: index.to_owned(), name: name.to_owned() };
        let cameras = [camera("0", "other"), camera("2", "mine"), camera("3", "mine")];
        assert_eq!(number_of(&cameras, "0", None), "0");
        assert_eq!(number_of(&cameras, "0", Some("mine")), "2");
        assert_eq!(number_of(&cameras, "3", Some("mine")), "3");
        assert_eq!(number_of(&cameras, "0", Some("gone")), "0");
        assert_eq!(number_of(&[], "0", Some("mine")), "0");
    }
}
