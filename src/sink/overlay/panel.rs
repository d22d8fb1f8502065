//! A panel that shows one view enlarged, and the outline of the person.

use super::canvas::Canvas;
use super::outline::{Outline, OutlinePixel};
use crate::mask::{self, Shape};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::{Point, RgbColor, Size};
use embedded_graphics::primitives::Rectangle;

/// Minimum width of a panel; smaller views are enlarged.
const MIN_WIDTH: u32 = 200;
/// Maximum height of an enlarged panel.
const MAX_HEIGHT: u32 = 2048;

pub(super) const LINE: Rgb888 = Rgb888::new(0xc8, 0xff, 0x00);
const HALO: Rgb888 = Rgb888::BLACK;

/// Size and scale of the panels for views of one size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Panel {
    view: mask::Size,
    scale: u32,
}

impl Panel {
    /// Creates panels for views of size `view`.
    pub(super) fn new(view: mask::Size) -> Self {
        Self { view, scale: MIN_WIDTH.div_ceil(view.width()).min((MAX_HEIGHT / view.height()).max(1)) }
    }

    /// Returns the size of the views.
    pub(super) fn view(self) -> mask::Size {
        self.view
    }

    /// Returns the size of a panel.
    pub(super) fn size(self) -> Size {
        Size::new(self.scale * self.view.width(), self.scale * self.view.height())
    }

    /// Draws every pixel as a square, without interpolation, so that the panel shows the exact input of the encoder.
    pub(super) fn draw(self, canvas: &mut Canvas, corner: Point, rgb: &[u8]) {
        let columns = self.view.width() as usize;
        for (index, &[r, g, b]) in rgb.as_chunks().0.iter().enumerate() {
            let [x, y] = [index % columns, index / columns].map(|side| side as i32 * self.scale as i32);
            let square = Rectangle::new(corner + Point::new(x, y), Size::new_equal(self.scale));
            canvas.fill(square, Rgb888::new(r, g, b));
        }
    }

    /// Draws the outline of `person`.
    pub(super) fn outline(self, canvas: &mut Canvas, corner: Point, person: &Shape) {
        for (at, stroke) in Outline::new(person, self.scale).strokes() {
            canvas.set(corner + at, if stroke == OutlinePixel::Line { LINE } else { HALO });
        }
    }
}
