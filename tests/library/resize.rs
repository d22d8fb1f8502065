//! Resampling compared with Pillow and OpenCV, on the pictures of `tests/fixtures/resize`.

use figureground::frame::Frame;
use figureground::mask::Size;
use figureground::preprocess::{Geometry, Interpolation, Resampler, Resize, ResizeLibrary};
use image::RgbImage;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

/// A picture that a library resized in `tests/fixtures/resize.py`.
#[derive(Debug, Deserialize)]
struct Reference {
    source: String,
    family: ResizeLibrary,
    filter: Interpolation,
    width: u32,
    height: u32,
    file: String,
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/resize")
}

fn picture(file: &str) -> RgbImage {
    image::open(fixtures().join(file)).unwrap_or_else(|error| panic!("{file}: {error}")).to_rgb8()
}

fn resample(
    picture: &RgbImage,
    resize: Resize,
    target: (u32, u32),
    filter: Interpolation,
    family: ResizeLibrary,
) -> Vec<u8> {
    let frame = Frame::new(picture.as_raw(), picture.width(), picture.height(), 0, 0).unwrap();
    let target = Size::new(target.0, target.1).unwrap();
    let geometry = Geometry::new(resize, Size::from(&frame), target).unwrap();
    let mut crop = vec![0; 3 * target.area()];
    Resampler::new(&geometry, filter, family).apply(&frame, &mut crop).unwrap();
    crop
}

fn largest_difference(a: &[u8], b: &[u8]) -> u8 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

#[test]
fn resized_pictures_equal_pillow_and_are_within_one_level_of_opencv() {
    let manifest = fs::read(fixtures().join("manifest.json")).unwrap();
    let references: Vec<Reference> = serde_json::from_slice(&manifest).unwrap();
    for family in [ResizeLibrary::Pillow, ResizeLibrary::OpenCv] {
        assert!(references.iter().any(|reference| reference.family == family), "no reference of {family:?}");
    }
    for reference in &references {
        let (source, target) = (picture(&reference.source), (reference.width, reference.height));
        let ours = resample(&source, Resize::Squash, target, reference.filter, reference.family);
        let allowed = u8::from(reference.family == ResizeLibrary::OpenCv);
        let difference = largest_difference(&ours, &picture(&reference.file));
        assert!(difference <= allowed, "{difference} levels: {reference:?}");
    }
}

#[test]
fn a_crop_equals_the_centre_of_the_whole_resized_picture() {
    let source = picture("wide.png");
    assert_eq!(source.dimensions(), (97, 61));
    for family in [ResizeLibrary::Pillow, ResizeLibrary::OpenCv] {
        let crop = Resize::ShortestThenCrop { shortest: 46 };
        let crop = resample(&source, crop, (40, 37), Interpolation::Bicubic, family);
        let whole = resample(&source, Resize::Squash, (73, 46), Interpolation::Bicubic, family);
        for (y, row) in crop.chunks_exact(3 * 40).enumerate() {
            assert_eq!(row, &whole[3 * ((4 + y) * 73 + 16)..][..3 * 40], "{family:?}, row {y}");
        }
    }
}
