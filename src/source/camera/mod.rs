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
    /// What `camera:` is followed by.
    pub index: String,
    /// What the camera calls itself.
    pub name: String,
}

/// How a camera sends its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

/// Opens the camera `index`, or the one that was `known` when it was opened first, whatever number it has by now.
///
/// # Errors
/// As [`open`]; and when the known camera is not there, whoever has its number.
pub(super) fn reopen(
    name: String,
    index: &str,
    known: &mut Option<Known>,
    options: &SourceOptions,
) -> Result<Box<dyn Source>> {
    let cameras: Vec<Seen> = list().unwrap_or_default().into_iter().map(Seen::new).collect();
    let numbers = numbers(&cameras, index, known.as_ref());
    let mut refused = None;
    for number in &numbers {
        match backend::open(name.clone(), number, options) {
            Ok(source) => {
                if known.is_none() {
                    *known = Known::of(&cameras, number);
                }
                return Ok(source);
            }
            // The first of them is the likeliest.
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    Err(refused.unwrap_or_else(|| {
        let expected = known.as_ref().map_or_else(|| index.to_owned(), |known| format!("the camera {:?}", known.name));
        Error::new(Stage::Source, expected, "others or none", "plug it in again").at(name)
    }))
}

/// A camera that is there now.
#[derive(Debug)]
struct Seen {
    camera: CameraName,
    place: Option<PathBuf>,
}

impl Seen {
    fn new(camera: CameraName) -> Self {
        // The device's place in the system, which is that of its plug. The nodes of one camera, for pictures and for what is said
        // of them, share it.
        let place = std::fs::canonicalize(format!("/sys/class/video4linux/video{}/device", camera.index)).ok();
        Self { camera, place }
    }
}

/// What a camera is known by.
#[derive(Debug)]
pub(super) struct Known {
    name: String,
    /// Where other cameras of the same name were.
    others: Vec<PathBuf>,
}

impl Known {
    fn of(cameras: &[Seen], number: &str) -> Option<Self> {
        let this = cameras.iter().find(|seen| seen.camera.index == number)?;
        let namesakes = cameras.iter().filter(|seen| seen.camera.name == this.camera.name && seen.place != this.place);
        let others = namesakes.filter_map(|seen| seen.place.clone()).collect();
        Some(Self { name: this.camera.name.clone(), others })
    }

    /// Whether `seen` may be it: never a camera that was another from the beginning, or it would watch another room.
    fn may_be(&self, seen: &Seen) -> bool {
        seen.camera.name == self.name && !seen.place.as_ref().is_some_and(|place| self.others.contains(place))
    }
}

/// Under which numbers the camera `index`, or the one that is `known`, may be found, the likeliest first: a camera may have several
/// nodes of which one gives pictures.
fn numbers(cameras: &[Seen], index: &str, known: Option<&Known>) -> Vec<String> {
    // Where no camera can be listed, its number is all that there is.
    let Some(known) = known.filter(|_| !cameras.is_empty()) else { return vec![index.to_owned()] };
    let mut numbers: Vec<String> =
        cameras.iter().filter(|seen| known.may_be(seen)).map(|seen| seen.camera.index.clone()).collect();
    numbers.sort_by(|a, b| (a != index).cmp(&(b != index)).then_with(|| natord::compare(a, b)));
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(index: &str, name: &str, place: &str) -> Seen {
        let camera = CameraName { index: index.to_owned(), name: name.to_owned() };
        Seen { camera, place: Some(PathBuf::from(place)) }
    }

    #[test]
    fn a_camera_is_known_by_its_name_when_its_number_changes() {
        let first = [seen("1", "mine", "port 1"), seen("0", "mine", "port 1")];
        assert_eq!(numbers(&first, "0", None), ["0"]);
        let known = Known::of(&first, "0").unwrap();
        // Both nodes of it are tried, wherever it was plugged in.
        let later = [seen("10", "mine", "port 2"), seen("0", "other", "port 1"), seen("9", "mine", "port 2")];
        assert_eq!(numbers(&later, "0", Some(&known)), ["9", "10"]);
        assert_eq!(numbers(&first, "0", Some(&known)), ["0", "1"]);
        // Another camera is not taken for it because it has its number.
        assert!(numbers(&[seen("0", "other", "port 1")], "0", Some(&known)).is_empty());
        assert_eq!(numbers(&[], "0", Some(&known)), ["0"]);
    }

    #[test]
    fn of_two_cameras_of_one_name_the_other_is_never_taken() {
        let both = [seen("2", "mine", "port 1"), seen("3", "mine", "port 2")];
        let known = Known::of(&both, "3").unwrap();
        assert!(numbers(&both[..1], "3", Some(&known)).is_empty());
        let back = [seen("2", "mine", "port 1"), seen("5", "mine", "port 2")];
        assert_eq!(numbers(&back, "3", Some(&known)), ["5"]);
        // The other one takes its number: it is still the other one.
        let swapped = [seen("3", "mine", "port 1"), seen("2", "mine", "port 2")];
        assert_eq!(numbers(&swapped, "3", Some(&known)), ["2"]);
        assert!(Known::of(&both, "7").is_none());
    }
}
