//! Reads JPEG pictures up to their end, and completes those without Huffman tables.
//!
//! Decoders fill the missing part of a truncated picture with grey without an error, and refuse the pictures that USB
//! cameras send as MJPEG, which leave the standard Huffman tables out.

use super::picture_file::{decode_error, invalid_picture};
use crate::error::Result;
use crate::frame::check_size;
use std::io::{BufRead, Read};

const START: [u8; 2] = [0xFF, 0xD8];
const END: u8 = 0xD9;
const START_OF_SCAN: u8 = 0xDA;
const HUFFMAN_TABLES: u8 = 0xC4;

/// Maximum number of bytes that do not grow with the picture: metadata and thumbnails.
const MAX_METADATA_BYTES: u64 = 32 << 20;

/// Maximum number of coded bytes of a pixel; noise at the best quality takes about 3.
const MAX_PIXEL_BYTES: u64 = 8;

/// The Huffman tables of ITU-T T.81, Annex K.3: class and number, how many codes have 1 to 16 bits, and their values.
const STANDARD_TABLES: [([u8; 17], &[u8]); 4] = [
    ([0x00, 0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], &STANDARD_DC),
    ([0x10, 0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125], &STANDARD_LUMA_AC),
    ([0x01, 0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], &STANDARD_DC),
    ([0x11, 0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119], &STANDARD_CHROMA_AC),
];

const STANDARD_DC: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

#[rustfmt::skip]
const STANDARD_LUMA_AC: [u8; 162] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22, 0x71,
    0x14, 0x32, 0x81, 0x91, 0xA1, 0x08, 0x23, 0x42, 0xB1, 0xC1, 0x15, 0x52, 0xD1, 0xF0, 0x24, 0x33, 0x62, 0x72,
    0x82, 0x09, 0x0A, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x34, 0x35, 0x36, 0x37,
    0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59,
    0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x83,
    0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3,
    0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3,
    0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE1, 0xE2,
    0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
];

#[rustfmt::skip]
const STANDARD_CHROMA_AC: [u8; 162] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13, 0x22,
    0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xA1, 0xB1, 0xC1, 0x09, 0x23, 0x33, 0x52, 0xF0, 0x15, 0x62, 0x72, 0xD1,
    0x0A, 0x16, 0x24, 0x34, 0xE1, 0x25, 0xF1, 0x17, 0x18, 0x19, 0x1A, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x35, 0x36,
    0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58,
    0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A,
    0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A,
    0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA,
    0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA,
    0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
];

/// Reads a JPEG up to its end marker, and inserts the standard Huffman tables if none stands before its first scan.
/// What follows the end marker is not read.
///
/// # Errors
/// Returns an error if the bytes are no JPEG, are truncated, cannot be read, or are more than a picture of its size can
/// need; or if that size is invalid for frames.
pub(super) fn read(source: impl BufRead) -> Result<Vec<u8>> {
    let mut reader = Reader { source, bytes: Vec::new(), limit: MAX_METADATA_BYTES };
    reader.take(START.len())?;
    if reader.bytes != START {
        return Err(invalid_picture("other bytes than those of a JPEG picture"));
    }
    let (mut has_tables, mut first_scan) = (false, None);
    loop {
        match reader.marker()? {
            END if first_scan.is_none() => return Err(invalid_picture("a JPEG without a picture")),
            END => break,
            code => {
                let marker = reader.bytes.len() - 2;
                let body = reader.segment()?;
                match code {
                    HUFFMAN_TABLES => has_tables = true,
                    START_OF_SCAN => first_scan = first_scan.or(Some((marker, has_tables))),
                    0xC0..=0xCF if code != 0xC8 && code != 0xCC => {
                        let &[_, h0, h1, w0, w1, ..] = body else {
                            return Err(invalid_picture("a JPEG with an invalid header"));
                        };
                        let (width, height) = (u16::from_be_bytes([w0, w1]), u16::from_be_bytes([h0, h1]));
                        check_size(u32::from(width), u32::from(height))?;
                        let pixels = u64::from(width) * u64::from(height);
                        reader.limit = reader.limit.max(MAX_METADATA_BYTES + MAX_PIXEL_BYTES * pixels);
                    }
                    _ => {}
                }
            }
        }
    }
    let mut bytes = reader.bytes;
    if let Some((position, false)) = first_scan {
        bytes.splice(position..position, standard_tables());
    }
    Ok(bytes)
}

/// Returns the segment with the standard Huffman tables.
fn standard_tables() -> Vec<u8> {
    let tables: Vec<u8> =
        STANDARD_TABLES.iter().flat_map(|(head, values)| head.iter().chain(*values)).copied().collect();
    let [high, low] = (2 + tables.len() as u16).to_be_bytes();
    [&[0xFF, HUFFMAN_TABLES, high, low], &tables[..]].concat()
}

/// The bytes of a picture so far, and where more come from.
struct Reader<R> {
    source: R,
    bytes: Vec<u8>,
    /// Maximum number of bytes.
    limit: u64,
}

