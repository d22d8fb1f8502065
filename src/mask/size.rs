//! Width and height.

use crate::error::{Error, Result, Stage};
use crate::frame::{Frame, MAX_PIXELS};
use core::fmt;

/// Width and height in pixels of a picture, mask or crop: neither is 0, and the area is at most [`MAX_PIXELS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    width: u32,
    height: u32,
}

impl Size {
    /// `width` by `height` pixels.
    ///
    /// # Errors
    /// When a side is 0 or the area is over [`MAX_PIXELS`].
    pub fn new(width: u32, height: u32) -> Result<Self> {
        let area = u64::from(width) * u64::from(height);
        if area == 0 || area > MAX_PIXELS {
            return Err(Error::new(
                Stage::Frame,
                format_args!("a size of 1 to {MAX_PIXELS} pixels"),
                format_args!("{width}x{height}"),
                "give another size",
            ));
        }
        Ok(Self { width, height })
    }

    /// Width in pixels, at least 1.
    pub fn width(self) -> u32 {
        self.width
    }

    /// Height in pixels, at least 1.
    pub fn height(self) -> u32 {
        self.height
    }

    /// Number of pixels, at least 1.
    pub fn area(self) -> usize {
        self.width as usize * self.height as usize
    }

    /// Refuses `other` where it is not this size.
    pub(crate) fn expect(self, other: Size, stage: Stage) -> Result<()> {
        if self == other {
            return Ok(());
        }
        Err(Error::new(stage, self, other, "build it anew for this size"))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl From<&Frame<'_>> for Size {
    /// A frame has checked its size already, more strictly.
    fn from(frame: &Frame<'_>) -> Self {
        Self { width: frame.width(), height: frame.height() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_without_pixels_or_with_too_many_are_refused() {
        assert!(Size::new(0, 4).is_err() && Size::new(4, 0).is_err() && Size::new(u32::MAX, u32::MAX).is_err());
    }
}
