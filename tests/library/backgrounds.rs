//! The bank of backgrounds of a bundle.

use figureground::bundle::{Backgrounds, Bundle, MAX_BACKGROUNDS};
use figureground::frame::Frame;
use figureground::mask::Size;
use figureground::preprocess::PreprocessSettings;
use safetensors::tensor::{Dtype, TensorView};
use std::path::Path;

/// Pixels that count up from `first`.
fn pixels(first: u8, width: u32, height: u32) -> Vec<u8> {
    (0..3 * width * height).map(|i| (i as u8).wrapping_mul(7).wrapping_add(first)).collect()
}

fn settings(bundle: &Bundle) -> &PreprocessSettings {
    &bundle.manifest().vision.preprocess
}

/// A bank of `count` pictures for the built-in encoder.
fn bank(bundle: &Bundle, count: usize) -> Backgrounds {
    let mut bank = Backgrounds::new(settings(bundle).target().unwrap());
    for index in 0..count {
        let pixels = pixels(index as u8, 100, 90);
        bank.add(&Frame::new(&pixels, 100, 90, 0, 0).unwrap(), settings(bundle)).unwrap();
    }
    bank
}

#[test]
fn the_built_in_bank_has_16_places_of_the_encoders_size() {
    let bundle = Bundle::built_in().unwrap();
    let bank = bundle.backgrounds().unwrap().unwrap();
    assert_eq!((bank.len(), bank.size()), (16, settings(&bundle).target().unwrap()));
    let mut pictures: Vec<&[u8]> = bank.pictures().collect();
    pictures.sort_unstable();
    pictures.dedup();
    assert_eq!(pictures.len(), 16);
}

#[test]
fn a_bank_survives_its_file_which_has_planes_of_red_green_and_blue() {
    let bundle = Bundle::built_in().unwrap();
    let bank = bank(&bundle, 3);
    let bytes = bank.to_bytes().unwrap();
    assert_eq!(Backgrounds::parse(&bytes, bank.size()).unwrap(), bank);
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let tensor = tensors.tensor("backgrounds").unwrap();
    assert_eq!((tensor.shape(), tensor.dtype()), (&[3, 3, 80, 80][..], Dtype::U8));
    for (picture, planes) in bank.pictures().zip(tensor.data().chunks_exact(3 * 6400)) {
        for (channel, plane) in planes.chunks_exact(6400).enumerate() {
            assert!(picture[channel..].iter().step_by(3).eq(plane));
        }
    }
    assert_eq!(bank.fingerprint(3), bank.clone().fingerprint(99));
    assert_ne!(bank.fingerprint(3), bank.fingerprint(2));
}

#[test]
fn a_bundle_takes_a_bank_and_its_copy_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let built_in = Bundle::built_in().unwrap();
    built_in.write_to(&folder.path().join("a")).unwrap();
    let mut bundle = Bundle::open(&folder.path().join("a")).unwrap();
    let bank = bank(&bundle, 2);
    bundle.write_backgrounds(&bank).unwrap();
    let bundle = Bundle::open(bundle.directory()).unwrap();
    assert_eq!(bundle.backgrounds().unwrap().unwrap(), bank);
    assert_ne!(bundle.fingerprint().unwrap(), built_in.fingerprint().unwrap());
    bundle.write_to(&folder.path().join("b")).unwrap();
    let copy = Bundle::open(&folder.path().join("b")).unwrap();
    assert_eq!(copy.backgrounds().unwrap().unwrap(), bank);
}

#[test]
fn a_file_that_is_no_bank_is_refused() {
    let size = Size::new(4, 2).unwrap();
    let file = |name: &str, shape: Vec<usize>, dtype: Dtype, bytes: &[u8]| {
        safetensors::serialize([(name, TensorView::new(dtype, shape, bytes).unwrap())], None).unwrap()
    };
    let values: Vec<u8> = (0..48).collect();
    let good = file("backgrounds", vec![2, 3, 2, 4], Dtype::U8, &values);
    assert_eq!(Backgrounds::parse(&good, size).unwrap().len(), 2);
    let many = vec![1; (MAX_BACKGROUNDS + 1) * 24];
    for (bytes, word) in [
        (good[..good.len() - 1].to_vec(), "backgrounds"),
        (b"no bank".to_vec(), "backgrounds"),
        (file("other", vec![2, 3, 2, 4], Dtype::U8, &values), "backgrounds"),
        (file("backgrounds", vec![2, 3, 4, 2], Dtype::U8, &values), "[2, 3, 4, 2]"),
        (file("backgrounds", vec![2, 3, 2, 4], Dtype::F32, &values.repeat(4)), "F32"),
        (file("backgrounds", vec![0, 3, 2, 4], Dtype::U8, &[]), "[0, 3, 2, 4]"),
        (file("backgrounds", vec![MAX_BACKGROUNDS + 1, 3, 2, 4], Dtype::U8, &many), "[65, 3, 2, 4]"),
        (file("backgrounds", vec![2, 3, 2, 4], Dtype::U8, &[7; 48]), "a single colour"),
    ] {
        let error = Backgrounds::parse(&bytes, size).unwrap_err().to_string();
        assert!(error.starts_with("bundle: expected ") && error.contains(word), "{error}");
    }
    assert!(Backgrounds::new(size).to_bytes().is_err());
}

#[test]
fn a_full_bank_takes_no_more() {
    let bundle = Bundle::built_in().unwrap();
    let mut bank = bank(&bundle, MAX_BACKGROUNDS);
    let pixels = pixels(3, 100, 90);
    let error = bank.add(&Frame::new(&pixels, 100, 90, 0, 0).unwrap(), settings(&bundle)).unwrap_err().to_string();
    assert!(error.contains("64"), "{error}");
}

/// Writes a picture to `path`.
fn write(path: &Path, first: u8, width: u32, height: u32) {
    let picture = image::RgbImage::from_raw(width, height, pixels(first, width, height)).unwrap();
    picture.save(path).unwrap();
}

#[test]
fn a_folder_is_read_in_natural_order_and_prepared_as_frames_are() {
    let bundle = Bundle::built_in().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (name, first, width, height) in [("10.png", 1, 200, 90), ("9.png", 2, 80, 80), ("b.bmp", 3, 33, 300)] {
        write(&folder.path().join(name), first, width, height);
    }
    std::fs::write(folder.path().join(".hidden"), "no picture").unwrap();
    let read = Backgrounds::read_folder(folder.path(), settings(&bundle), 3).unwrap();
    let mut wanted = Backgrounds::new(read.size());
    for (first, width, height) in [(2, 80, 80), (1, 200, 90), (3, 33, 300)] {
        let pixels = pixels(first, width, height);
        wanted.add(&Frame::new(&pixels, width, height, 0, 0).unwrap(), settings(&bundle)).unwrap();
    }
    assert_eq!(read, wanted);
    // One of the encoder's size is taken as it is.
    assert!(read.pictures().next().unwrap() == pixels(2, 80, 80));
}
