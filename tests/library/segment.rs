//! Person masks in the geometry of a target picture.

use figureground::Result;
use figureground::bundle::manifest::SegmenterSettings;
use figureground::engine::Segmenter;
use figureground::frame::Frame;
use figureground::mask::{Mask, PixelBox, ProvidedMasks, Shape, Size};
use figureground::preprocess::{Geometry, Resize};
use figureground::segment::{FrameMaskSampler, PersonSegmenter, Target};
use std::sync::{Arc, Mutex};

/// Segments the left half of every picture, with the picture's first input value as probability. Records batch sizes.
struct LeftHalf(Arc<Mutex<Vec<usize>>>);

const MASK: (u32, u32) = (128, 96);

impl Segmenter for LeftHalf {
    fn input_len(&self) -> usize {
        3 * 96 * 128
    }

    fn mask_size(&self) -> Size {
        Size::new(MASK.0, MASK.1).unwrap()
    }

    fn segment(&mut self, inputs: &[f32], masks: &mut [Mask]) -> Result<()> {
        self.0.lock().unwrap().push(masks.len());
        for (input, mask) in inputs.chunks_exact(self.input_len()).zip(masks) {
            for (i, p) in mask.probabilities_mut().iter_mut().enumerate() {
                *p = if i as u32 % MASK.0 < MASK.0 / 2 { input[0] } else { 0.0 };
            }
        }
        Ok(())
    }
}

fn settings(smoothing: f32, dilation: u32) -> SegmenterSettings {
    let mut settings = SegmenterSettings::parse(include_str!("../fixtures/demo/segmenter.toml")).expect("a manifest");
    (settings.smoothing, settings.dilation) = (smoothing, dilation);
    (settings.preprocess.mean, settings.preprocess.std) = ([0.0; 3], [1.0; 3]);
    settings
}

fn segmenter(settings: &SegmenterSettings, target: Target) -> (PersonSegmenter, Arc<Mutex<Vec<usize>>>) {
    let batches = Arc::new(Mutex::new(Vec::new()));
    (PersonSegmenter::new(Box::new(LeftHalf(batches.clone())), settings, target), batches)
}

fn columns(shape: &Shape) -> usize {
    shape.pixels()[..shape.size().width() as usize].iter().filter(|inside| **inside).count()
}

fn size(width: u32, height: u32) -> Size {
    Size::new(width, height).unwrap()
}

#[test]
fn shapes_have_the_size_and_geometry_of_the_target() {
    let pixels = vec![255; 3 * 64 * 48];
    let frame = Frame::new(&pixels, 64, 48, 0, 0).unwrap();
    for (target, shape) in [(Target::Frame, size(64, 48)), (Target::Squashed(size(20, 30)), size(20, 30))] {
        let (mut segmenter, _) = segmenter(&settings(0.0, 0), target);
        let person = segmenter.person_in(&frame).unwrap();
        assert_eq!((person.size(), columns(person)), (shape, shape.width() as usize / 2));
    }
    let (segmenter, _) = segmenter(&settings(0.0, 2), Target::Squashed(size(20, 30)));
    let mut segmenter = segmenter.with_target(Target::Frame);
    assert_eq!(columns(segmenter.person_in(&frame).unwrap()), 34, "dilated twice");
}

#[test]
fn frames_of_two_sizes_are_segmented_in_one_batch_without_those_that_have_masks() {
    let (wide, tall) = (vec![255; 3 * 64 * 48], vec![255; 3 * 32 * 80]);
    let mut person = Mask::new(size(32, 80));
    person.probabilities_mut()[5 * 32 + 7] = 1.0;
    let provided = ProvidedMasks { person, person_boxes: Vec::new(), objects: None, object_boxes: Vec::new() };
    let [wide, tall] = [Frame::new(&wide, 64, 48, 0, 0), Frame::new(&tall, 32, 80, 0, 0)].map(Result::unwrap);
    let frames = [wide, tall.with_masks(&provided), tall, wide];
    let (mut segmenter, batches) = segmenter(&settings(0.0, 0), Target::Frame);
    let mut shapes = Vec::new();
    segmenter.persons_in(frames.into_iter(), &mut shapes).unwrap();
    assert_eq!(*batches.lock().unwrap(), [3]);
    assert_eq!(shapes.iter().map(columns).collect::<Vec<_>>(), [32, 0, 16, 32]);
    let inside = shapes[1].pixels().iter().enumerate().filter(|(_, inside)| **inside).map(|(pixel, _)| pixel);
    assert!(inside.eq([5 * 32 + 7]), "the provided mask, pixel by pixel");
}

#[test]
fn masks_are_smoothed_along_a_stream_until_it_is_forgotten() {
    let (person, nobody) = (vec![255; 3 * 64 * 48], vec![0; 3 * 64 * 48]);
    let frame = |pixels, time_us| Frame::new(pixels, 64, 48, 0, time_us).unwrap();
    let (mut segmenter, _) = segmenter(&settings(1.0, 0), Target::Frame);
    let mut shapes = Vec::new();
    // After 0.5 s the previous mask has weight exp(-0.5): 1, 0.61, 0.37.
    let frames = [frame(&person, 0), frame(&nobody, 500_000), frame(&nobody, 1_000_000)];
    segmenter.persons_in(frames.into_iter(), &mut shapes).unwrap();
    assert_eq!(shapes.iter().map(columns).collect::<Vec<_>>(), [32, 32, 0]);
    assert_eq!(columns(segmenter.person_in(&frame(&person, 1_100_000)).unwrap()), 0, "0.43");
    segmenter.forget();
    assert_eq!(columns(segmenter.person_in(&frame(&person, 1_200_000)).unwrap()), 32);
}

#[test]
fn a_segmenter_that_does_not_tell_persons_apart_returns_one_instance() {
    let (person, nobody) = (vec![255; 3 * 64 * 48], vec![0; 3 * 64 * 48]);
    let (mut segmenter, _) = segmenter(&settings(0.0, 3), Target::Frame);
    for pixels in [&person, &nobody] {
        segmenter.push(&Frame::new(pixels, 64, 48, 0, 0).unwrap()).unwrap();
    }
    segmenter.segment().unwrap();
    let found = segmenter.instances(0).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].area, found[0].score), (PixelBox { left: 0, top: 0, right: 32, bottom: 48 }, 1.0));
    assert_eq!(found[0].probabilities.size(), size(64, 48));
    assert!(segmenter.instances(1).unwrap().is_empty());
}

#[test]
fn masks_of_whole_frames_take_the_geometry_of_the_target() {
    let target = Geometry::new(Resize::ShortestThenCrop { shortest: 24 }, size(96, 48), size(24, 24)).unwrap();
    let mut mask = Mask::new(size(96, 48));
    for (pixel, p) in mask.probabilities_mut().iter_mut().enumerate() {
        *p = f32::from(u8::from(pixel % 96 < 48));
    }
    let mut shape = Shape::new(size(24, 24));
    FrameMaskSampler::new(&target).unwrap().shape(&mask, 0.5, &mut shape).unwrap();
    assert_eq!(columns(&shape), 12);
}
