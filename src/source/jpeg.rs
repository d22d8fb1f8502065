//! Detects truncated JPEG pictures, whose missing part decoders fill with grey without an error.

const START_OF_SCAN: u8 = 0xDA;
const END_OF_IMAGE: [u8; 2] = [0xFF, 0xD9];

/// Returns whether an end marker follows the start of the first scan. Before it, an end marker may belong to a
/// thumbnail; within a scan, its two bytes have no other meaning.
pub(super) fn has_end(bytes: &[u8]) -> bool {
    scan(bytes).is_some_and(|scan| scan.windows(2).any(|pair| pair == END_OF_IMAGE))
}

/// Returns the bytes from the first scan on; the segments before it have known lengths.
fn scan(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes.strip_prefix(&[0xFF, 0xD8])?;
    loop {
        let (&[fill, marker, high, low], _) = rest.split_first_chunk()?;
        if fill != 0xFF {
            return None;
        }
        if marker == 0xFF {
            rest = rest.get(1..)?;
            continue;
        }
        if marker == START_OF_SCAN {
            return Some(rest);
        }
        rest = rest.get(2 + usize::from(u16::from_be_bytes([high, low]))..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_end_marker_after_the_first_scan_counts() {
        let thumbnail = [0xFF, 0xE1, 0, 4, 0xFF, 0xD9];
        let truncated = [&[0xFF, 0xD8][..], &thumbnail, &[0xFF, 0xFF, 0xDA, 0, 2, 1, 2, 3]].concat();
        assert!(!has_end(&truncated));
        assert!(has_end(&[&truncated[..], &END_OF_IMAGE, b"trailer"].concat()));
        assert!((0..truncated.len()).all(|kept| !has_end(&truncated[..kept])));
        assert!(!has_end(b"no JPEG at all"));
    }
}
