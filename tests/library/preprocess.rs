//! Preprocessing of frames and masks: geometry, padding, normalisation and refused settings.

use figureground::frame::Frame;
use figureground::mask::{Mask, PixelBox, Size};
use figureground::preprocess::{
    ChannelOrder, Geometry, Interpolation, Layout, MaskSampler, PreprocessSettings, Preprocessor, Resampler, Resize,
    ResizeLibrary,
};
use figureground::view::Fill;

fn size(width: u32, height: u32) -> Size {
    Size::new(width, height).unwrap()
}

/// Returns an RGB picture of one colour.
fn flat(size: Size, rgb: [u8; 3]) -> Vec<u8> {
    rgb.repeat(size.area())
}

fn geometry(resize: Resize, source: (u32, u32), target: (u32, u32)) -> Geometry {
    let size = |(width, height)| Size::new(width, height).unwrap();
    Geometry::new(resize, size(source), size(target)).unwrap()
}

#[test]
fn boxes_are_rounded_outward_and_clipped_to_the_crop() {
    let geometry = geometry(Resize::ShortestThenCrop { shortest: 100 }, (400, 200), (100, 100));
    let whole = PixelBox { left: 0, top: 0, right: 400, bottom: 200 };
    assert_eq!(geometry.place(whole), Some(PixelBox { left: 0, top: 0, right: 100, bottom: 100 }));
    let odd = PixelBox { left: 101, top: 3, right: 104, bottom: 5 };
    assert_eq!(geometry.place(odd), Some(PixelBox { left: 0, top: 1, right: 2, bottom: 3 }));
    assert_eq!(geometry.place(PixelBox { left: 0, top: 0, right: 100, bottom: 200 }), None);
    assert_eq!(geometry.place(PixelBox { left: 300, top: 0, right: 400, bottom: 200 }), None);
}

#[test]
fn frames_without_pixels_or_with_too_many_after_scaling_are_refused() {
    let strip = Size::new(1_000_000, 16).unwrap();
    let target = Size::new(224, 224).unwrap();
    assert!(Geometry::new(Resize::Letterbox { pad: [0; 3] }, strip, target).is_err());
    assert!(Geometry::new(Resize::ShortestThenCrop { shortest: 224 }, strip, target).is_err());
    assert!(Geometry::new(Resize::ShortestThenCrop { shortest: 0 }, target, target).is_err());
}

fn sampled(mask: &Mask, segmenter: &Geometry, encoder: &Geometry) -> Mask {
    let mut crop = Mask::new(encoder.target());
    MaskSampler::new(mask.size(), segmenter, encoder).unwrap().apply(mask, &mut crop).unwrap();
    crop
}

#[test]
fn the_padding_of_a_letterboxed_mask_does_not_reach_the_crop() {
    let frame = size(64, 32);
    let segmenter = Geometry::new(Resize::Letterbox { pad: [0; 3] }, frame, size(16, 16)).unwrap();
    let encoder = Geometry::new(Resize::Squash, frame, size(24, 24)).unwrap();
    let mut mask = Mask::new(size(16, 16));
    mask.probabilities_mut()[4 * 16..12 * 16].fill(1.0);
    assert!(sampled(&mask, &segmenter, &encoder).probabilities().iter().all(|p| (p - 1.0).abs() < 1e-6));
}

#[test]
fn the_padding_of_the_encoder_has_no_person() {
    let frame = size(64, 32);
    let segmenter = Geometry::new(Resize::Squash, frame, frame).unwrap();
    let encoder = Geometry::new(Resize::Letterbox { pad: [0; 3] }, frame, size(16, 16)).unwrap();
    let mut mask = Mask::new(size(64, 32));
    mask.probabilities_mut().fill(1.0);
    let rows: Vec<f32> = sampled(&mask, &segmenter, &encoder).probabilities().chunks(16).map(|row| row[0]).collect();
    assert!(rows[..4].iter().chain(&rows[12..]).all(|p| *p == 0.0));
    assert!(rows[4..12].iter().all(|p| (p - 1.0).abs() < 1e-6));
}

#[test]
fn pixels_outside_a_cropping_segmenter_have_no_person() {
    let frame = size(64, 32);
    let segmenter = Geometry::new(Resize::ShortestThenCrop { shortest: 32 }, frame, size(32, 32)).unwrap();
    let encoder = Geometry::new(Resize::Squash, frame, frame).unwrap();
    let mut mask = Mask::new(size(32, 32));
    mask.probabilities_mut().fill(1.0);
    let crop = sampled(&mask, &segmenter, &encoder);
    assert_eq!(crop.probabilities()[..64].iter().filter(|p| **p > 0.5).count(), 32);
}

