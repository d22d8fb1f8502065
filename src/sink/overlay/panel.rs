//! One view as a panel: every pixel as a square of pixels, and the person's outline.

use super::canvas::Canvas;
use super::outline::{Outline, Stroke};
use crate::mask::{self, Shape};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::{Point, RgbColor, Size};
use embedded_graphics::primitives::Rectangle;

/// The least width of a panel, reached by showing every pixel as a square of pixels.
const WIDTH: u32 = 200;
/// The greatest height that a panel is enlarged to.
const HEIGHT: u32 = 2048;

pub(super) const LINE: Rgb888 = Rgb888::new(0xc8, 0xff, 0x00);
const HALO: Rgb888 = Rgb888::BLACK;

/// How views of one size are shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Panel {
    view: mask::Size,
    scale: u32,
}

impl Panel {
    /// Panels for views of size `view`.
    pub(super) fn new(view: mask::Size) -> Self {
        Self { view, scale: WIDTH.div_ceil(view.width()).min((HEIGHT / view.height()).max(1)) }
    }

    /// The size of the views.
    pub(super) fn view(self) -> mask::Size {
        self.view
    }

    /// The size of a panel.
    pub(super) fn size(self) -> Size {
        Size::new(self.scale * self.view.width(), self.scale * self.view.height())
    }

    /// Every pixel as a square of pixels: what the encoder saw, not what a zoom makes of it.
    pub(super) fn draw(self, canvas: &mut Canvas, corner: Point, rgb: &[u8]) {
        let columns = self.view.width() as usize;
        for (place, &[r, g, b]) in rgb.as_chunks().0.iter().enumerate() {
            let [x, y] = [place % columns, place / columns].map(|side| side as i32 * self.scale as i32);
            let square = Rectangle::new(corner + Point::new(x, y), Size::new_equal(self.scale));
            canvas.fill(square, Rgb888::new(r, g, b));
        }
    }

    /// The line around `person`.
    pub(super) fn outline(self, canvas: &mut Canvas, corner: Point, person: &Shape) {
        for (at, stroke) in Outline::new(person, self.scale).strokes() {
            canvas.set(corner + at, if stroke == Stroke::Line { LINE } else { HALO });
        }
    }
}
