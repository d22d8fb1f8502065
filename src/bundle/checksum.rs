//! SHA-256 of files, bytes and lists of strings, in hexadecimal.

use crate::error::{Error, Result, Stage};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Bytes read at a time.
const CHUNK: usize = 1 << 20;

/// Returns the SHA-256 of the file at `path`.
///
/// # Errors
/// Returns an error if the file cannot be read.
pub fn of_file(path: &Path) -> Result<String> {
    let unreadable =
        |e: std::io::Error| Error::caused(Stage::Bundle, "a readable file", e, "check the path").at(path.display());
    let mut file = File::open(path).map_err(unreadable)?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk).map_err(unreadable)? {
            0 => return Ok(hex(&hash.finalize())),
            read => hash.update(&chunk[..read]),
        }
    }
}

/// Returns the SHA-256 of `bytes`.
pub fn of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Returns the SHA-256 of `parts` and their lengths, so that different lists have different checksums.
pub fn of_parts<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
