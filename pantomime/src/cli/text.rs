//! Draws text on a picture.

use embedded_graphics::mono_font::MonoTextStyle;
use embedded_graphics::mono_font::ascii::FONT_6X10;
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::prelude::{DrawTarget, Drawable, OriginDimensions, Pixel, Point, Size};
use embedded_graphics::text::Text;
use std::convert::Infallible;

/// An RGB picture that text is drawn on in white.
#[derive(Debug)]
pub(super) struct TextCanvas<'a> {
    pub(super) rgb: &'a mut [u8],
    pub(super) width: usize,
}

impl TextCanvas<'_> {
    /// Draws `text` with its base line at row `y`.
    pub(super) fn write(&mut self, text: &str, x: i32, y: i32) {
        let style = MonoTextStyle::new(&FONT_6X10, BinaryColor::On);
        let Ok(_) = Text::new(text, Point::new(x, y), style).draw(self);
    }
}

impl OriginDimensions for TextCanvas<'_> {
    fn size(&self) -> Size {
        Size::new(self.width as u32, (self.rgb.len() / 3 / self.width) as u32)
    }
}

impl DrawTarget for TextCanvas<'_> {
    type Color = BinaryColor;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<BinaryColor>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(point, colour) in pixels {
            if colour.is_off() || point.x < 0 || point.y < 0 || point.x as usize >= self.width {
                continue;
            }
            let start = 3 * (point.y as usize * self.width + point.x as usize);
            if let Some(pixel) = self.rgb.get_mut(start..start + 3) {
                pixel.fill(255);
            }
        }
        Ok(())
    }
}