impl<R: BufRead> Reader<R> {
    /// Reads up to the next marker of a segment or the end, and returns its code.
    fn marker(&mut self) -> Result<u8> {
        loop {
            let left = self.left()?;
            (&mut self.source).take(left).read_until(0xFF, &mut self.bytes).map_err(decode_error)?;
            if self.bytes.last() != Some(&0xFF) {
                self.left()?;
                return Err(truncated());
            }
            let mut code = 0xFF;
            while code == 0xFF {
                self.take(1)?;
                code = self.bytes.last().copied().unwrap_or_default();
            }
            // The others are coded pixels, restart markers, or damage.
            if matches!(code, 0xC0..=0xCF | 0xD9..=0xEF | 0xFE) {
                return Ok(code);
            }
        }
    }

    /// Reads the segment of a marker and returns its content.
    fn segment(&mut self) -> Result<&[u8]> {
        self.take(2)?;
        let length = self.bytes.last_chunk().map_or(0, |length| usize::from(u16::from_be_bytes(*length)));
        let length = length.checked_sub(2).ok_or_else(|| invalid_picture("a JPEG with an invalid segment"))?;
        self.take(length)?;
        Ok(&self.bytes[self.bytes.len() - length..])
    }

    /// Reads this number of bytes.
    fn take(&mut self, count: usize) -> Result<()> {
        let whole = self.bytes.len() + count;
        let count = (count as u64).min(self.left()?);
        (&mut self.source).take(count).read_to_end(&mut self.bytes).map_err(decode_error)?;
        if self.bytes.len() < whole { self.left().and(Err(truncated())) } else { Ok(()) }
    }

    /// Returns how many bytes the picture may still have.
    fn left(&self) -> Result<u64> {
        match self.limit.saturating_sub(self.bytes.len() as u64) {
            0 => Err(invalid_picture(format_args!("a JPEG of more than {} bytes without its end", self.limit))),
            left => Ok(left),
        }
    }
}

fn truncated() -> crate::error::Error {
    invalid_picture("a truncated JPEG picture")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A JPEG of 16x16 as far as its markers: a thumbnail with an end marker, a frame, a scan with a restart marker.
    fn picture(has_tables: bool, ending: &[u8]) -> Vec<u8> {
        let thumbnail = [0xFF, 0xE1, 0, 4, 0xFF, END];
        let tables = if has_tables { standard_tables() } else { Vec::new() };
        let frame = [0xFF, 0xC0, 0, 11, 8, 0, 16, 0, 16, 1, 1, 0x11, 0];
        let scan = [0xFF, 0xFF, START_OF_SCAN, 0, 2, 1, 0xFF, 0, 2, 0xFF, 0xD0, 3];
        [&START[..], &thumbnail, &tables, &frame, &scan, ending].concat()
    }

    #[test]
    fn only_an_end_marker_after_the_first_scan_counts() {
        let truncated = picture(true, &[]);
        assert!((0..=truncated.len()).all(|kept| read(&truncated[..kept]).is_err()));
        assert_eq!(read(&picture(true, &[0xFF, END])[..]).unwrap(), picture(true, &[0xFF, END]));
        assert!(read(&b"no JPEG at all"[..]).is_err());
    }

    #[test]
    fn nothing_after_the_end_is_read() {
        let ending = [&[0xFF, END][..], &[0; 100]].concat();
        assert_eq!(read(&picture(true, &ending)[..]).unwrap(), picture(true, &ending[..2]));
    }

    #[test]
    fn the_segments_between_two_scans_may_hold_an_end_marker() {
        let second = [0xFF, 0xDB, 0, 4, 0xFF, END, 0xFF, START_OF_SCAN, 0, 2, 7, 0xFF, END];
        assert_eq!(read(&picture(true, &second)[..]).unwrap(), picture(true, &second));
    }

    #[test]
    fn a_picture_without_huffman_tables_gets_the_standard_ones_before_its_scan() {
        let bytes = read(&picture(false, &[0xFF, END])[..]).unwrap();
        assert_eq!(bytes.len(), picture(false, &[0xFF, END]).len() + standard_tables().len());
        assert_eq!(standard_tables().len(), 420);
        let scan = bytes.windows(2).position(|pair| pair == [0xFF, START_OF_SCAN]).unwrap();
        assert_eq!(bytes[scan - 420..][..4], [0xFF, HUFFMAN_TABLES, 0x01, 0xA2]);
    }

    #[test]
    fn a_picture_that_never_ends_is_read_to_its_bound_only() {
        let start = picture(true, &[]);
        let endless = std::io::BufReader::new(start.chain(std::io::repeat(0)));
        let error = read(endless).unwrap_err().to_string();
        assert!(error.contains("more than 33556480 bytes"), "{error}");
        let comments = [0xFF, 0xFE, 0xFF, 0xFF].into_iter().chain([0; 0xFFFD]).collect::<Vec<_>>().repeat(600);
        let error = read(&[&START[..], &comments].concat()[..]).unwrap_err().to_string();
        assert!(error.contains("more than 33554432 bytes"), "{error}");
    }
}
