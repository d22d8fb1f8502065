//! Whether a JPEG picture is whole: decoders paint what is missing grey and say nothing.

const START_OF_SCAN: u8 = 0xDA;
const END_OF_IMAGE: [u8; 2] = [0xFF, 0xD9];

/// Whether an end marker follows the first scan. Within a scan its two bytes stand for nothing else; before it they may
/// belong to a thumbnail.
pub(super) fn has_end(bytes: &[u8]) -> bool {
    scan(bytes).is_some_and(|scan| scan.windows(2).any(|pair| pair == END_OF_IMAGE))
}

/// What follows the header of the first scan: segments of known length lead there.
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
    fn only_an_end_behind_the_first_scan_counts() {
        let thumbnail = [0xFF, 0xE1, 0, 4, 0xFF, 0xD9];
        let cut = [&[0xFF, 0xD8][..], &thumbnail, &[0xFF, 0xFF, 0xDA, 0, 2, 1, 2, 3]].concat();
        assert!(!has_end(&cut));
        assert!(has_end(&[&cut[..], &END_OF_IMAGE, b"trailer"].concat()));
        assert!((0..cut.len()).all(|kept| !has_end(&cut[..kept])));
        assert!(!has_end(b"no JPEG at all"));
    }
}
