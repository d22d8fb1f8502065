//! Sizes of pictures and masks.

use crate::error::{Error, Result, Stage};
use core::fmt;

/// The largest number of pixels of a frame, picture or mask: 100 megapixels, 300 MB of RGB8.
pub const MAX_PIXELS: u64 = 100_000_000;

/// Width and height of a picture, mask or crop in pixels. Neither is 0, and the area is at most [`MAX_PIXELS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    width: u32,
    height: u32,
}

impl Size {
    /// Creates a size of `width` by `height` pixels.
    ///
    /// # Errors
    /// Returns an error if a side is 0 or the area is over [`MAX_PIXELS`].
    pub fn new(width: u32, height: u32) -> Result<Self> {
        let area = u64::from(width) * u64::from(height);
        if area == 0 || area > MAX_PIXELS {
            let (expected, got) =
                (format_args!("a size of 1 to {MAX_PIXELS} pixels"), format_args!("{width}x{height}"));
            return Err(Error::new(Stage::Frame, expected, got, "choose another size"));
        }
        Ok(Self { width, height })
    }

    /// Creates the size of a frame, which is checked already.
    pub(crate) const fn checked(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// Returns the width in pixels, at least 1.
    pub fn width(self) -> u32 {
        self.width
    }

    /// Returns the height in pixels, at least 1.
    pub fn height(self) -> u32 {
        self.height
    }

    /// Returns the number of pixels, at least 1.
    pub fn area(self) -> usize {
        self.width as usize * self.height as usize
    }

    /// Checks that `other` is this size.
    pub(crate) fn expect(self, other: Size, stage: Stage) -> Result<()> {
        if self == other {
            return Ok(());
        }
        Err(Error::new(stage, self, other, "create it for this size"))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}
