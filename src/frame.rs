//! A frame: RGB8 pixels, width, height, index in its source and capture time.

use crate::error::{Error, Result, Stage};
pub use crate::mask::MAX_PIXELS;
use crate::mask::{ProvidedMasks, Size};
use alloc::vec::Vec;

/// The smallest side of a frame in pixels; smaller ones cannot show a person.
pub const MIN_SIDE: u32 = 16;

/// A borrowed frame of a source: RGB8 pixels, row by row, without padding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame<'a> {
    pixels: &'a [u8],
    width: u32,
    height: u32,
    index: u64,
    time_us: u64,
    provided_masks: Option<&'a ProvidedMasks>,
}

impl<'a> Frame<'a> {
    /// Creates a frame of `pixels` (`3 * width * height` bytes). `index` counts the frames of the source from 0;
    /// `time_us` is the capture time in microseconds since the source began.
    ///
    /// # Errors
    /// Returns an error if a side is under [`MIN_SIDE`], the area over [`MAX_PIXELS`], or `pixels` has another length.
    pub fn new(pixels: &'a [u8], width: u32, height: u32, index: u64, time_us: u64) -> Result<Self> {
        check_size(width, height)?;
        let bytes = 3 * width as usize * height as usize;
        if pixels.len() != bytes {
            let expected = format_args!("{bytes} bytes of RGB8 for {width}x{height}");
            let (got, next) =
                (format_args!("{} bytes", pixels.len()), "pass rows without padding, three bytes a pixel");
            return Err(Error::new(Stage::Frame, expected, got, next));
        }
        Ok(Self { pixels, width, height, index, time_us, provided_masks: None })
    }

    /// Attaches masks from another source than the segmenter.
    #[must_use]
    pub fn with_masks(self, masks: &'a ProvidedMasks) -> Self {
        Self { provided_masks: Some(masks), ..self }
    }

    /// Replaces the index and the capture time.
    #[must_use]
    pub fn renumbered(self, index: u64, time_us: u64) -> Self {
        Self { index, time_us, ..self }
    }

    /// Returns the RGB8 pixels, row by row.
    pub fn pixels(&self) -> &'a [u8] {
        self.pixels
    }

    /// Returns the width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Returns the height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Returns the attached masks.
    pub fn provided_masks(&self) -> Option<&'a ProvidedMasks> {
        self.provided_masks
    }

    /// Returns the index in the source, from 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Returns the capture time in microseconds since the source began.
    pub fn time_us(&self) -> u64 {
        self.time_us
    }
}

impl From<&Frame<'_>> for Size {
    fn from(frame: &Frame<'_>) -> Self {
        Self::checked(frame.width, frame.height)
    }
}

/// Checks the size of a frame, before memory is allocated for it.
///
/// # Errors
/// Returns an error if a side is under [`MIN_SIDE`] or the area over [`MAX_PIXELS`].
pub fn check_size(width: u32, height: u32) -> Result<()> {
    if width < MIN_SIDE || height < MIN_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        let expected = format_args!("a picture of at least {MIN_SIDE} pixels a side and at most {MAX_PIXELS} pixels");
        return Err(Error::new(Stage::Frame, expected, format_args!("{width}x{height}"), "scale it first"));
    }
    Ok(())
}

/// An owned frame that reuses its memory for the next frame.
#[derive(Clone, Debug, Default)]
pub struct FrameBuffer {
    pixels: Vec<u8>,
    width: u32,
    height: u32,
    index: u64,
    time_us: u64,
    provided_masks: Option<ProvidedMasks>,
}

impl FrameBuffer {
    /// Creates an empty buffer with memory for frames of up to `width` by `height`.
    pub fn with_capacity(width: u32, height: u32) -> Self {
        Self { pixels: Vec::with_capacity(3 * width as usize * height as usize), ..Self::default() }
    }

    /// Becomes a copy of `frame`.
    pub fn copy_from(&mut self, frame: &Frame<'_>) {
        self.pixels.clear();
        self.pixels.extend_from_slice(frame.pixels);
        (self.width, self.height) = (frame.width, frame.height);
        (self.index, self.time_us) = (frame.index, frame.time_us);
        self.provided_masks = frame.provided_masks.cloned();
    }

    /// Returns the frame, or `None` if the buffer is empty.
    pub fn frame(&self) -> Option<Frame<'_>> {
        (!self.pixels.is_empty()).then_some(Frame {
            pixels: &self.pixels,
            width: self.width,
            height: self.height,
            index: self.index,
            time_us: self.time_us,
            provided_masks: self.provided_masks.as_ref(),
        })
    }
}
