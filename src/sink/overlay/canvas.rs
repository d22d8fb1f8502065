//! An RGB8 drawing surface.

use super::font_text;
use crate::error::{Error, Result, Stage};
use crate::frame::MAX_PIXELS;
use core::convert::Infallible;
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;
use embedded_graphics::text::{Baseline, Text};
use image::{ExtendedColorType, ImageEncoder};

/// RGB8 pixels, `[height, width, 3]`; drawing is clipped to them.
#[derive(Debug)]
pub(super) struct Canvas {
    size: Size,
    pixels: Vec<u8>,
}

impl Canvas {
    /// Creates a black canvas.
    ///
    /// # Errors
    /// Returns an error if it would have more than [`MAX_PIXELS`].
    pub(super) fn new(size: Size) -> Result<Self> {
        if u64::from(size.width) * u64::from(size.height) > MAX_PIXELS {
            let got = format!("{}x{}", size.width, size.height);
            let next = "use a bundle with a smaller encoder input";
            return Err(Error::new(Stage::Sink, format_args!("an overlay of at most {MAX_PIXELS} pixels"), got, next));
        }
        Ok(Self { size, pixels: vec![0; 3 * size.width as usize * size.height as usize] })
    }

    /// Returns the RGB8 pixels, row by row.
    pub(super) fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Writes the picture to `encoder`, which encodes `format`; `next` is the advice if it cannot be encoded.
    ///
    /// # Errors
    /// Returns an error if it cannot be encoded.
    pub(super) fn encode(&self, encoder: impl ImageEncoder, format: &str, next: &str) -> Result<()> {
        let encoded = encoder.write_image(&self.pixels, self.size.width, self.size.height, ExtendedColorType::Rgb8);
        encoded.map_err(|e| Error::caused(Stage::Sink, format!("a picture that can be encoded as {format}"), e, next))
    }

    /// Checks the size of the canvas.
    ///
    /// # Errors
    /// Returns an error if it is not `size`.
    pub(super) fn check_size(&self, size: Size) -> Result<()> {
        if self.size == size {
            return Ok(());
        }
        let [expected, got] = [size, self.size].map(|size| format!("{}x{}", size.width, size.height));
        let next = "write the overlay of each bundle to its own file, or to a directory";
        Err(Error::new(Stage::Sink, format_args!("overlay pictures of one size, {expected}"), got, next))
    }

    /// Fills `area` with one colour.
    pub(super) fn fill(&mut self, area: Rectangle, colour: Rgb888) {
        let Ok(()) = self.fill_solid(&area, colour);
    }

    /// Sets one pixel.
    pub(super) fn set(&mut self, at: Point, colour: Rgb888) {
        let Ok(()) = self.draw_iter([Pixel(at, colour)]);
    }

    /// Writes one line with its upper left corner `at`, shortened to `width`; returns the width used.
    pub(super) fn write(&mut self, text: &str, at: Point, width: u32, font: &MonoFont<'_>, colour: Rgb888) -> u32 {
        let columns = width / font.character_size.width;
        let line = font_text::fit(text, columns as usize);
        let style = MonoTextStyle::new(font, colour);
        let Ok(end) = Text::with_baseline(&line, at, style, Baseline::Top).draw(self);
        (end.x - at.x).unsigned_abs()
    }
}

impl OriginDimensions for Canvas {
    fn size(&self) -> Size {
        self.size
    }
}

impl DrawTarget for Canvas {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> core::result::Result<(), Infallible> {
        let bounds = self.bounding_box();
        for Pixel(at, colour) in pixels.into_iter().filter(|pixel| bounds.contains(pixel.0)) {
            let index = at.y as usize * self.size.width as usize + at.x as usize;
            self.pixels[3 * index..][..3].copy_from_slice(&bytes(colour));
        }
        Ok(())
    }

    fn fill_solid(&mut self, area: &Rectangle, colour: Rgb888) -> core::result::Result<(), Infallible> {
        let area = area.intersection(&self.bounding_box());
        let (left, top) = (area.top_left.x as usize, area.top_left.y as usize);
        let (width, height) = (area.size.width as usize, area.size.height as usize);
        let row_bytes = 3 * self.size.width as usize;
        for row in self.pixels.chunks_exact_mut(row_bytes).skip(top).take(height) {
            row[3 * left..][..3 * width].as_chunks_mut().0.fill(bytes(colour));
        }
        Ok(())
    }
}

fn bytes(colour: Rgb888) -> [u8; 3] {
    [colour.r(), colour.g(), colour.b()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawing_is_clipped() {
        let mut canvas = Canvas::new(Size::new(4, 3)).unwrap();
        canvas.fill(Rectangle::new(Point::new(2, -5), Size::new(100, 6)), Rgb888::WHITE);
        canvas.fill(Rectangle::new(Point::new(9, 9), Size::new(2, 2)), Rgb888::WHITE);
        canvas.set(Point::new(-1, 0), Rgb888::WHITE);
        canvas.set(Point::new(0, 3), Rgb888::WHITE);
        let white: Vec<usize> = (0..12).filter(|index| canvas.pixels()[3 * index] == 255).collect();
        assert_eq!(white, [2, 3]);
    }

    #[test]
    fn a_canvas_of_too_many_pixels_is_refused() {
        assert!(Canvas::new(Size::new(u32::MAX, u32::MAX)).is_err());
    }
}
