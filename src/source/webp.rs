//! Animated WebP: its frames, each decoded as a still WebP of its own.
//!
//! The crate `image-webp` decodes stills well, but leaves frames on the canvas that the file clears.

use super::canvas::{Blending, Disposal, Patch};
use super::chunks::{ChunkHeader, riff_chunk};
use super::picture_file::{decode_error, invalid_picture, limits};
use crate::error::Result;
use crate::frame::{MAX_PIXELS, check_size};
use image::codecs::webp::WebPDecoder;
use image::{DynamicImage, ImageDecoder, Rgba};
use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

const ANIMATION_FLAG: u8 = 0b0000_0010;
const ALPHA_FLAG: u8 = 0b0001_0000;

/// Maximum number of bytes of a frame; a larger one holds more than the largest picture.
const MAX_FRAME_BYTES: u64 = 4 * MAX_PIXELS;

/// Returns whether the WebP at `path` has the animation flag.
pub(super) fn is_animated(path: &Path) -> bool {
    WebpFrames::open(path).is_ok()
}

/// The frames of an animated WebP in their order.
pub(super) struct WebpFrames {
    file: BufReader<File>,
    /// Position after the last chunk, as the header says.
    end: u64,
    width: u32,
    height: u32,
}

impl WebpFrames {
    /// Reads the header.
    ///
    /// # Errors
    /// Returns an error if the file is no animated WebP, or its size is invalid for frames.
    pub fn open(path: &Path) -> Result<Self> {
        let mut file = BufReader::new(File::open(path).map_err(decode_error)?);
        let mut header = [0; 30];
        file.read_exact(&mut header).map_err(decode_error)?;
        let [b'R', b'I', b'F', b'F', s0, s1, s2, s3, b'W', b'E', b'B', b'P', b'V', b'P', b'8', b'X', size @ ..] =
            header
        else {
            return Err(invalid_picture("a WebP without frames"));
        };
        let [10, 0, 0, 0, flags, _, _, _, w0, w1, w2, h0, h1, h2] = size else {
            return Err(invalid_picture("a WebP with an invalid header"));
        };
        if flags & ANIMATION_FLAG == 0 {
            return Err(invalid_picture("a WebP without frames"));
        }
        let (width, height) = (1 + u24([w0, w1, w2]), 1 + u24([h0, h1, h2]));
        check_size(width, height)?;
        let end = 8 + u64::from(u32::from_le_bytes([s0, s1, s2, s3]));
        Ok(Self { file, end, width, height })
    }

    /// Returns width and height of the canvas.
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Decodes the next frame; `None` after the last.
    ///
    /// # Errors
    /// Returns an error if the file is truncated or damaged.
    pub fn next(&mut self) -> Result<Option<Patch>> {
        while self.file.stream_position().map_err(decode_error)? + 8 <= self.end {
            let ChunkHeader { name, length } = riff_chunk(&mut self.file).map_err(decode_error)?;
            if name == *b"ANMF" {
                return self.frame(length).map(Some);
            }
            let padded = i64::from(length) + i64::from(length % 2);
            self.file.seek_relative(padded).map_err(decode_error)?;
        }
        // Seeking past the end of a file is no error, so ask for the last byte.
        let length = self.file.seek(SeekFrom::End(0)).map_err(decode_error)?;
        // Some writers forget the last padding byte.
        if length + 1 < self.end {
            return Err(invalid_picture("a truncated WebP"));
        }
        self.file.seek(SeekFrom::Start(self.end)).map_err(decode_error)?;
        Ok(None)
    }

    fn frame(&mut self, length: u32) -> Result<Patch> {
        let mut bytes = Vec::new();
        if u64::from(length) > MAX_FRAME_BYTES {
            return Err(invalid_picture(format_args!("a frame of {length} bytes")));
        }
        // Only what the file has is allocated.
        (&mut self.file).take(u64::from(length)).read_to_end(&mut bytes).map_err(decode_error)?;
        let is_whole = bytes.len() == length as usize;
        let (header, body) = bytes.split_first_chunk::<16>().ok_or_else(|| invalid_picture("a truncated WebP"))?;
        if !is_whole {
            return Err(invalid_picture("a truncated WebP"));
        }
        self.file.seek_relative(i64::from(length % 2)).map_err(decode_error)?;
        let &[x0, x1, x2, y0, y1, y2, w0, w1, w2, h0, h1, h2, d0, d1, d2, flags] = header;
        let (width, height) = (1 + u24([w0, w1, w2]), 1 + u24([h0, h1, h2]));
        if u64::from(width) * u64::from(height) > MAX_PIXELS {
            return Err(invalid_picture(format_args!("a frame of {width}x{height}")));
        }
        Ok(Patch {
            left: 2 * u24([x0, x1, x2]),
            top: 2 * u24([y0, y1, y2]),
            pixels: decode(body, width, height)?,
            blending: if flags & 0b10 == 0 { Blending::Over } else { Blending::Replace },
            disposal: if flags & 0b01 == 0 { Disposal::Keep } else { Disposal::Clear(Rgba([0; 4])) },
            delay_us: 1000 * u64::from(u24([d0, d1, d2])),
            backdrop: None,
        })
    }
}

/// Decodes the chunks of a frame as a still WebP.
fn decode(chunks: &[u8], width: u32, height: u32) -> Result<image::RgbaImage> {
    let has_alpha = matches!(chunks.get(..4), Some(b"ALPH" | b"VP8L"));
    let mut bytes = Vec::with_capacity(30 + chunks.len());
    bytes.extend(b"RIFF");
    bytes.extend((22 + chunks.len() as u32).to_le_bytes());
    bytes.extend(b"WEBPVP8X\x0A\0\0\0");
    bytes.extend([if has_alpha { ALPHA_FLAG } else { 0 }, 0, 0, 0]);
    bytes.extend((width - 1).to_le_bytes().iter().take(3));
    bytes.extend((height - 1).to_le_bytes().iter().take(3));
    bytes.extend(chunks);
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(decode_error)?;
    decoder.set_limits(limits()).map_err(decode_error)?;
    Ok(DynamicImage::from_decoder(decoder).map_err(decode_error)?.into_rgba8())
}

fn u24([a, b, c]: [u8; 3]) -> u32 {
    u32::from_le_bytes([a, b, c, 0])
}
