//! The canvas of an animation, on which frames of any size are drawn one after the other.

use super::picture_file::invalid_picture;
use crate::error::Result;
use image::{GenericImage, GenericImageView, Rgba, RgbaImage};

/// What happens to the area of a frame before the next frame is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disposal {
    /// It stays.
    Keep,
    /// It gets this colour.
    Clear(Rgba<u8>),
    /// It becomes what it was before the frame was drawn.
    Restore,
}

/// How a frame is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blending {
    /// Its pixels replace those of the canvas, transparent ones as well.
    Replace,
    /// Its pixels cover those of the canvas by their alpha.
    Over,
}

/// A frame of the file: a part of the canvas.
#[derive(Debug)]
pub(super) struct Patch {
    pub left: u32,
    pub top: u32,
    pub pixels: RgbaImage,
    pub blending: Blending,
    pub disposal: Disposal,
    /// Time until the next frame in microseconds; 0 if the file names none.
    pub delay_us: u64,
    /// Colour of the canvas outside the first frame; transparent black if `None`.
    pub backdrop: Option<Rgba<u8>>,
}

/// An area to dispose of before the next frame is drawn.
#[derive(Debug)]
enum Pending {
    Nothing,
    Clear { left: u32, top: u32, width: u32, height: u32, color: Rgba<u8> },
    Restore { left: u32, top: u32, pixels: RgbaImage },
}

/// The picture that a viewer shows, in RGBA.
#[derive(Debug)]
pub(super) struct Canvas {
    pixels: RgbaImage,
    pending: Pending,
    /// Nothing is on the canvas; disposing of the last frame leaves nothing on it.
    is_blank: bool,
    becomes_blank: bool,
}

impl Canvas {
    /// Creates a transparent black canvas.
    pub fn new(width: u32, height: u32) -> Self {
        Self { pixels: RgbaImage::new(width, height), pending: Pending::Nothing, is_blank: true, becomes_blank: false }
    }

    /// Draws a frame after disposing of the one before, and returns the picture that a viewer shows.
    ///
    /// # Errors
    /// Returns an error if the frame is not inside the canvas.
    pub fn draw(&mut self, patch: &Patch) -> Result<&RgbaImage> {
        self.dispose();
        let (left, top, (width, height)) = (patch.left, patch.top, patch.pixels.dimensions());
        if !is_inside(left, width, self.pixels.width()) || !is_inside(top, height, self.pixels.height()) {
            let (outer_width, outer_height) = self.pixels.dimensions();
            return Err(invalid_picture(format_args!(
                "a frame of {width}x{height} at {left},{top} outside its canvas of {outer_width}x{outer_height}"
            )));
        }
        self.pending = match patch.disposal {
            Disposal::Keep => Pending::Nothing,
            Disposal::Clear(color) => Pending::Clear { left, top, width, height, color },
            Disposal::Restore => {
                let pixels = self.pixels.view(left, top, width, height).to_image();
                Pending::Restore { left, top, pixels }
            }
        };
        if let Some(color) = patch.backdrop {
            self.pixels.pixels_mut().for_each(|pixel| *pixel = color);
        }
        // On a blank canvas both are the same, but for the colour of invisible pixels.
        let is_opaque = self.is_blank || patch.blending == Blending::Replace;
        let is_whole = (width, height) == self.pixels.dimensions();
        self.becomes_blank = patch.disposal == Disposal::Clear(Rgba([0; 4])) && (is_whole || self.is_blank);
        self.is_blank = false;
        let mut area = self.pixels.sub_image(left, top, width, height);
        for (x, y, &pixel) in patch.pixels.enumerate_pixels() {
            let drawn = if is_opaque { pixel } else { over(pixel, area.get_pixel(x, y)) };
            area.put_pixel(x, y, drawn);
        }
        Ok(&self.pixels)
    }

    fn dispose(&mut self) {
        self.is_blank |= core::mem::take(&mut self.becomes_blank);
        match core::mem::replace(&mut self.pending, Pending::Nothing) {
            Pending::Nothing => {}
            Pending::Clear { left, top, width, height, color } => {
                let mut area = self.pixels.sub_image(left, top, width, height);
                for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
                    area.put_pixel(x, y, color);
                }
            }
            Pending::Restore { left, top, pixels } => {
                image::imageops::replace(&mut self.pixels, &pixels, i64::from(left), i64::from(top));
            }
        }
    }
}

