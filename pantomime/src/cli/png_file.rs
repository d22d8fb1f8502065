//! Writes PNG files.

use super::files::not_written;
use figureground::Result;
use figureground::mask::{Shape, Size};
use png::{BitDepth, ColorType, Compression, Encoder};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

/// Writes RGB8 pixels.
pub(super) fn write_rgb(path: &Path, size: Size, rgb: &[u8]) -> Result<()> {
    write(path, size, rgb, ColorType::Rgb, None)
}

/// Writes a mask as grey pixels, 0 and 255.
pub(super) fn write_shape(path: &Path, shape: &Shape) -> Result<()> {
    let grey: Vec<u8> = shape.pixels().iter().map(|&pixel| 255 * u8::from(pixel)).collect();
    write(path, shape.size(), &grey, ColorType::Grayscale, None)
}

/// Colours of the indices 0 to 5: black, red, green, blue, yellow, magenta.
const PALETTE: [u8; 18] = [0, 0, 0, 230, 60, 60, 60, 180, 75, 70, 110, 240, 255, 225, 25, 240, 50, 230];

/// Writes indices of 0 to 5 as pixels with a palette.
pub(super) fn write_indices(path: &Path, size: Size, indices: &[u8]) -> Result<()> {
    write(path, size, indices, ColorType::Indexed, Some(&PALETTE))
}

fn write(path: &Path, size: Size, bytes: &[u8], colours: ColorType, palette: Option<&[u8]>) -> Result<()> {
    let file = File::create(path).map_err(|error| not_written(path, error))?;
    let mut encoder = Encoder::new(BufWriter::new(file), size.width(), size.height());
    encoder.set_color(colours);
    encoder.set_depth(BitDepth::Eight);
    if let Some(palette) = palette {
        encoder.set_palette(palette);
    }
    encoder.set_compression(Compression::Fast);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(bytes)?;
        writer.finish()
    });
    written.map_err(|error| not_written(path, error))
}
