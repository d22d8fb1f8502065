//! A frame: RGB8 pixels, width, height, index in its source and capture time.

use crate::error::{Error, Result, Stage};
use crate::mask::ProvidedMasks;
use alloc::vec::Vec;

/// The smallest side, in pixels, in which a person could be seen at all.
pub const MIN_SIDE: u32 = 16;
/// The largest number of pixels of a frame: 100 megapixels, 300 MB of RGB8.
pub const MAX_PIXELS: u64 = 100_000_000;

/// One picture of a source, lent: `pixels` is RGB8, row by row, without padding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame<'a> {
    pixels: &'a [u8],
    width: u32,
    height: u32,
    index: u64,
    time_us: u64,
    known: Option<&'a ProvidedMasks>,
}

impl<'a> Frame<'a> {
    /// A frame over `pixels` (`3 * width * height` bytes), the `index`-th of its source from 0, captured `time_us`
    /// microseconds after the source began.
    ///
    /// # Errors
    /// When a side is under [`MIN_SIDE`], the area over [`MAX_PIXELS`], or `pixels` has another length.
    pub fn new(pixels: &'a [u8], width: u32, height: u32, index: u64, time_us: u64) -> Result<Self> {
        check_size(width, height)?;
        let bytes = 3 * width as usize * height as usize;
        if pixels.len() != bytes {
            return Err(Error::new(
                Stage::Frame,
                format_args!("{bytes} bytes of RGB8 for {width}x{height}"),
                format_args!("{} bytes", pixels.len()),
                "pass rows without padding, three bytes a pixel",
            ));
        }
        Ok(Self { pixels, width, height, index, time_us, known: None })
    }

    /// The same frame with masks that were made elsewhere.
    #[must_use]
    pub fn with_masks(self, known: &'a ProvidedMasks) -> Self {
        Self { known: Some(known), ..self }
    }

    /// The same frame in another place of another source.
    #[must_use]
    pub fn renumbered(self, index: u64, time_us: u64) -> Self {
        Self { index, time_us, ..self }
    }

    /// RGB8 pixels, row by row.
    pub fn pixels(&self) -> &'a [u8] {
        self.pixels
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Masks that come with it.
    pub fn provided_masks(&self) -> Option<&'a ProvidedMasks> {
        self.known
    }

    /// Place in its source, from 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Capture time in microseconds since the source began.
    pub fn time_us(&self) -> u64 {
        self.time_us
    }
}

/// Refuses sizes that no frame may have, before anything of that size is allocated.
///
/// # Errors
/// When a side is under [`MIN_SIDE`] or the area over [`MAX_PIXELS`].
pub fn check_size(width: u32, height: u32) -> Result<()> {
    if width < MIN_SIDE || height < MIN_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(Error::new(
            Stage::Frame,
            format_args!("a picture of at least {MIN_SIDE} pixels a side and at most {MAX_PIXELS} pixels"),
            format_args!("{width}x{height}"),
            "scale it first",
        ));
    }
    Ok(())
}

/// A frame that owns its pixels and keeps their memory from one frame to the next.
#[derive(Clone, Debug, Default)]
pub struct FrameBuffer {
    pixels: Vec<u8>,
    width: u32,
    height: u32,
    index: u64,
    time_us: u64,
    known: Option<ProvidedMasks>,
}

impl FrameBuffer {
    /// An empty buffer that holds frames of up to `width` by `height` without growing.
    pub fn with_capacity(width: u32, height: u32) -> Self {
        Self { pixels: Vec::with_capacity(3 * width as usize * height as usize), ..Self::default() }
    }

    /// Takes over a copy of `frame`.
    pub fn copy_from(&mut self, frame: &Frame<'_>) {
        self.pixels.clear();
        self.pixels.extend_from_slice(frame.pixels);
        (self.width, self.height) = (frame.width, frame.height);
        (self.index, self.time_us) = (frame.index, frame.time_us);
        self.known = frame.known.cloned();
    }

    /// The frame held, or `None` while empty.
    pub fn frame(&self) -> Option<Frame<'_>> {
        (!self.pixels.is_empty()).then_some(Frame {
            pixels: &self.pixels,
            width: self.width,
            height: self.height,
            index: self.index,
            time_us: self.time_us,
            known: self.known.as_ref(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_must_have_all_its_pixels() {
        assert!(Frame::new(&[0; 16 * 16 * 3], 16, 16, 0, 0).is_ok());
        assert!(Frame::new(&[0; 16 * 16 * 3 - 1], 16, 16, 0, 0).is_err());
    }

    #[test]
    fn sizes_that_show_no_person_or_fill_the_memory_are_refused() {
        assert!(check_size(1, 1).is_err());
        assert!(check_size(20_000, 20_000).is_err());
        assert!(check_size(3840, 2160).is_ok());
    }

    #[test]
    fn a_buffer_gives_back_the_frame_it_was_given() {
        let pixels: Vec<u8> = (0..16 * 16 * 3).map(|i| (i % 251) as u8).collect();
        let frame = Frame::new(&pixels, 16, 16, 4, 160_000).unwrap();
        let mut buffer = FrameBuffer::with_capacity(16, 16);
        assert!(buffer.frame().is_none());
        buffer.copy_from(&frame);
        assert_eq!(buffer.frame(), Some(frame));
    }
}
