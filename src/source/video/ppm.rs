//! A stream of PPM pictures (`P6`), as written by ffmpeg's `image2pipe`.

use crate::error::{Error, Result, Stage};
use crate::source::picture::Picture;
use std::io::{BufRead, Read};

/// Maximum length of a header field.
const MAX_FIELD_BYTES: u64 = 16;

/// Reads the next picture into `picture`; returns false at the end of the pipe.
///
/// # Errors
/// Returns an error if the pipe ends within a picture, holds other bytes, or the size is invalid for frames.
pub(super) fn read(pipe: &mut impl BufRead, picture: &mut Picture) -> Result<bool> {
    if pipe.fill_buf().map_err(broken_by)?.is_empty() {
        return Ok(false);
    }
    if field(pipe)? != "P6" {
        return Err(broken("bytes that are not PPM"));
    }
    let (width, height, levels) = (number(pipe)?, number(pipe)?, number(pipe)?);
    if levels != 255 {
        return Err(broken(format_args!("{levels} levels instead of 255")));
    }
    picture.resize(width, height)?;
    pipe.read_exact(&mut picture.pixels).map_err(broken_by)?;
    Ok(true)
}

fn number(pipe: &mut impl BufRead) -> Result<u32> {
    field(pipe)?.parse().map_err(broken_by)
}

/// Reads up to the next white space, and skips it.
fn field(pipe: &mut impl BufRead) -> Result<String> {
    let mut field = String::new();
    for byte in pipe.take(MAX_FIELD_BYTES).bytes() {
        match byte.map_err(broken_by)? {
            b' ' | b'\n' => return Ok(field),
            byte => field.push(char::from(byte)),
        }
    }
    Err(broken("an endless header"))
}

/// Returns the error of a pipe that broke because of `error`.
fn broken_by(error: impl core::error::Error + Send + Sync + 'static) -> Error {
    broken(&error).with_source(error)
}

fn broken(reason: impl core::fmt::Display) -> Error {
    let next = "run ffmpeg -i INPUT -f null - to see its error";
    Error::new(Stage::Source, "complete RGB pictures from ffmpeg", reason, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ppm(width: usize, height: usize, level: u8) -> Vec<u8> {
        let mut bytes = format!("P6\n{width} {height}\n255\n").into_bytes();
        bytes.resize(bytes.len() + 3 * width * height, level);
        bytes
    }

    #[test]
    fn pictures_are_read_to_the_end() {
        let bytes = [ppm(16, 20, 7), ppm(24, 16, 10)].concat();
        let (mut pipe, mut picture) = (&bytes[..], Picture::default());
        assert!(read(&mut pipe, &mut picture).unwrap());
        assert_eq!((picture.width, picture.height, picture.pixels[959]), (16, 20, 7));
        assert!(read(&mut pipe, &mut picture).unwrap());
        assert_eq!((picture.width, picture.height, picture.pixels.len()), (24, 16, 24 * 16 * 3));
        assert!(!read(&mut pipe, &mut picture).unwrap());
    }

    #[test]
    fn a_truncated_or_invalid_picture_is_an_error() {
        let whole = ppm(16, 16, 7);
        for kept in 1..whole.len() {
            assert!(read(&mut &whole[..kept], &mut Picture::default()).is_err(), "{kept} bytes");
        }
        for bytes in ["P5\n16 16\n255\n", "P6\n16 16\n65535\n", "P6\n99999 99999\n255\n", "P6 1 1 255 xyz", "P6\nx"] {
            assert!(read(&mut bytes.as_bytes(), &mut Picture::default()).is_err(), "{bytes}");
        }
    }
}
