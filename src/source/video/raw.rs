//! Raw RGB8 pictures, as ffmpeg writes them to its pipe.

use super::log::Stamp;
use crate::error::{Error, Result, Stage};
use crate::source::picture::Picture;
use std::io::Read;

/// Reads the picture of `stamp` into `picture`.
///
/// # Errors
/// Returns an error if the pipe ends within a picture, or the size is invalid for frames.
pub(super) fn read(pipe: &mut impl Read, stamp: Stamp, picture: &mut Picture) -> Result<()> {
    picture.resize(stamp.size.0, stamp.size.1)?;
    (picture.index, picture.time_us) = (stamp.index, stamp.time_us);
    pipe.read_exact(&mut picture.pixels).map_err(|error| {
        let next = "run ffmpeg -i INPUT -f null - to see its error";
        Error::caused(Stage::Source, "complete RGB pictures from ffmpeg", error, next)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_read_in_their_sizes_and_a_part_of_one_is_an_error() {
        let stamp = |index, size| Stamp { index, time_us: 40_000 * index, size };
        let bytes = [vec![7; 3 * 16 * 20], vec![9; 3 * 24 * 16]].concat();
        let (mut pipe, mut picture) = (&bytes[..], Picture::default());
        read(&mut pipe, stamp(0, (16, 20)), &mut picture).unwrap();
        assert_eq!((picture.width, picture.height, picture.pixels[959]), (16, 20, 7));
        read(&mut pipe, stamp(1, (24, 16)), &mut picture).unwrap();
        assert_eq!((picture.index, picture.time_us, picture.width, picture.pixels[0]), (1, 40_000, 24, 9));
        assert!(read(&mut &bytes[1..960], stamp(0, (16, 20)), &mut picture).is_err());
        assert!(read(&mut &bytes[..], stamp(0, (u32::MAX, u32::MAX)), &mut picture).is_err());
    }
}
