//! Refuses the AVIF and HEIC pictures that ffmpeg would show in part or lying on their side.
//!
//! Their file is a tree of boxes; the first names the brands, and `meta` says which item is the picture.

use crate::error::{Error, Result, Stage};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// Brands of files with still pictures.
const BRANDS: [&[u8; 4]; 12] =
    [b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"mif2", b"msf1", b"miaf"];

/// Types of items that are made of other items: tiles, layers, and a picture with its gain map.
const COMPOSED: [&[u8; 4]; 4] = [b"grid", b"iovl", b"iden", b"tmap"];

/// Maximum number of bytes that are read of a box; `meta` of a picture of a thousand tiles has some 50 kB.
const MAX_BOX_BYTES: u64 = 1 << 20;

/// Returns whether a file is an AVIF or HEIC picture, by its brands.
pub(super) fn is_heif(path: &Path) -> bool {
    read_meta(path).is_some()
}

fn is_brand(brand: &[u8]) -> bool {
    BRANDS.iter().any(|known| brand == *known)
}

/// Checks that ffmpeg shows the whole picture of an AVIF or HEIC file, and upright. Other files pass.
///
/// # Errors
/// Returns an error if the picture is made of tiles or layers, or is stored turned or mirrored.
pub(super) fn check(name: &str, path: &Path) -> Result<()> {
    let Some(meta) = read_meta(path) else {
        return Ok(());
    };
    let picture = PictureItem::of_meta(&meta);
    let reason = match picture.kind {
        Some(kind) if COMPOSED.contains(&&kind) => {
            "a picture made of several items, as phones store large ones, of which ffmpeg shows one"
        }
        _ if picture.is_turned => "a picture that is stored turned or mirrored, which ffmpeg does not undo",
        _ => return Ok(()),
    };
    let next = "convert it to PNG or JPEG, for example with: heif-convert or ImageMagick's magick";
    Err(Error::new(
        Stage::Source,
        "an AVIF or HEIC picture in one upright piece",
        format_args!("{name}: {reason}"),
        next,
    ))
}

/// The item of a file that is its picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct PictureItem {
    /// Its type, such as `av01` or `grid`, if the file says so.
    kind: Option<[u8; 4]>,
    /// It is to be turned or mirrored before it is shown.
    is_turned: bool,
}

impl PictureItem {
    fn of_meta(meta: &[u8]) -> Self {
        let child = |name: &[u8; 4]| boxes(meta).find(|(kind, _)| *kind == name).map(|(_, content)| content);
        let id = child(b"pitm").and_then(|content| {
            let (version, rest) = full_box(content)?;
            read_id(rest, version > 0).map(|(id, _)| id)
        });
        let kinds = child(b"iinf").map(item_kinds).unwrap_or_default();
        let kind = match id {
            Some(id) => kinds.iter().find(|(item, _)| *item == id).map(|(_, kind)| *kind),
            // Without a picture that is named, one of several items is not sure to be whole.
            None => kinds.iter().map(|(_, kind)| *kind).find(|kind| COMPOSED.contains(&kind)),
        };
        let turned = child(b"iprp").zip(id).is_some_and(|(properties, id)| is_turned(properties, id));
        Self { kind, is_turned: turned }
    }
}

/// Returns number and type of all items.
fn item_kinds(iinf: &[u8]) -> Vec<(u32, [u8; 4])> {
    let entries = full_box(iinf).and_then(|(version, rest)| rest.get(if version == 0 { 2 } else { 4 }..));
    boxes(entries.unwrap_or_default())
        .filter_map(|(_, entry)| {
            let (version, rest) = full_box(entry)?;
            let (id, rest) = read_id(rest, version > 2)?;
            // Two bytes of protection stand between.
            Some((id, *rest.get(2..)?.first_chunk()?))
        })
        .collect()
}

/// Returns whether one of the properties of an item turns or mirrors it.
fn is_turned(properties: &[u8], id: u32) -> bool {
    let child = |name: &[u8; 4]| boxes(properties).find(|(kind, _)| *kind == name).map(|(_, content)| content);
    let known: Vec<_> = child(b"ipco").map(|container| boxes(container).collect()).unwrap_or_default();
    let turns = |index: usize| match index.checked_sub(1).and_then(|index| known.get(index)) {
        Some((b"irot", content)) => content.first().is_some_and(|angle| angle % 4 != 0),
        Some((b"imir", _)) => true,
        _ => false,
    };
    let indices = child(b"ipma").and_then(|associations| property_indices(associations, id));
    indices.is_some_and(|indices| indices.into_iter().any(turns))
}