fn is_inside(start: u32, length: u32, outer: u32) -> bool {
    start.checked_add(length).is_some_and(|end| end <= outer)
}

/// Returns the colour of `above` in front of `below`; neither is premultiplied.
fn over(above: Rgba<u8>, below: Rgba<u8>) -> Rgba<u8> {
    let ([red, green, blue, alpha], Rgba([under_red, under_green, under_blue, under_alpha])) = (above.0, below);
    match alpha {
        255 => return above,
        0 => return below,
        _ => {}
    }
    // In 1/255: the shares of both in the result.
    let (share, under_share) = (255 * u32::from(alpha), u32::from(under_alpha) * (255 - u32::from(alpha)));
    let total = share + under_share;
    let mix =
        |top: u8, bottom: u8| ((u32::from(top) * share + u32::from(bottom) * under_share + total / 2) / total) as u8;
    let visible = ((total + 127) / 255) as u8;
    Rgba([mix(red, under_red), mix(green, under_green), mix(blue, under_blue), visible])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(side: u32, at: u32, colour: [u8; 4], blending: Blending, disposal: Disposal) -> Patch {
        let pixels = RgbaImage::from_pixel(side, side, Rgba(colour));
        Patch { left: at, top: at, pixels, blending, disposal, delay_us: 0, backdrop: None }
    }

    #[test]
    fn a_frame_is_disposed_of_before_the_next_is_drawn() {
        let (red, blue) = ([255, 0, 0, 255], [0, 0, 255, 255]);
        for (disposal, expected) in
            [(Disposal::Keep, blue), (Disposal::Clear(Rgba([9; 4])), [9; 4]), (Disposal::Restore, red)]
        {
            let mut canvas = Canvas::new(8, 8);
            canvas.draw(&patch(8, 0, red, Blending::Replace, Disposal::Keep)).unwrap();
            canvas.draw(&patch(4, 2, blue, Blending::Over, disposal)).unwrap();
            let shown = canvas.draw(&patch(1, 0, red, Blending::Over, Disposal::Keep)).unwrap();
            assert_eq!(shown.get_pixel(3, 3).0, expected, "{disposal:?}");
            assert_eq!(shown.get_pixel(7, 7).0, red);
        }
    }

    #[test]
    fn a_restored_area_shows_what_an_earlier_disposal_left() {
        let (red, blue) = ([255, 0, 0, 255], [0, 0, 255, 255]);
        let mut canvas = Canvas::new(8, 8);
        canvas.draw(&patch(8, 0, red, Blending::Replace, Disposal::Clear(Rgba([0; 4])))).unwrap();
        canvas.draw(&patch(4, 2, blue, Blending::Over, Disposal::Restore)).unwrap();
        let shown = canvas.draw(&patch(1, 0, red, Blending::Over, Disposal::Keep)).unwrap();
        assert_eq!(shown.get_pixel(3, 3).0, [0; 4]);
    }

    #[test]
    fn alpha_mixes_visible_colours_alone() {
        let above = Rgba([200, 100, 0, 128]);
        assert_eq!(over(above, Rgba([0, 0, 0, 0])), above);
        assert_eq!(over(above, Rgba([0, 0, 200, 255])), Rgba([100, 50, 100, 255]));
        assert_eq!(over(Rgba([9, 9, 9, 0]), Rgba([1, 2, 3, 4])), Rgba([1, 2, 3, 4]));
    }

    #[test]
    fn a_frame_outside_its_canvas_is_an_error() {
        let mut canvas = Canvas::new(8, 8);
        assert!(canvas.draw(&patch(4, 5, [0; 4], Blending::Over, Disposal::Keep)).is_err());
        assert!(canvas.draw(&patch(4, u32::MAX, [0; 4], Blending::Over, Disposal::Keep)).is_err());
        assert!(canvas.draw(&patch(4, 4, [0; 4], Blending::Over, Disposal::Keep)).is_ok());
    }
}
