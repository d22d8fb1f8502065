//! The reusable buffer of a source, which is lent as a frame.

use crate::error::{Error, Result, Stage};
use crate::frame::{Frame, check_size};
use std::time::Instant;

/// RGB8 pixels, row by row without padding, with index and time.
#[derive(Debug, Default)]
pub(super) struct Picture {
    pub pixels: Vec<u8>,
    pub width: u32,
    pub height: u32,
    pub index: u64,
    /// Capture time in microseconds since the start of the source.
    pub time_us: u64,
    /// Time of its capture, if a thread captures pictures into a queue.
    pub arrived: Option<Instant>,
}

impl Picture {
    /// Resizes to `width` by `height`; allocates only if the size grows.
    ///
    /// # Errors
    /// Returns an error if the size is invalid for frames.
    pub fn resize(&mut self, width: u32, height: u32) -> Result<()> {
        check_size(width, height)?;
        self.pixels.resize(3 * width as usize * height as usize, 0);
        (self.width, self.height) = (width, height);
        Ok(())
    }

    /// Returns the picture as a frame.
    ///
    /// # Errors
    /// Returns the errors of [`Frame::new`].
    pub fn lend(&self) -> Result<Frame<'_>> {
        Frame::new(&self.pixels, self.width, self.height, self.index, self.time_us)
    }
}

/// The size of the first frame of a source, which all others must have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FirstSize(Option<(u32, u32)>);

impl FirstSize {
    /// Stores the size of the first frame, and compares that of every other.
    ///
    /// # Errors
    /// Returns an error if the size of the frame differs from the first.
    pub fn check(&mut self, name: &str, index: u64, width: u32, height: u32) -> Result<()> {
        let (first_width, first_height) = *self.0.get_or_insert((width, height));
        if (first_width, first_height) == (width, height) {
            return Ok(());
        }
        let expected = format!("every frame of {name} to be {first_width}x{first_height} like the first");
        let next = "scale all frames to one size";
        Err(Error::new(Stage::Source, expected, format_args!("frame {index} of {width}x{height}"), next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_the_same_size_reuses_its_memory() {
        let mut picture = Picture::default();
        picture.resize(32, 16).unwrap();
        let memory = picture.pixels.as_ptr();
        picture.resize(32, 16).unwrap();
        assert_eq!(picture.pixels.as_ptr(), memory);
        assert_eq!(picture.lend().unwrap().width(), 32);
    }

    #[test]
    fn an_invalid_size_is_an_error_before_it_is_allocated() {
        assert!(Picture::default().resize(u32::MAX, u32::MAX).is_err());
    }

    #[test]
    fn a_change_of_size_is_an_error_with_frame_and_sizes() {
        let mut size = FirstSize::default();
        size.check("a.mp4", 0, 320, 240).unwrap();
        let error = size.check("a.mp4", 7, 640, 480).unwrap_err().to_string();
        assert!(error.contains("320x240") && error.contains("frame 7 of 640x480"), "{error}");
    }
}
