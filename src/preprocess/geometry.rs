//! Which part of a frame a model sees, and where it lands in the model's picture.

use crate::error::{Error, Result, Stage};
use crate::mask::{PixelBox, Size};
use core::ops::Range;
use serde::{Deserialize, Serialize};

/// How a frame of any shape becomes a picture of the model's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Resize {
    /// The shortest side becomes `shortest` pixels, the longer one follows (truncated, as Hugging Face and torchvision
    /// do), and the centre is cut out.
    ShortestThenCrop {
        /// Pixels of the shortest side before the cut.
        shortest: u32,
    },
    /// Each side is resized by itself; shapes are distorted.
    Squash,
    /// The whole frame fits, centred, and the rest is `pad`.
    Letterbox {
        /// RGB of the rest; 114 each for YOLO.
        pad: [u8; 3],
    },
}

impl Resize {
    /// The colour of what no frame pixel reaches.
    pub(super) fn pad(self) -> [u8; 3] {
        match self {
            Resize::Letterbox { pad } => pad,
            _ => [0; 3],
        }
    }
}

/// Where a frame of `source` size lands in a picture of `target` size: scaled, then shifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    source: Size,
    target: Size,
    pub(super) horizontal: Axis,
    pub(super) vertical: Axis,
}

impl Geometry {
    /// The geometry of `resize`. `Resize::Squash` with equal sizes is the identity.
    ///
    /// # Errors
    /// When a side of the scaled frame would have no pixel, or more than any frame may have.
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

    /// The size of the frame.
    pub fn source(&self) -> Size {
        self.source
    }

    /// The size of the model's picture.
    pub fn target(&self) -> Size {
        self.target
    }

    /// A box of the frame in the model's picture, rounded outward and cut to it; `None` where it is cut away whole.
    pub fn place(&self, area: PixelBox) -> Option<PixelBox> {
        let (left, right) = self.horizontal.place(area.left, area.right);
        let (top, bottom) = self.vertical.place(area.top, area.bottom);
        PixelBox { left, top, right, bottom }.clipped(self.target)
    }
}

/// One side of a geometry, in pixels: `source` is scaled to `resized`, whose first pixel lands at `offset` of `target`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    pub(super) source: u32,
    pub(super) resized: u32,
    /// Negative where the scaled frame is cut, positive where it is padded.
    pub(super) offset: i32,
    pub(super) target: u32,
}

impl Axis {
    /// Half the difference is cut or padded on each side, the odd pixel at the end, as Hugging Face and YOLO do.
    fn centred(source: u32, resized: u32, target: u32) -> Self {
        let half = (target.abs_diff(resized) / 2) as i32;
        Self { source, resized, offset: if target < resized { -half } else { half }, target }
    }

    /// The pixels of the target that show the frame.
    pub(super) fn covered(&self) -> Range<u32> {
        let end = (i64::from(self.offset) + i64::from(self.resized)).clamp(0, i64::from(self.target));
        self.offset.max(0) as u32..end as u32
    }

    /// The position in the target of position `x` of the source; both count from the edge of the first pixel.
    pub(super) fn to_target(self, x: f64) -> f64 {
        x * f64::from(self.resized) / f64::from(self.source) + f64::from(self.offset)
    }

    /// The inverse of [`Axis::to_target`].
    pub(super) fn to_source(self, x: f64) -> f64 {
        (x - f64::from(self.offset)) * f64::from(self.source) / f64::from(self.resized)
    }

    /// The pixels of the target that an interval of source pixels touches, rounded outward.
    fn place(&self, first: u32, end: u32) -> (u32, u32) {
        let edge = |x: u32| self.to_target(f64::from(x.min(self.source)));
        // `as` saturates, so what lies left of the target becomes 0.
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
    // `rint` rounds halves to even, as Python does.
    let side = |source: u32| libm::rint(f64::from(source) * scale) as u32;
    resized(source, side(source.width()), side(source.height()))
}

fn resized(source: Size, width: u32, height: u32) -> Result<Size> {
    Size::new(width, height).map_err(|_| {
        Error::new(
            Stage::Preprocess,
            "a frame that is not far longer than wide",
            format_args!("{source}, which would be scaled to {width}x{height}"),
            "cut the frame, or use `squash`",
        )
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
    fn the_longer_side_is_truncated_and_the_centre_cut_out() {
        let seen = geometry(Resize::ShortestThenCrop { shortest: 256 }, (340, 255), (224, 224));
        assert_eq!(seen.horizontal, Axis { source: 340, resized: 341, offset: -58, target: 224 });
        assert_eq!(seen.vertical, Axis { source: 255, resized: 256, offset: -16, target: 224 });
        assert_eq!(seen.horizontal.covered(), 0..224);
    }

    #[test]
    fn a_letterbox_holds_the_whole_frame() {
        let seen = geometry(Resize::Letterbox { pad: [114; 3] }, (1920, 1080), (640, 640));
        assert_eq!(seen.vertical, Axis { source: 1080, resized: 360, offset: 140, target: 640 });
        assert_eq!((seen.horizontal.covered(), seen.vertical.covered()), (0..640, 140..500));
    }

    #[test]
    fn boxes_are_rounded_outward_and_cut_to_the_crop() {
        let seen = geometry(Resize::ShortestThenCrop { shortest: 100 }, (400, 200), (100, 100));
        let whole = PixelBox { left: 0, top: 0, right: 400, bottom: 200 };
        assert_eq!(seen.place(whole), Some(PixelBox { left: 0, top: 0, right: 100, bottom: 100 }));
        let odd = PixelBox { left: 101, top: 3, right: 104, bottom: 5 };
        assert_eq!(seen.place(odd), Some(PixelBox { left: 0, top: 1, right: 2, bottom: 3 }));
        assert_eq!(seen.place(PixelBox { left: 0, top: 0, right: 100, bottom: 200 }), None);
        assert_eq!(seen.place(PixelBox { left: 300, top: 0, right: 400, bottom: 200 }), None);
    }

    #[test]
    fn a_frame_that_would_shrink_to_nothing_or_grow_without_end_is_refused() {
        let strip = Size::new(1_000_000, 16).unwrap();
        let target = Size::new(224, 224).unwrap();
        assert!(Geometry::new(Resize::Letterbox { pad: [0; 3] }, strip, target).is_err());
        assert!(Geometry::new(Resize::ShortestThenCrop { shortest: 224 }, strip, target).is_err());
        assert!(Geometry::new(Resize::ShortestThenCrop { shortest: 0 }, target, target).is_err());
    }
}