#[test]
fn geometries_of_different_frame_sizes_are_refused() {
    let wide = Geometry::new(Resize::Squash, size(64, 32), size(8, 8)).unwrap();
    let tall = Geometry::new(Resize::Squash, size(32, 64), size(8, 8)).unwrap();
    assert!(MaskSampler::new(size(8, 8), &wide, &tall).is_err());
}

#[test]
fn equal_sizes_change_nothing() {
    let size = Size::new(16, 17).unwrap();
    let pixels: Vec<u8> = (0..3 * size.area()).map(|i| (i * 37 % 256) as u8).collect();
    let frame = Frame::new(&pixels, 16, 17, 0, 0).unwrap();
    let same = Geometry::new(Resize::Squash, size, size).unwrap();
    for family in [ResizeLibrary::Pillow, ResizeLibrary::OpenCv] {
        for interpolation in [Interpolation::Bilinear, Interpolation::Bicubic] {
            let mut crop = vec![0; pixels.len()];
            Resampler::new(&same, interpolation, family).apply(&frame, &mut crop).unwrap();
            assert_eq!(crop, pixels);
        }
    }
}

#[test]
fn the_padding_of_a_letterbox_keeps_its_pixels() {
    let (source, target) = (Size::new(32, 16).unwrap(), Size::new(8, 8).unwrap());
    let letterbox = Geometry::new(Resize::Letterbox { pad: [9; 3] }, source, target).unwrap();
    let (pixels, mut crop) = (flat(source, [200; 3]), flat(target, [9; 3]));
    let frame = Frame::new(&pixels, 32, 16, 0, 0).unwrap();
    Resampler::new(&letterbox, Interpolation::Bicubic, ResizeLibrary::Pillow).apply(&frame, &mut crop).unwrap();
    let rows: Vec<u8> = crop.chunks_exact(24).map(|row| row[0]).collect();
    assert_eq!(rows, [9, 9, 200, 200, 200, 200, 9, 9]);
}

#[test]
fn a_frame_of_another_size_is_refused() {
    let (size, other) = (Size::new(16, 32).unwrap(), Size::new(32, 16).unwrap());
    let pixels = flat(other, [0; 3]);
    let frame = Frame::new(&pixels, 32, 16, 0, 0).unwrap();
    let same = Geometry::new(Resize::Squash, size, size).unwrap();
    let mut resampler = Resampler::new(&same, Interpolation::Bilinear, ResizeLibrary::OpenCv);
    assert!(resampler.apply(&frame, &mut vec![0; pixels.len()]).is_err());
}

fn imagenet() -> PreprocessSettings {
    PreprocessSettings {
        width: 16,
        height: 16,
        resize: Resize::ShortestThenCrop { shortest: 18 },
        interpolation: Interpolation::Bicubic,
        family: ResizeLibrary::Pillow,
        layout: Layout::Nchw,
        channel_order: ChannelOrder::Rgb,
        scale: 1.0 / 255.0,
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
    }
}

#[test]
fn zero_deviations_infinite_numbers_and_crops_that_are_too_large_are_refused() {
    let refused = |change: fn(&mut PreprocessSettings)| {
        let mut settings = imagenet();
        change(&mut settings);
        settings.validate().is_err()
    };
    assert!(imagenet().validate().is_ok());
    assert!(refused(|settings| settings.std[1] = 0.0));
    assert!(refused(|settings| settings.std[1] = f32::INFINITY));
    assert!(refused(|settings| settings.mean[2] = f32::NAN));
    assert!(refused(|settings| settings.scale = f32::MAX));
    assert!(refused(|settings| settings.width = 0));
    assert!(refused(|settings| settings.width = 19));
}

#[test]
fn a_picture_of_one_colour_normalises_like_the_colour() {
    let size = Size::new(40, 20).unwrap();
    let pixels = flat(size, [10, 100, 200]);
    let frame = Frame::new(&pixels, 40, 20, 0, 0).unwrap();
    for (layout, channel_order) in [(Layout::Nchw, ChannelOrder::Bgr), (Layout::Nhwc, ChannelOrder::Rgb)] {
        let settings = PreprocessSettings { layout, channel_order, ..imagenet() };
        let Fill(colour) = settings.fill([10.0, 100.0, 200.0]);
        let mut values = vec![0.0; 3 * 16 * 16];
        Preprocessor::new(&settings, size).unwrap().apply(&frame, &mut values).unwrap();
        match layout {
            Layout::Nchw => assert!((0..3).all(|c| values[c * 256..][..256].iter().all(|v| *v == colour[c]))),
            Layout::Nhwc => assert!(values.chunks_exact(3).all(|pixel| pixel == colour)),
        }
    }
}

#[test]
fn the_mean_colour_of_imagenet_normalises_to_zero() {
    let Fill(colour) = imagenet().fill([123.675, 116.28, 103.53]);
    assert!(colour.iter().all(|value| value.abs() < 1e-6));
}
