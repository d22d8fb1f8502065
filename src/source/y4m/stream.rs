//! One pass over a Y4M stream: header, frames, colour conversion and truncation.

use crate::error::{Error, Result, Stage};
use crate::frame::check_size;
use crate::source::picture::Picture;
use crate::source::yuv::{Bt601, FULL_RANGE, LIMITED_RANGE};
use std::cell::Cell;
use std::io::{BufRead, BufReader, Cursor, ErrorKind, Read};
use std::rc::Rc;
use y4m::{Colorspace, Decoder, Ratio};

/// Maximum header length of the `y4m` crate.
const MAX_HEADER_BYTES: u64 = 1024;

/// A Y4M stream that is being read.
pub(super) struct Stream {
    name: String,
    decoder: Decoder<CountingReader>,
    bytes_read: Rc<Cell<u64>>,
    layout: Layout,
    frame_rate: Ratio,
    frames_read: u64,
}

/// Size and colour format of the frames.
#[derive(Clone, Copy)]
struct Layout {
    width: u32,
    height: u32,
    colorspace: Colorspace,
    matrix: &'static Bt601,
}

impl Stream {
    /// Reads the header.
    ///
    /// # Errors
    /// Returns an error if `bytes` does not begin with a Y4M header, or its size or colour space is unsupported.
    pub fn begin(name: String, bytes: Box<dyn Read>) -> Result<Self> {
        let mut bytes = BufReader::new(bytes);
        let header = read_header(&mut bytes).map_err(|reason| no_header(&name, reason))?;
        let (width, height) = header_size(&header).ok_or_else(|| no_header(&name, "a header without size"))?;
        // Checked before the crate allocates frames.
        check_size(width, height).map_err(|error| error.at(&name))?;
        let bytes_read = Rc::new(Cell::new(0));
        let reader =
            CountingReader { bytes: Box::new(Cursor::new(header).chain(bytes)), count: Rc::clone(&bytes_read) };
        let decoder = Decoder::new(reader).map_err(|error| no_header(&name, describe(&error)))?;
        let layout = Layout { width, height, colorspace: decoder.get_colorspace(), matrix: matrix(&decoder) };
        if decoder.get_bit_depth() > 8 {
            return Err(no_header(&name, format_args!("{} bits per sample", decoder.get_bit_depth())));
        }
        let frame_rate = decoder.get_framerate();
        Ok(Self { name, decoder, bytes_read, layout, frame_rate, frames_read: 0 })
    }

    /// Returns the number of whole frames read so far.
    pub fn frames_read(&self) -> u64 {
        self.frames_read
    }

    /// Reads up to the next selected frame and converts only that one; returns false at a clean end.
    ///
    /// # Errors
    /// Returns an error if the stream is truncated or invalid.
    pub fn read_until(&mut self, is_selected: impl Fn(u64) -> bool, picture: &mut Picture) -> Result<bool> {
        loop {
            let start = self.bytes_read.get();
            let frame = match self.decoder.read_frame() {
                Ok(frame) => frame,
                Err(y4m::Error::EOF) if self.bytes_read.get() == start => return Ok(false),
                Err(error) => return Err(truncated(&self.name, self.frames_read, describe(&error))),
            };
            let index = self.frames_read;
            self.frames_read += 1;
            if is_selected(index) {
                (picture.index, picture.time_us) = (index, time_us(index, self.frame_rate));
                self.layout.convert(&frame, picture)?;
                return Ok(true);
            }
        }
    }
}

impl Layout {
    /// Converts a frame to RGB8. Chroma is repeated, not interpolated, as in swscale.
    fn convert(self, frame: &y4m::Frame<'_>, picture: &mut Picture) -> Result<()> {
        picture.resize(self.width, self.height)?;
        let rgb = &mut picture.pixels[..];
        match self.colorspace {
            Colorspace::Cmono => self.convert_gray(frame, rgb),
            Colorspace::C444 => self.convert_rows::<1>(frame, 1, rgb),
            Colorspace::C422 => self.convert_rows::<2>(frame, 1, rgb),
            _ => self.convert_rows::<2>(frame, 2, rgb),
        }
        Ok(())
    }

    fn convert_gray(self, frame: &y4m::Frame<'_>, rgb: &mut [u8]) {
        let width = self.width as usize;
        let neutral = vec![128; width];
        for (y, rgb) in frame.get_y_plane().chunks_exact(width).zip(rgb.chunks_exact_mut(3 * width)) {
            self.matrix.convert_row::<1>(y, &neutral, &neutral, rgb);
        }
    }

