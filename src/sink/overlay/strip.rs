//! Four panels in a row, without words: the frame with the person's outline and the three views.

use super::canvas::Canvas;
use super::panel::Panel;
use crate::error::{Error, Result, Stage};
use crate::pipeline::FrameViews;
use crate::view::View;
use embedded_graphics::prelude::{OriginDimensions, Point, Size};
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};

/// Panels of a strip.
pub const PANELS: u32 = 1 + View::ALL.len() as u32;
/// Of JPEG; the panels show squares with sharp edges.
const QUALITY: u8 = 80;

/// Draws strips; its memory is kept from picture to picture.
#[derive(Debug, Default)]
pub struct Strip(Option<(Panel, Canvas)>);

impl Strip {
    /// A JPEG of [`PANELS`] panels of equal width: the frame with the person's outline, full, person and background.
    ///
    /// # Errors
    /// When it would not fit into memory or cannot be encoded.
    pub fn jpeg(&mut self, picture: &FrameViews) -> Result<Vec<u8>> {
        let view = picture.person().size();
        let (panel, canvas) = match self.0.take() {
            Some((panel, canvas)) if panel.view() == view => self.0.insert((panel, canvas)),
            _ => {
                let panel = Panel::new(view);
                let Size { width, height } = panel.size();
                self.0.insert((panel, Canvas::new(Size::new(PANELS * width, height))?))
            }
        };
        panel.draw(canvas, Point::zero(), picture.view(View::Full));
        panel.outline(canvas, Point::zero(), picture.person());
        for (place, view) in (1..).zip(View::ALL) {
            panel.draw(canvas, Point::new(place * panel.size().width as i32, 0), picture.view(view));
        }
        let (mut bytes, size) = (Vec::new(), canvas.size());
        let encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
        let encoded = encoder.write_image(canvas.pixels(), size.width, size.height, ExtendedColorType::Rgb8);
        encoded
            .map_err(|e| Error::new(Stage::Sink, "to encode a JPEG picture", e, "use a bundle of smaller pictures"))?;
        Ok(bytes)
    }
}
