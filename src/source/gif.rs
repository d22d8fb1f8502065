//! GIF: its frames with their delays, and the background that Pillow shows where a frame is cleared.

use super::canvas::{Blending, Disposal, Patch};
use super::picture_file::{decode_error, invalid_picture};
use crate::error::Result;
use crate::frame::{MAX_PIXELS, check_size};
use gif::{ColorOutput, DecodeOptions, DisposalMethod, MemoryLimit};
use image::{Rgba, RgbaImage};
use std::io::Read;
use std::num::NonZeroU64;

/// The frames of a GIF in their order.
pub(super) struct GifFrames {
    decoder: gif::Decoder<Box<dyn Read>>,
    is_first: bool,
    indices: Vec<u8>,
}

/// What the header of a frame says.
#[derive(Clone, Copy)]
struct Header {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
    delay_us: u64,
    disposal: DisposalMethod,
    transparent: Option<u8>,
}

impl GifFrames {
    /// Reads the header.
    ///
    /// # Errors
    /// Returns an error if the bytes are no GIF, or its size is invalid for frames.
    pub fn open(bytes: Box<dyn Read>) -> Result<Self> {
        let mut options = DecodeOptions::new();
        options.set_color_output(ColorOutput::Indexed);
        // A byte a pixel.
        options.set_memory_limit(MemoryLimit::Bytes(NonZeroU64::new(MAX_PIXELS).unwrap_or(NonZeroU64::MAX)));
        let decoder = options.read_info(bytes).map_err(decode_error)?;
        check_size(u32::from(decoder.width()), u32::from(decoder.height()))?;
        Ok(Self { decoder, is_first: true, indices: Vec::new() })
    }

    /// Returns width and height of the canvas.
    pub fn size(&self) -> (u32, u32) {
        (u32::from(self.decoder.width()), u32::from(self.decoder.height()))
    }

    /// Decodes the next frame, as far as it is inside the canvas; `None` after the last.
    ///
    /// # Errors
    /// Returns an error if the file is truncated or damaged.
    pub fn next(&mut self) -> Result<Option<Patch>> {
        let Some(frame) = self.decoder.next_frame_info().map_err(decode_error)? else {
            return Ok(None);
        };
        let header = Header {
            left: u32::from(frame.left),
            top: u32::from(frame.top),
            width: u32::from(frame.width),
            height: u32::from(frame.height),
            // In hundredths of a second.
            delay_us: 10_000 * u64::from(frame.delay),
            disposal: frame.dispose,
            transparent: frame.transparent,
        };
        let (width, height) = (header.width, header.height);
        if u64::from(width) * u64::from(height) > MAX_PIXELS {
            return Err(invalid_picture(format_args!("a frame of {width}x{height}")));
        }
        self.indices.resize(self.decoder.buffer_size(), 0);
        self.decoder.read_into_buffer(&mut self.indices).map_err(decode_error)?;
        let palette = self.decoder.palette().map_err(decode_error)?.as_chunks::<3>().0;
        let color = |index: u8, alpha: u8| {
            let [red, green, blue] = palette.get(usize::from(index)).copied().unwrap_or_default();
            Rgba([red, green, blue, alpha])
        };
        // A transparent colour goes before the background, because most writers of transparent GIF mean it.
        let background = self.decoder.bg_color().and_then(|index| u8::try_from(index).ok()).unwrap_or(0);
        let cleared = header.transparent.map_or_else(|| color(background, 255), |index| color(index, 0));
        let backdrop = header.transparent.map_or_else(|| color(0, 255), |index| color(index, 0));
        let is_first = core::mem::replace(&mut self.is_first, false);

        let (canvas_width, canvas_height) = self.size();
        let (left, top) = (header.left.min(canvas_width), header.top.min(canvas_height));
        let visible = (width.min(canvas_width - left), height.min(canvas_height - top));
        let pixels = RgbaImage::from_fn(visible.0, visible.1, |x, y| {
            let index = self.indices.get((y * width + x) as usize).copied().unwrap_or_default();
            color(index, if header.transparent == Some(index) { 0 } else { 255 })
        });
        Ok(Some(Patch {
            left,
            top,
            pixels,
            blending: Blending::Over,
            disposal: match header.disposal {
                DisposalMethod::Any | DisposalMethod::Keep => Disposal::Keep,
                DisposalMethod::Background => Disposal::Clear(cleared),
                DisposalMethod::Previous => Disposal::Restore,
            },
            delay_us: header.delay_us,
            backdrop: is_first.then_some(backdrop),
        }))
    }
}