    /// Converts planes in which one sample of chroma serves `COLUMNS` by `rows` pixels.
    fn convert_rows<const COLUMNS: usize>(self, frame: &y4m::Frame<'_>, rows: usize, rgb: &mut [u8]) {
        let width = self.width as usize;
        let chroma_width = width.div_ceil(COLUMNS);
        let (u, v) = (frame.get_u_plane().chunks_exact(chroma_width), frame.get_v_plane().chunks_exact(chroma_width));
        let pixels = frame.get_y_plane().chunks(rows * width).zip(rgb.chunks_mut(3 * rows * width));
        for (((y, rgb), u), v) in pixels.zip(u).zip(v) {
            for (y, rgb) in y.chunks_exact(width).zip(rgb.chunks_exact_mut(3 * width)) {
                self.matrix.convert_row::<COLUMNS>(y, u, v, rgb);
            }
        }
    }
}

/// A reader that counts bytes, because the `y4m` crate reports a truncated frame as a clean end.
struct CountingReader {
    bytes: Box<dyn Read>,
    count: Rc<Cell<u64>>,
}

impl Read for CountingReader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            match self.bytes.read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(read) => {
                    self.count.set(self.count.get() + read as u64);
                    return Ok(read);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

fn read_header(bytes: &mut impl BufRead) -> core::result::Result<Vec<u8>, String> {
    let mut header = Vec::new();
    let mut limited = bytes.take(MAX_HEADER_BYTES);
    limited.read_until(b'\n', &mut header).map_err(|error| error.to_string())?;
    match header.as_slice() {
        [] => Err("no bytes".to_owned()),
        line if !line.starts_with(b"YUV4MPEG2 ") => Err("other bytes".to_owned()),
        [.., b'\n'] => Ok(header),
        _ => Err("an endless header".to_owned()),
    }
}

fn parameters(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    header.split(|&byte| byte == b' ' || byte == b'\n').skip(1)
}

fn header_size(header: &[u8]) -> Option<(u32, u32)> {
    // The last one wins, as in the crate.
    let side = |letter| {
        let value = parameters(header).filter_map(|parameter| parameter.strip_prefix(&[letter])).last()?;
        std::str::from_utf8(value).ok()?.parse().ok()
    };
    Some((side(b'W')?, side(b'H')?))
}

fn matrix(decoder: &Decoder<CountingReader>) -> &'static Bt601 {
    let is_full = decoder.get_raw_params().split(|&byte| byte == b' ').any(|p| p == b"XCOLORRANGE=FULL");
    if is_full { &FULL_RANGE } else { &LIMITED_RANGE }
}

/// Returns the exact time of a frame; 25 frames per second if the header says 0.
fn time_us(index: u64, rate: Ratio) -> u64 {
    let (num, den) = if rate.num == 0 || rate.den == 0 { (25, 1) } else { (rate.num, rate.den) };
    let time = u128::from(index).saturating_mul(1_000_000).saturating_mul(den as u128) / num as u128;
    u64::try_from(time).unwrap_or(u64::MAX)
}

fn describe(error: &y4m::Error) -> String {
    match error {
        y4m::Error::EOF => "an early end".to_owned(),
        y4m::Error::UnknownColorspace => "an unsupported colour space".to_owned(),
        y4m::Error::ParseError(_) => "bytes that are not a header".to_owned(),
        other => other.to_string(),
    }
}

fn no_header(name: &str, reason: impl core::fmt::Display) -> Error {
    let expected = "Y4M of 8 bits per sample, mono, 4:2:0, 4:2:2 or 4:4:4";
    let next = "create it with: ffmpeg -i INPUT -pix_fmt yuv420p -f yuv4mpegpipe -";
    Error::new(Stage::Source, expected, format_args!("{name}: {reason}"), next)
}

fn truncated(name: &str, whole: u64, reason: String) -> Error {
    let expected = format!("another whole frame of {name}, or its end");
    let next = "check that its writer ended normally, and create it again";
    Error::new(Stage::Source, expected, format_args!("{reason} after {whole} whole frames"), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_exact_and_never_divide_by_zero() {
        assert_eq!(time_us(3, Ratio::new(30_000, 1001)), 100_100);
        assert_eq!(time_us(2, Ratio::new(0, 1)), 80_000);
        assert_eq!(time_us(u64::MAX, Ratio::new(1, usize::MAX)), u64::MAX);
    }
}
