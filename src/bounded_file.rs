//! Files that are read whole, up to a bound: a device or a sparse file may be endless.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result};
use std::path::Path;

/// The largest manifest or configuration, in bytes.
pub const MAX_SETTINGS_BYTES: u64 = 16 << 20;

/// Reads the file at `path`, if it has at most `max` bytes. Its size is asked first, and held to while it is read.
///
/// # Errors
/// Returns an error if the file cannot be read or is larger.
///
/// ```
/// use figureground::bounded_file::read;
/// assert!(read("/dev/zero".as_ref(), 1000).unwrap_err().to_string().contains("more than 1000 bytes"));
/// ```
pub fn read(path: &Path, max: u64) -> Result<Vec<u8>> {
    let too_large = || Error::new(ErrorKind::FileTooLarge, format!("more than {max} bytes"));
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(Error::from(ErrorKind::IsADirectory));
    }
    if metadata.len() > max {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    file.take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max { Err(too_large()) } else { Ok(bytes) }
}

/// Reads the text file at `path`, if it has at most `max` bytes.
///
/// # Errors
/// Returns an error if the file cannot be read, is larger, or is not UTF-8.
pub fn read_text(path: &Path, max: u64) -> Result<String> {
    String::from_utf8(read(path, max)?).map_err(|_| Error::new(ErrorKind::InvalidData, "text that is not UTF-8"))
}
