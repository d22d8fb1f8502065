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
use crate::error::{Error, Result, Stage};
use std::path::PathBuf;

/// A camera of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraName {
    /// The index after `camera:`.
    pub index: String,
    /// Name that the camera reports.
    pub name: String,
}

/// A pixel format of cameras.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// 4:2:2 YUV, 16 bits per pixel.
    Yuyv,
    /// 4:2:0 YUV, 12 bits per pixel.
    Nv12,
    /// One JPEG per frame.
    Mjpeg,
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// Brightness only; nokhwa does not support it on Linux.
    Grey,
}

/// Lists the cameras of this machine.
///
/// # Errors
/// Returns an error if this build has no camera support, or the system cannot list them.
pub fn list() -> Result<Vec<CameraName>> {
    backend::list()
}

/// Opens camera `index`, which the user named `name`.
///
/// # Errors
/// Returns an error if this build has no camera support, or the camera does not exist.
pub(super) fn open(name: String, index: &str, options: &SourceOptions) -> Result<Box<dyn Source>> {
    backend::open(name, index, options)
}

/// Opens camera `index`, or the camera of `identity` whatever its index is now. Sets the identity the first time.
///
/// # Errors
/// Returns the errors of [`open`], or an error if the identified camera is absent even if another one has its index.
pub(super) fn reopen(
    name: String,
    index: &str,
    identity: &mut Option<CameraIdentity>,
    options: &SourceOptions,
) -> Result<Box<dyn Source>> {
    let cameras: Vec<ListedCamera> = list().unwrap_or_default().into_iter().map(ListedCamera::new).collect();
    let mut first_error = None;
    for index in candidates(&cameras, index, identity.as_ref()) {
        match backend::open(name.clone(), &index, options) {
            Ok(source) => {
                if identity.is_none() {
                    *identity = CameraIdentity::of(&cameras, &index);
                }
                return Ok(source);
            }
            // The first candidate is the likeliest one.
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or_else(|| {
        let expected =
            identity.as_ref().map_or_else(|| index.to_owned(), |camera| format!("the camera {:?}", camera.name));
        Error::new(Stage::Source, expected, "other cameras or none", "plug it in again").at(name)
    }))
}

/// A camera in the current list of the system.
#[derive(Debug)]
struct ListedCamera {
    camera: CameraName,
    /// Its port in the system.
    port: Option<PathBuf>,
}

impl ListedCamera {
    fn new(camera: CameraName) -> Self {
        // All device nodes of one camera, for pictures and for metadata, share it.
        let port = std::fs::canonicalize(format!("/sys/class/video4linux/video{}/device", camera.index)).ok();
        Self { camera, port }
    }
}

/// The properties that identify a camera after it was unplugged.
#[derive(Debug)]
pub(super) struct CameraIdentity {
    name: String,
    /// Ports of other cameras with the same name.
    other_ports: Vec<PathBuf>,
}

impl CameraIdentity {
    fn of(cameras: &[ListedCamera], index: &str) -> Option<Self> {
        let this = cameras.iter().find(|listed| listed.camera.index == index)?;
        let namesakes =
            cameras.iter().filter(|listed| listed.camera.name == this.camera.name && listed.port != this.port);
        let other_ports = namesakes.filter_map(|listed| listed.port.clone()).collect();
        Some(Self { name: this.camera.name.clone(), other_ports })
    }

    /// Returns whether `listed` may be this camera; never one that was another camera from the start.
    fn matches(&self, listed: &ListedCamera) -> bool {
        listed.camera.name == self.name && !listed.port.as_ref().is_some_and(|port| self.other_ports.contains(port))
    }
}

/// Returns the indices to try for camera `index` or the identified camera, the likeliest first. A camera may have
/// several device nodes, of which one sends pictures.
fn candidates(cameras: &[ListedCamera], index: &str, identity: Option<&CameraIdentity>) -> Vec<String> {
    // If cameras cannot be listed, only the index is known.
    let Some(identity) = identity.filter(|_| !cameras.is_empty()) else { return vec![index.to_owned()] };
    let mut indices: Vec<String> =
        cameras.iter().filter(|listed| identity.matches(listed)).map(|listed| listed.camera.index.clone()).collect();
    indices.sort_by(|a, b| (a != index).cmp(&(b != index)).then_with(|| natord::compare(a, b)));
    indices
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(index: &str, name: &str, port: &str) -> ListedCamera {
        let camera = CameraName { index: index.to_owned(), name: name.to_owned() };
        ListedCamera { camera, port: Some(PathBuf::from(port)) }
    }

    #[test]
    fn a_camera_is_identified_by_its_name_when_its_index_changes() {
        let first = [listed("1", "mine", "port 1"), listed("0", "mine", "port 1")];
        assert_eq!(candidates(&first, "0", None), ["0"]);
        let identity = CameraIdentity::of(&first, "0").unwrap();
        // Both of its nodes are tried, at any port.
        let later = [listed("10", "mine", "port 2"), listed("0", "other", "port 1"), listed("9", "mine", "port 2")];
        assert_eq!(candidates(&later, "0", Some(&identity)), ["9", "10"]);
        assert_eq!(candidates(&first, "0", Some(&identity)), ["0", "1"]);
        // Another camera with its index is not used.
        assert!(candidates(&[listed("0", "other", "port 1")], "0", Some(&identity)).is_empty());
        assert_eq!(candidates(&[], "0", Some(&identity)), ["0"]);
    }

    #[test]
    fn of_two_cameras_with_one_name_the_other_is_never_used() {
        let both = [listed("2", "mine", "port 1"), listed("3", "mine", "port 2")];
        let identity = CameraIdentity::of(&both, "3").unwrap();
        assert!(candidates(&both[..1], "3", Some(&identity)).is_empty());
        let back = [listed("2", "mine", "port 1"), listed("5", "mine", "port 2")];
        assert_eq!(candidates(&back, "3", Some(&identity)), ["5"]);
        // The other one has its index now.
        let swapped = [listed("3", "mine", "port 1"), listed("2", "mine", "port 2")];
        assert_eq!(candidates(&swapped, "3", Some(&identity)), ["2"]);
        assert!(CameraIdentity::of(&both, "7").is_none());
    }
}
