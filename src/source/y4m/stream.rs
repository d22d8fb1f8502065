//! One pass over a Y4M stream: header, frames, colour conversion and truncation.

use crate::error::{Error, Result, Stage};
use crate::frame::check_size;
use crate::source::picture::Picture;
use crate::source::yuv::{Bt601, FULL_RANGE, LIMITED_RANGE, Sample};
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
    /// The planes of a frame whose samples have more than 8 bits.
    deep: [Vec<u16>; 3],
    frame_rate: Ratio,
    frames_read: u64,
}

/// Size and colour format of the frames.
#[derive(Clone, Copy)]
struct Layout {
    width: u32,
    height: u32,
    colorspace: Colorspace,
    /// Bits per sample; more than 8 take two bytes, the lower one first.
    bits: u32,
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
        let (header, bits) = known_depth(&header);
        let (width, height) = header_size(&header).ok_or_else(|| no_header(&name, "a header without size"))?;
        // Checked before the crate allocates frames.
        check_size(width, height).map_err(|error| error.at(&name))?;
        let space = last_parameter(&header, b'C').map(String::from_utf8_lossy).unwrap_or_default().into_owned();
        let bytes_read = Rc::new(Cell::new(0));
        let reader =
            CountingReader { bytes: Box::new(Cursor::new(header).chain(bytes)), count: Rc::clone(&bytes_read) };
        let decoder = Decoder::new(reader).map_err(|error| match &error {
            y4m::Error::UnknownColorspace => no_header(&name, format_args!("the colour space {space}")),
            _ => no_header(&name, describe(&error)),
        })?;
        let layout = Layout { width, height, colorspace: decoder.get_colorspace(), bits, matrix: matrix(&decoder) };
        let frame_rate = decoder.get_framerate();
        Ok(Self { name, decoder, bytes_read, layout, deep: Default::default(), frame_rate, frames_read: 0 })
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
                let planes = [frame.get_y_plane(), frame.get_u_plane(), frame.get_v_plane()];
                if self.layout.bits == 8 {
                    self.layout.convert(planes, picture)?;
                } else {
                    planes.iter().zip(&mut self.deep).for_each(|(plane, to)| read_deep(plane, self.layout.bits, to));
                    self.layout.convert(self.deep.each_ref().map(Vec::as_slice), picture)?;
                }
                return Ok(true);
            }
        }
    }
}

impl Layout {
    /// Converts the planes of a frame to RGB8. Chroma is repeated, not interpolated, as in swscale.
    fn convert<S: Sample>(self, planes: [&[S]; 3], picture: &mut Picture) -> Result<()> {
        picture.resize(self.width, self.height)?;
        let rgb = &mut picture.pixels[..];
        match self.colorspace {
            Colorspace::Cmono | Colorspace::Cmono12 => self.convert_gray(planes, rgb),
            Colorspace::C444 | Colorspace::C444p12 => self.convert_rows::<1, S>(planes, 1, rgb),
            Colorspace::C422 | Colorspace::C422p12 => self.convert_rows::<2, S>(planes, 1, rgb),
            _ => self.convert_rows::<2, S>(planes, 2, rgb),
        }
        Ok(())
    }

    fn convert_gray<S: Sample>(self, [y, ..]: [&[S]; 3], rgb: &mut [u8]) {
        let width = self.width as usize;
        let neutral = vec![S::neutral(self.bits); width];
        for (y, rgb) in y.chunks_exact(width).zip(rgb.chunks_exact_mut(3 * width)) {
            self.matrix.convert_samples::<1, S>(self.bits, y, &neutral, &neutral, rgb);
        }
    }

    /// Converts planes in which one sample of chroma serves `COLUMNS` by `rows` pixels.
    fn convert_rows<const COLUMNS: usize, S: Sample>(self, [y, u, v]: [&[S]; 3], rows: usize, rgb: &mut [u8]) {
        let width = self.width as usize;
        let chroma_width = width.div_ceil(COLUMNS);
        let (u, v) = (u.chunks_exact(chroma_width), v.chunks_exact(chroma_width));
        let pixels = y.chunks(rows * width).zip(rgb.chunks_mut(3 * rows * width));
        for (((y, rgb), u), v) in pixels.zip(u).zip(v) {
            for (y, rgb) in y.chunks_exact(width).zip(rgb.chunks_exact_mut(3 * width)) {
                self.matrix.convert_samples::<COLUMNS, S>(self.bits, y, u, v, rgb);
            }
        }
    }
}

/// Reads samples of two bytes. Those of more than `bits` are the highest.
fn read_deep(plane: &[u8], bits: u32, samples: &mut Vec<u16>) {
    let highest = u16::MAX >> (16 - bits);
    samples.clear();
    samples.extend(plane.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair).min(highest)));
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

/// Returns the bits per sample, and the header with a colour space that the crate knows: it does not know all of more
/// than 8 bits, but their samples lie as those of 12 bits do.
fn known_depth(header: &[u8]) -> (Vec<u8>, u32) {
    let (mut known, mut bits) = (Vec::with_capacity(header.len() + 1), 8);
    for parameter in header.trim_ascii_end().split(|&byte| byte == b' ') {
        let space = parameter.strip_prefix(b"C").and_then(deep_space);
        if !known.is_empty() {
            known.push(b' ');
        }
        if parameter.starts_with(b"C") {
            bits = 8;
        }
        match space {
            Some((layout, depth)) => {
                known.extend([b"C", layout, b"12"].concat());
                bits = depth;
            }
            None => known.extend(parameter),
        }
    }
    known.push(b'\n');
    (known, bits)
}

/// Splits the name of a colour space of more than 8 bits, such as `420p10` or `mono16`, into layout and bits.
fn deep_space(name: &[u8]) -> Option<(&[u8], u32)> {
    [&b"mono"[..], b"420p", b"422p", b"444p"].into_iter().find_map(|layout| {
        let bits = std::str::from_utf8(name.strip_prefix(layout)?).ok()?.parse().ok()?;
        (9..=16).contains(&bits).then_some((layout, bits))
    })
}

fn parameters(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    header.split(|&byte| byte == b' ' || byte == b'\n').skip(1)
}

/// Returns the value of a parameter; the last one wins, as in the crate.
fn last_parameter(header: &[u8], letter: u8) -> Option<&[u8]> {
    parameters(header).filter_map(|parameter| parameter.strip_prefix(&[letter])).last()
}

fn header_size(header: &[u8]) -> Option<(u32, u32)> {
    let side = |letter| std::str::from_utf8(last_parameter(header, letter)?).ok()?.parse().ok();
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
        y4m::Error::ParseError(_) => "bytes that are not a header".to_owned(),
        other => other.to_string(),
    }
}

fn no_header(name: &str, reason: impl core::fmt::Display) -> Error {
    let expected = "Y4M of 8 to 16 bits per sample, mono, 4:2:0, 4:2:2 or 4:4:4 without alpha";
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
