//! Four panels in a row: the frame with the outline of the person, and the three views.

use super::canvas::Canvas;
use super::panel::Panel;
use crate::error::Result;
use crate::pipeline::FrameViews;
use crate::view::View;
use embedded_graphics::prelude::{Point, Size};
use image::codecs::jpeg::JpegEncoder;

/// Number of panels of a strip.
pub const PANELS: u32 = 1 + View::ALL.len() as u32;
/// JPEG quality, high enough for the sharp edges of enlarged pixels.
const QUALITY: u8 = 80;

/// Draws strips; its memory is reused from frame to frame.
#[derive(Debug, Default)]
pub struct Strip(Option<(Panel, Canvas)>);

impl Strip {
    /// Returns a JPEG of [`PANELS`] panels of equal width: the frame with the outline of the person, and the full,
    /// person and background views.
    ///
    /// # Errors
    /// Returns an error if the strip has too many pixels or cannot be encoded.
    pub fn jpeg(&mut self, views: &FrameViews) -> Result<Vec<u8>> {
        let size = views.person().size();
        let (panel, canvas) = match self.0.take() {
            Some((panel, canvas)) if panel.view() == size => self.0.insert((panel, canvas)),
            _ => {
                let panel = Panel::new(size);
                let Size { width, height } = panel.size();
                self.0.insert((panel, Canvas::new(Size::new(PANELS * width, height))?))
            }
        };
        panel.draw(canvas, Point::zero(), views.view(View::Full));
        panel.outline(canvas, Point::zero(), views.person());
        for (index, view) in (1..).zip(View::ALL) {
            panel.draw(canvas, Point::new(index * panel.size().width as i32, 0), views.view(view));
        }
        let mut bytes = Vec::new();
        let encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
        canvas.encode(encoder, "JPEG", "use a bundle with a smaller encoder input")?;
        Ok(bytes)
    }
}
