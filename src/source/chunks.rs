//! The chunks of PNG and WebP files and the tags of TIFF files, as far as this program reads them itself.

use std::fs::File;
use std::io::{BufReader, Error, ErrorKind, Read, Result};
use std::path::Path;

/// Maximum length of metadata; what refers to bytes behind it is not found.
const MAX_METADATA_BYTES: u64 = 1 << 20;

/// Name and length of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChunkHeader {
    pub name: [u8; 4],
    /// Bytes of its content.
    pub length: u32,
}

/// Reads the header of a WebP's chunk.
///
/// # Errors
/// Returns an error if it cannot be read, or its name is none.
pub(super) fn riff_chunk(file: &mut impl Read) -> Result<ChunkHeader> {
    let (mut name, mut length) = ([0; 4], [0; 4]);
    file.read_exact(&mut name)?;
    file.read_exact(&mut length)?;
    ChunkHeader { name, length: u32::from_le_bytes(length) }.checked()
}

fn png_chunk(file: &mut impl Read) -> Result<ChunkHeader> {
    let (mut name, mut length) = ([0; 4], [0; 4]);
    file.read_exact(&mut length)?;
    file.read_exact(&mut name)?;
    ChunkHeader { name, length: u32::from_be_bytes(length) }.checked()
}

impl ChunkHeader {
    /// Refuses bytes that are no chunk, such as the zeros of a file that was only allocated.
    fn checked(self) -> Result<Self> {
        let is_name = self.name.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
        if is_name { Ok(self) } else { Err(Error::new(ErrorKind::InvalidData, "bytes that are no chunk")) }
    }
}

/// Returns the EXIF data of a PNG, wherever it stands.
pub(super) fn png_exif(path: &Path) -> Option<Vec<u8>> {
    let mut file = BufReader::new(File::open(path).ok()?);
    file.seek_relative(8).ok()?;
    loop {
        let ChunkHeader { name, length } = png_chunk(&mut file).ok()?;
        match &name {
            b"eXIf" => return metadata(file, length),
            b"IEND" => return None,
            // The checksum follows.
            _ => file.seek_relative(i64::from(length) + 4).ok()?,
        }
    }
}

/// Returns the EXIF data of a WebP, wherever it stands.
pub(super) fn webp_exif(path: &Path) -> Option<Vec<u8>> {
    let mut file = BufReader::new(File::open(path).ok()?);
    file.seek_relative(12).ok()?;
    loop {
        let ChunkHeader { name, length } = riff_chunk(&mut file).ok()?;
        if name == *b"EXIF" {
            return metadata(file, length);
        }
        file.seek_relative(i64::from(length) + i64::from(length % 2)).ok()?;
    }
}

/// Returns the first tags of a TIFF as EXIF data, which is a small TIFF.
pub(super) fn tiff_tags(path: &Path) -> Option<Vec<u8>> {
    let mut file = BufReader::new(File::open(path).ok()?);
    let (mut order, mut position) = ([0; 4], [0; 4]);
    file.read_exact(&mut order).ok()?;
    file.read_exact(&mut position).ok()?;
    let is_big = order.starts_with(b"MM");
    let position = if is_big { u32::from_be_bytes(position) } else { u32::from_le_bytes(position) };
    file.seek_relative(i64::from(position) - 8).ok()?;
    let start = if is_big { 8u32.to_be_bytes() } else { 8u32.to_le_bytes() };
    Some([&order[..], &start, &metadata(file, 1 << 16)?].concat())
}

fn metadata(file: impl Read, length: u32) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(u64::from(length).min(MAX_METADATA_BYTES)).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