/// Returns the numbers, from 1, of the properties of an item.
fn property_indices(ipma: &[u8], id: u32) -> Option<Vec<usize>> {
    let is_wide = ipma.get(3)? % 2 == 1;
    let (version, rest) = full_box(ipma)?;
    let (count, mut rest) = rest.split_first_chunk().map(|(count, rest)| (u32::from_be_bytes(*count), rest))?;
    for _ in 0..count {
        let (item, after) = read_id(rest, version > 0)?;
        let (&properties, after) = after.split_first()?;
        let bytes = usize::from(properties) * if is_wide { 2 } else { 1 };
        let (indices, after) = after.split_at_checked(bytes)?;
        if item == id {
            // The highest bit says that the property is essential.
            return Some(match is_wide {
                true => {
                    indices.as_chunks().0.iter().map(|&pair| usize::from(u16::from_be_bytes(pair) & 0x7FFF)).collect()
                }
                false => indices.iter().map(|&index| usize::from(index & 0x7F)).collect(),
            });
        }
        rest = after;
    }
    None
}

/// Returns the version of a box, and what follows version and flags.
fn full_box(content: &[u8]) -> Option<(u8, &[u8])> {
    let (&[version, _, _, _], rest) = content.split_first_chunk()?;
    Some((version, rest))
}

fn read_id(bytes: &[u8], is_wide: bool) -> Option<(u32, &[u8])> {
    if is_wide {
        let (&id, rest) = bytes.split_first_chunk()?;
        return Some((u32::from_be_bytes(id), rest));
    }
    let (&id, rest) = bytes.split_first_chunk()?;
    Some((u32::from(u16::from_be_bytes(id)), rest))
}

/// Returns name and content of the boxes in `bytes`, up to one that is not whole.
fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
    core::iter::from_fn(move || {
        let (&length, rest) = bytes.split_first_chunk()?;
        let (name, _) = rest.split_first_chunk()?;
        let (header, length) = match u32::from_be_bytes(length) {
            0 => (8, bytes.len()),
            1 => (16, usize::try_from(u64::from_be_bytes(*bytes.get(8..)?.first_chunk()?)).ok()?),
            length => (8, length as usize),
        };
        let content = bytes.get(header..length)?;
        bytes = bytes.get(length..)?;
        Some((name, content))
    })
}

/// Returns what the `meta` box of an AVIF or HEIC file contains, which may be nothing; `None` of other files.
fn read_meta(path: &Path) -> Option<Vec<u8>> {
    let mut file = BufReader::new(File::open(path).ok()?);
    let (name, length) = top_box(&mut file)?;
    if name != *b"ftyp" || !content(&mut file, length)?.chunks_exact(4).any(is_brand) {
        return None;
    }
    while let Some((name, length)) = top_box(&mut file) {
        if name == *b"meta" {
            // Version and flags stand before the boxes.
            return Some(content(&mut file, length)?.get(4..).unwrap_or_default().to_vec());
        }
        if i64::try_from(length).is_ok_and(|length| file.seek_relative(length).is_ok()) {
            continue;
        }
        break;
    }
    Some(Vec::new())
}

/// Reads the header of a box of the file and returns its name and the length of its content.
fn top_box(file: &mut impl Read) -> Option<([u8; 4], u64)> {
    let (mut length, mut name, mut long) = ([0; 4], [0; 4], [0; 8]);
    file.read_exact(&mut length).ok()?;
    file.read_exact(&mut name).ok()?;
    let length = match u32::from_be_bytes(length) {
        0 => i64::MAX as u64,
        1 => {
            file.read_exact(&mut long).ok()?;
            u64::from_be_bytes(long).checked_sub(16)?
        }
        length => u64::from(length).checked_sub(8)?,
    };
    Some((name, length))
}

fn content(file: impl Read, length: u64) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    file.take(length.min(MAX_BOX_BYTES)).read_to_end(&mut content).ok()?;
    Some(content)
}
