//! PPM pictures (`P6`) one after another in a pipe, as ffmpeg's `image2pipe` writes them.

use crate::error::{Error, Result, Stage};
use crate::source::picture::Picture;
use std::io::{BufRead, Read};

/// Longer than any header of three numbers.
const MAX_FIELD_BYTES: u64 = 16;

/// Reads the next picture into `picture`; false at the end of the pipe.
///
/// # Errors
/// When the pipe ends in the middle of a picture, holds something else, or a picture no frame may have.
pub(super) fn read(pipe: &mut impl BufRead, picture: &mut Picture) -> Result<bool> {
    if pipe.fill_buf().map_err(broken)?.is_empty() {
        return Ok(false);
    }
    if field(pipe)? != "P6" {
        return Err(broken("bytes that are no PPM"));
    }
    let (width, height, levels) = (number(pipe)?, number(pipe)?, number(pipe)?);
    if levels != 255 {
        return Err(broken(format_args!("{levels} levels instead of 255")));
    }
    picture.resize(width, height)?;
    pipe.read_exact(&mut picture.pixels).map_err(broken)?;
    Ok(true)
}

fn number(pipe: &mut impl BufRead) -> Result<u32> {
    field(pipe)?.parse().map_err(broken)
}

/// The bytes up to the next white space, which is swallowed.
fn field(pipe: &mut impl BufRead) -> Result<String> {
    let mut field = String::new();
    for byte in pipe.take(MAX_FIELD_BYTES).bytes() {
        match byte.map_err(broken)? {
            b' ' | b'\n' => return Ok(field),
            byte => field.push(char::from(byte)),
        }
    }
    Err(broken("a header without end"))
}

fn broken(reason: impl core::fmt::Display) -> Error {
    Error::new(
        Stage::Source,
        "whole RGB pictures from ffmpeg",
        reason,
        "run ffmpeg -i INPUT -f null - to see why it ends",
    )
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
    fn pictures_follow_each_other_to_the_end() {
        let bytes = [ppm(16, 20, 7), ppm(24, 16, 10)].concat();
        let (mut pipe, mut picture) = (&bytes[..], Picture::default());
        assert!(read(&mut pipe, &mut picture).unwrap());
        assert_eq!((picture.width, picture.height, picture.pixels[959]), (16, 20, 7));
        assert!(read(&mut pipe, &mut picture).unwrap());
        assert_eq!((picture.width, picture.height, picture.pixels.len()), (24, 16, 24 * 16 * 3));
        assert!(!read(&mut pipe, &mut picture).unwrap());
    }

    #[test]
    fn a_cut_or_foreign_picture_is_an_error() {
        let whole = ppm(16, 16, 7);
        for kept in 1..whole.len() {
            assert!(read(&mut &whole[..kept], &mut Picture::default()).is_err(), "{kept} bytes");
        }
        for bytes in ["P5\n16 16\n255\n", "P6\n16 16\n65535\n", "P6\n99999 99999\n255\n", "P6 1 1 255 xyz", "P6\nx"] {
            assert!(read(&mut bytes.as_bytes(), &mut Picture::default()).is_err(), "{bytes}");
        }
    }
}
