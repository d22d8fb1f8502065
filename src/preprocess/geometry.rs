//! The mapping of a frame to a model's picture.

use crate::error::{Error, Result, Stage};
use crate::mask::{PixelBox, Size};
use core::ops::Range;
use serde::{Deserialize, Serialize};

/// Rule that fits a frame into the model's picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Resize {
    /// Scales the shortest side to `shortest` pixels and crops the centre. The longer side is truncated, as in Hugging
    /// Face and torchvision.
    ShortestThenCrop {
        /// Pixels of the shortest side before the crop.
        shortest: u32,
    },
    /// Scales each side on its own, which distorts shapes.
    Squash,
    /// Fits the whole frame, centred, and fills the rest with `pad`.
    Letterbox {
        /// RGB colour of the padding; 114 each for YOLO.
        pad: [u8; 3],
    },
}

impl Resize {
    /// Returns the colour of the padding.
    pub(super) fn pad(self) -> [u8; 3] {
        match self {
            Resize::Letterbox { pad } => pad,
            _ => [0; 3],
        }
    }
}

/// Maps frames of `source` size to pictures of `target` size: scales, then shifts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    source: Size,
    target: Size,
    pub(super) horizontal: Axis,
    pub(super) vertical: Axis,
}

impl Geometry {
    /// Creates the geometry of `resize`. `Resize::Squash` with equal sizes is the identity.
    ///
    /// # Errors
    /// Returns an error if the scaled frame would have no pixels or too many.
    pub fn new(resize: Resize, source: Size, target: Size) -> Result<Self> {
        let resized = match resize {
            Resize::ShortestThenCrop { shortest } => shortest_side(source, shortest)?,
            Resize::Squash => target,
            Resize::Letterbox { .. } => fitted(source, target)?,
        };
        Ok(Self {
            source,
            target,
            horizontal: Axis::centred(source.width(), resized.width(), target.width()),
            vertical: Axis::centred(source.height(), resized.height(), target.height()),
        })
    }

    /// Returns the size of the frame.
    pub fn source(&self) -> Size {
        self.source
    }

    /// Returns the size of the model's picture.
    pub fn target(&self) -> Size {
        self.target
    }

    /// Places a box of the frame in the model's picture, rounded outward and clipped; `None` if nothing is left.
    pub fn place(&self, area: PixelBox) -> Option<PixelBox> {
        let (left, right) = self.horizontal.map_interval(area.left, area.right);
        let (top, bottom) = self.vertical.map_interval(area.top, area.bottom);
        PixelBox { left, top, right, bottom }.clipped(self.target)
    }
}

/// One axis of a geometry, in pixels: scales `source` to `resized` and puts its first pixel at `offset` of `target`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    pub(super) source: u32,
    pub(super) resized: u32,
    /// Negative if the scaled frame is cropped, positive if it is padded.
    pub(super) offset: i32,
    pub(super) target: u32,
}

impl Axis {
    /// Centres the scaled frame; an odd pixel is cropped or padded at the end, as in Hugging Face and YOLO.
    fn centred(source: u32, resized: u32, target: u32) -> Self {
        let half = (target.abs_diff(resized) / 2) as i32;
        Self { source, resized, offset: if target < resized { -half } else { half }, target }
    }

    /// Returns the pixels of the target that show the frame.
    pub(super) fn covered(&self) -> Range<u32> {
        let end = (i64::from(self.offset) + i64::from(self.resized)).clamp(0, i64::from(self.target));
        self.offset.max(0) as u32..end as u32
    }

    /// Maps position `x` of the source to the target; both count from the edge of the first pixel.
    pub(super) fn to_target(self, x: f64) -> f64 {
        x * f64::from(self.resized) / f64::from(self.source) + f64::from(self.offset)
    }

    /// Maps position `x` of the target to the source.
    pub(super) fn to_source(self, x: f64) -> f64 {
        (x - f64::from(self.offset)) * f64::from(self.source) / f64::from(self.resized)
    }

    /// Maps an interval of source pixels to target pixels, rounded outward.
    fn map_interval(&self, first: u32, end: u32) -> (u32, u32) {
        let edge = |x: u32| self.to_target(f64::from(x.min(self.source)));
        // `as` saturates: positions left of the target become 0.
        (libm::floor(edge(first)) as u32, libm::ceil(edge(end)) as u32)
    }
}

fn shortest_side(source: Size, shortest: u32) -> Result<Size> {
    let longer = |side: u32, short: u32| {
        let scaled = u64::from(shortest) * u64::from(side) / u64::from(short);
        u32::try_from(scaled).unwrap_or(u32::MAX)
    };
    match (source.width(), source.height()) {
        (width, height) if width <= height => resized(source, shortest, longer(height, width)),
        (width, height) => resized(source, longer(width, height), shortest),
    }
}

fn fitted(source: Size, target: Size) -> Result<Size> {
    let ratio = |target: u32, source: u32| f64::from(target) / f64::from(source);
    let scale = ratio(target.width(), source.width()).min(ratio(target.height(), source.height()));
    // `rint` rounds halves to even, like Python.
    let side = |source: u32| libm::rint(f64::from(source) * scale) as u32;
    resized(source, side(source.width()), side(source.height()))
}

fn resized(source: Size, width: u32, height: u32) -> Result<Size> {
    Size::new(width, height).map_err(|_| {
        let got = format_args!("{source}, which would be scaled to {width}x{height}");
        let next = "crop the frame, or set resize to `squash`";
        Error::new(Stage::Preprocess, "a frame with a smaller aspect ratio", got, next)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn geometry(resize: Resize, source: (u32, u32), target: (u32, u32)) -> Geometry {
        let size = |(width, height)| Size::new(width, height).unwrap();
        Geometry::new(resize, size(source), size(target)).unwrap()
    }

    #[test]
    fn the_longer_side_is_truncated_and_the_centre_cropped() {
        let geometry = geometry(Resize::ShortestThenCrop { shortest: 256 }, (340, 255), (224, 224));
        assert_eq!(geometry.horizontal, Axis { source: 340, resized: 341, offset: -58, target: 224 });
        assert_eq!(geometry.vertical, Axis { source: 255, resized: 256, offset: -16, target: 224 });
        assert_eq!(geometry.horizontal.covered(), 0..224);
    }

    #[test]
    fn a_letterbox_holds_the_whole_frame() {
        let geometry = geometry(Resize::Letterbox { pad: [114; 3] }, (1920, 1080), (640, 640));
        assert_eq!(geometry.vertical, Axis { source: 1080, resized: 360, offset: 140, target: 640 });
        assert_eq!((geometry.horizontal.covered(), geometry.vertical.covered()), (0..640, 140..500));
    }
}
