//! Animated PNG: its frames with their delays, as the APNG specification has them.

use super::canvas::{Blending, Disposal, Patch};
use super::picture_file::{decode_error, invalid_picture, max_file_bytes};
use crate::error::Result;
use crate::frame::check_size;
use image::{Rgba, RgbaImage};
use png::{BlendOp, ColorType, Decoder, DisposeOp, FrameControl, Limits, Reader, Transformations};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// Returns whether the PNG at `path` shows frames other than its default picture.
pub(super) fn is_animated(path: &Path) -> bool {
    open(path).is_ok_and(|reader| match reader.info().animation_control() {
        Some(control) => control.num_frames > 1 || reader.info().frame_control().is_none(),
        None => false,
    })
}

/// The frames of an animated PNG in their order.
pub(super) struct ApngFrames {
    reader: Reader<BufReader<File>>,
    /// Number of frames that the header announces.
    count: u32,
    read: u32,
    buffer: Vec<u8>,
}

impl ApngFrames {
    /// Reads the header.
    ///
    /// # Errors
    /// Returns an error if the file is no animated PNG, or its size is invalid for frames.
    pub fn open(path: &Path) -> Result<Self> {
        let reader = open(path)?;
        let count = reader.info().animation_control().map(|control| control.num_frames);
        let count = count.ok_or_else(|| invalid_picture("a PNG without frames"))?;
        Ok(Self { reader, count, read: 0, buffer: Vec::new() })
    }

    /// Returns width and height of the canvas.
    pub fn size(&self) -> (u32, u32) {
        self.reader.info().size()
    }

    /// Decodes the next frame; `None` after the last.
    ///
    /// # Errors
    /// Returns an error if the file is truncated or damaged.
    pub fn next(&mut self) -> Result<Option<Patch>> {
        if self.read == self.count {
            return Ok(None);
        }
        // Without a control in front of it, the default picture is no frame.
        let is_default_picture_a_frame = self.read == 0 && self.reader.info().frame_control().is_some();
        if !is_default_picture_a_frame {
            self.reader.next_frame_info().map_err(decode_error)?;
        }
        let size = self.reader.output_buffer_size().ok_or_else(|| invalid_picture("a PNG that is too large"))?;
        self.buffer.resize(size, 0);
        let output = self.reader.next_frame(&mut self.buffer).map_err(decode_error)?;
        let info = self.reader.info();
        let control = *info.frame_control().ok_or_else(|| invalid_picture("a frame without its control"))?;
        // Rows of interlaced frames lie as far apart as those of the whole picture.
        let row_bytes = if info.interlaced { self.reader.output_line_size(info.width) } else { Some(output.line_size) };
        let row_bytes = row_bytes.ok_or_else(|| invalid_picture("a PNG that is too large"))?;
        let pixels = rgba(&self.buffer, row_bytes, output.color_type, (output.width, output.height));
        self.read += 1;
        patch(pixels.ok_or_else(|| invalid_picture("a frame with too few bytes"))?, &control).map(Some)
    }
}

/// Returns width and height of a PNG.
///
/// # Errors
/// Returns an error if the file is no PNG, or its size is invalid for frames.
pub(super) fn size(path: &Path) -> Result<(u32, u32)> {
    header(path).map(|header| header.size)
}

/// A decoder that has read the header, and the size in it.
struct PngHeader {
    decoder: Decoder<BufReader<File>>,
    size: (u32, u32),
}

fn header(path: &Path) -> Result<PngHeader> {
    let mut decoder = Decoder::new(BufReader::new(File::open(path).map_err(decode_error)?));
    let (width, height) = decoder.read_header_info().map_err(decode_error)?.size();
    check_size(width, height)?;
    Ok(PngHeader { decoder, size: (width, height) })
}

fn open(path: &Path) -> Result<Reader<BufReader<File>>> {
    let PngHeader { mut decoder, size: (width, height) } = header(path)?;
    let bytes = usize::try_from(max_file_bytes(width, height)).unwrap_or(usize::MAX);
    decoder.set_limits(Limits { bytes });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::normalize_to_color8() | Transformations::ALPHA);
    decoder.read_info().map_err(decode_error)
}

/// Converts rows of grey or RGB with alpha.
fn rgba(bytes: &[u8], row_bytes: usize, color: ColorType, (width, height): (u32, u32)) -> Option<RgbaImage> {
    let mut pixels = Vec::with_capacity(4 * width as usize * height as usize);
    let channels = if color == ColorType::GrayscaleAlpha { 2 } else { 4 };
    for row in bytes.chunks(row_bytes).take(height as usize) {
        let row = row.get(..channels * width as usize)?;
        match color {
            ColorType::GrayscaleAlpha => {
                pixels.extend(row.as_chunks::<2>().0.iter().flat_map(|&[grey, alpha]| [grey, grey, grey, alpha]));
            }
            ColorType::Rgba => pixels.extend_from_slice(row),
            _ => return None,
        }
    }
    RgbaImage::from_raw(width, height, pixels)
}

fn patch(pixels: RgbaImage, control: &FrameControl) -> Result<Patch> {
    if pixels.dimensions() != (control.width, control.height) {
        return Err(invalid_picture("a frame of another size than its control says"));
    }
    let blending = match control.blend_op {
        BlendOp::Source => Blending::Replace,
        BlendOp::Over => Blending::Over,
    };
    let disposal = match control.dispose_op {
        DisposeOp::None => Disposal::Keep,
        DisposeOp::Background => Disposal::Clear(Rgba([0; 4])),
        DisposeOp::Previous => Disposal::Restore,
    };
    // In seconds; a denominator of 0 stands for 100.
    let denominator = if control.delay_den == 0 { 100 } else { u64::from(control.delay_den) };
    let delay_us = u64::from(control.delay_num) * 1_000_000 / denominator;
    Ok(Patch { left: control.x_offset, top: control.y_offset, pixels, blending, disposal, delay_us, backdrop: None })
}
