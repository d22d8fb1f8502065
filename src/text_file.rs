//! Reads text files as editors of all systems save them.

use crate::bounded_file;
use std::io::{Error, ErrorKind, Result};
use std::path::Path;

/// The largest text file that is read, in bytes.
const MAX_BYTES: u64 = 512 << 20;

/// Reads the text file at `path`: UTF-8 with or without a byte order mark, or UTF-16 with one.
///
/// # Errors
/// Returns an error if the file cannot be read, is too large, or holds no such text.
pub(crate) fn read(path: &Path) -> Result<String> {
    decode(bounded_file::read(path, MAX_BYTES)?)
}

/// Decodes text with its byte order mark, which is removed.
///
/// # Errors
/// Returns an error if `bytes` is neither UTF-8 nor UTF-16 with a byte order mark, or holds NUL characters.
pub(crate) fn decode(bytes: Vec<u8>) -> Result<String> {
    let text = match bytes.as_slice() {
        [0xFF, 0xFE, rest @ ..] => utf_16(rest, u16::from_le_bytes)?,
        [0xFE, 0xFF, rest @ ..] => utf_16(rest, u16::from_be_bytes)?,
        _ => String::from_utf8(bytes).map_err(|error| {
            let line = error.as_bytes().iter().take(error.utf8_error().valid_up_to()).filter(|byte| **byte == b'\n');
            invalid(format!("a byte that is not UTF-8 in line {}: save the file as UTF-8", line.count() + 1))
        })?,
    };
    if text.contains('\0') {
        return Err(invalid("NUL characters, as in UTF-16 or UTF-32: save the file as UTF-8".to_owned()));
    }
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    Ok(if start == 0 { text } else { text.chars().skip(1).collect() })
}

fn utf_16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let text = char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect::<core::result::Result<String, _>>();
    match text {
        Ok(text) if rest.is_empty() => Ok(text),
        _ => Err(invalid("a byte order mark of UTF-16, and no such text: save the file as UTF-8".to_owned())),
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_as_editors_save_it() {
        let text = "a,\u{e9}\r\n\u{1F600}";
        let utf_16: Vec<u16> = text.encode_utf16().collect();
        let little: Vec<u8> = [0xFF, 0xFE].into_iter().chain(utf_16.iter().flat_map(|u| u.to_le_bytes())).collect();
        let big: Vec<u8> = [0xFE, 0xFF].into_iter().chain(utf_16.iter().flat_map(|u| u.to_be_bytes())).collect();
        let marked = [b"\xEF\xBB\xBF", text.as_bytes()].concat();
        for bytes in [text.as_bytes().to_vec(), marked, little, big] {
            assert_eq!(decode(bytes).unwrap(), text);
        }
        for (bytes, word) in [
            (&b"a\nb\xE9"[..], "line 2"),
            (b"a\0b\0", "NUL"),
            (b"\xFF\xFE\0\0a\0\0\0", "NUL"),
            (b"\xFF\xFEa", "UTF-16"),
        ] {
            let error = decode(bytes.to_vec()).unwrap_err().to_string();
            assert!(error.contains(word) && error.contains("UTF-8"), "{error}");
        }
    }
}
