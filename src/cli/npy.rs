//! Tensors as .npy files of numpy, of f32 or i64 in C order.

use figureground::model::{Tensor, Values};
use figureground::{Error, Result, Stage};
use std::path::Path;

const MAGIC: &[u8] = b"\x93NUMPY";

/// Reads a tensor.
///
/// # Errors
/// Returns an error if the file cannot be read, is no whole .npy file, or holds another type or order.
pub fn read(path: &Path) -> Result<Tensor> {
    let refused = |got: &dyn core::fmt::Display| {
        let got = format!("{}: {got}", path.display());
        Error::new(Stage::Command, "a .npy file of f32 or i64 in C order", got, "save it with numpy.save")
    };
    let bytes = std::fs::read(path).map_err(|e| refused(&e).with_source(e))?;
    parse(&bytes).map_err(|got| refused(&got))
}

/// Returns a tensor as the bytes of a file that [`read`] reads.
pub fn bytes(tensor: &Tensor) -> Vec<u8> {
    let element = match &tensor.values {
        Values::F32(_) => "<f4",
        Values::I64(_) => "<i8",
    };
    let sizes: String = tensor.shape.iter().map(|size| format!("{size}, ")).collect();
    let mut header = format!("{{'descr': '{element}', 'fortran_order': False, 'shape': ({sizes}), }}");
    // numpy aligns the values to 64 bytes.
    let prefix = MAGIC.len() + 4;
    let padded = (prefix + header.len() + 1).next_multiple_of(64) - prefix - 1;
    header = format!("{header:padded$}\n");
    let mut bytes = [MAGIC, &[1, 0], &(header.len() as u16).to_le_bytes(), header.as_bytes()].concat();
    match &tensor.values {
        Values::F32(values) => bytes.extend(values.iter().flat_map(|value| value.to_le_bytes())),
        Values::I64(values) => bytes.extend(values.iter().flat_map(|value| value.to_le_bytes())),
    }
    bytes
}

fn parse(bytes: &[u8]) -> core::result::Result<Tensor, String> {
    let (header, data) = split_header(bytes).ok_or("other bytes")?;
    if field(header, "fortran_order").is_none_or(|value| !value.starts_with("False")) {
        return Err("Fortran order".to_owned());
    }
    let element = field(header, "descr").and_then(|value| value.strip_prefix('\'')?.split('\'').next());
    let element = element.ok_or("a record type")?;
    let shape = shape(header).ok_or("a header without shape")?;
    let count = shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size));
    let count = count.ok_or_else(|| format!("a shape of {shape:?}"))?;
    let values = match element {
        "<f4" => Values::F32(elements(data, count)?.map(f32::from_le_bytes).collect()),
        "<i8" => Values::I64(elements(data, count)?.map(i64::from_le_bytes).collect()),
        other => return Err(format!("element type {other}")),
    };
    Ok(Tensor { shape, values })
}

/// Splits a file into the text of its header and its values. Version 1 has two bytes for the header's length, later
/// ones have four.
fn split_header(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (&[version, _], rest) = bytes.strip_prefix(MAGIC)?.split_first_chunk()?;
    let (length, rest) = if version == 1 {
        let (&length, rest) = rest.split_first_chunk()?;
        (usize::from(u16::from_le_bytes(length)), rest)
    } else {
        let (&length, rest) = rest.split_first_chunk()?;
        (usize::try_from(u32::from_le_bytes(length)).ok()?, rest)
    };
    let (header, data) = rest.split_at_checked(length)?;
    Some((std::str::from_utf8(header).ok()?, data))
}

/// Returns what follows a key of the header, which is a Python dictionary.
fn field<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    Some(header.split_once(&format!("'{key}':"))?.1.trim_start())
}

fn shape(header: &str) -> Option<Vec<usize>> {
    let (sizes, _) = field(header, "shape")?.strip_prefix('(')?.split_once(')')?;
    sizes.split(',').map(str::trim).filter(|size| !size.is_empty()).map(|size| size.parse().ok()).collect()
}

/// Returns the bytes of the `count` elements that `data` begins with.
fn elements<const BYTES: usize>(
    data: &[u8],
    count: usize,
) -> core::result::Result<impl Iterator<Item = [u8; BYTES]>, String> {
    let data = count.checked_mul(BYTES).and_then(|needed| data.get(..needed));
    let data = data.ok_or_else(|| format!("fewer bytes than {count} elements need"))?;
    Ok(data.as_chunks().0.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(version: u8, header: &str, data: &[u8]) -> Vec<u8> {
        let length = (header.len() as u32).to_le_bytes();
        let length = if version == 1 { &length[..2] } else { &length[..] };
        [MAGIC, &[version, 0], length, header.as_bytes(), data].concat()
    }

    #[test]
    fn tensors_survive_their_files() {
        for tensor in [
            Tensor { shape: vec![2, 3], values: Values::F32(vec![0.0, -1.5, f32::MAX, f32::MIN_POSITIVE, 7.0, 1e-9]) },
            Tensor { shape: vec![2], values: Values::I64(vec![i64::MIN, i64::MAX]) },
            Tensor { shape: vec![], values: Values::I64(vec![5]) },
            Tensor { shape: vec![4, 0], values: Values::F32(Vec::new()) },
        ] {
            let bytes = bytes(&tensor);
            assert_eq!(bytes.len() % 64, tensor_bytes(&tensor) % 64, "{tensor:?}");
            assert_eq!(format!("{:?}", parse(&bytes).unwrap()), format!("{tensor:?}"));
        }
    }

    fn tensor_bytes(tensor: &Tensor) -> usize {
        match &tensor.values {
            Values::F32(values) => 4 * values.len(),
            Values::I64(values) => 8 * values.len(),
        }
    }

    #[test]
    fn files_of_numpy_are_read_in_every_version() {
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }  \n";
        let data: Vec<u8> = [1.0f32, -2.0].into_iter().flat_map(f32::to_le_bytes).collect();
        for version in 1..=3 {
            let tensor = parse(&file(version, header, &data)).unwrap();
            assert_eq!(tensor.shape, [2]);
            assert!(matches!(&tensor.values, Values::F32(values) if values[..] == [1.0, -2.0]));
        }
    }

    #[test]
    fn other_files_are_refused_with_the_cause() {
        let header = |element: &str, order: &str, shape: &str| {
            format!("{{'descr': {element}, 'fortran_order': {order}, 'shape': {shape}, }}\n")
        };
        for (bytes, cause) in [
            (b"no numpy".to_vec(), "other bytes"),
            (file(1, &header("'<f4'", "False", "(2,)"), &[0; 7]), "fewer bytes than 2 elements need"),
            (file(1, &header("'<f4'", "True", "(2,)"), &[0; 8]), "Fortran order"),
            (file(1, &header("'<f8'", "False", "(1,)"), &[0; 8]), "element type <f8"),
            (file(1, &header("[('x', '<f4')]", "False", "(1,)"), &[0; 4]), "a record type"),
            (file(1, &header("'<f4'", "False", "2"), &[0; 8]), "a header without shape"),
            (file(2, &header("'<i8'", "False", &format!("({}, 2)", usize::MAX)), &[]), "a shape of"),
            (file(2, &header("'<i8'", "False", &format!("({},)", usize::MAX)), &[]), "fewer bytes"),
        ] {
            let error = parse(&bytes).unwrap_err();
            assert!(error.contains(cause), "{error}, expected {cause}");
        }
    }
}
