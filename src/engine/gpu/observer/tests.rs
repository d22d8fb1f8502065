//! Each step of the frame's way against what the CPU does with the same numbers.

use super::graph::Graph;
use super::lent::{Lent, Sizes};
use super::people::{decoded, shapes_of_masks, words};
use super::pictures::{FRAME, PLACE, pictures};
use super::rig::Rig;
use super::scores::{ORDER, scores};
use super::{GpuClipEncoder, Scratch, embeddings, people, unpack};
use crate::bundle::Bundle;
use crate::bundle::manifest::{DecodeKind, DecodeSettings, Manifest, PersonChannels};
use crate::clip_encoder::{CropGeometry, FrameRecording};
use crate::engine::Precision;
use crate::engine::decode;
use crate::engine::gpu::plan::{Origin, Plan, Weight};
use crate::engine::gpu::shader::Element;
use crate::engine::gpu::view::View;
use crate::engine::gpu::{Device, Gpu};
use crate::frame::Frame;
use crate::mask::{Boxes, Components, Dilation, Mask, Regions, Shape, Size};
use crate::preprocess::{ChannelOrder, Interpolation, Layout, PreprocessSettings, Resize, ResizeLibrary};
use crate::view::{Fill, ViewComposer};
use crate::zeroshot::{Embedding, LabelBank, LogProbs, TemplateFusion, TextEmbeds, mean_pool};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The device of this machine; without one a test says so and ends, or fails where FIGUREGROUND_GPU=require.
fn device() -> Option<Arc<Device>> {
    match Gpu::any().and_then(|gpu| Device::open(&gpu)) {
        Ok(device) => Some(device),
        Err(e) if std::env::var("FIGUREGROUND_GPU").is_ok_and(|value| value == "require") => panic!("{e}"),
        Err(e) => {
            eprintln!("SKIPPED: {e}");
            None
        }
    }
}

/// Seeded whole numbers below 2^24.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 40) as u32
    }

    /// From 0 to 1.
    fn unit(&mut self) -> f32 {
        self.next() as f32 / (1u32 << 24) as f32
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }

    /// From -4 to 4.
    fn floats(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| 8.0 * self.unit() - 4.0).collect()
    }
}

fn built_in() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models/built-in")
}

fn manifest() -> Manifest {
    crate::bundle::read_manifest(&built_in()).unwrap()
}

fn size(width: u32, height: u32) -> Size {
    Size::new(width, height).unwrap()
}

fn rig(device: &Arc<Device>, pixels: usize) -> Rig {
    let sizes = Sizes { segmenter_inputs: pixels, pixel_values: pixels, masks: pixels, people: pixels, slots: pixels };
    Rig::new(device.clone(), Precision::F32, sizes).unwrap()
}

#[test]
fn pictures_are_the_cpus_to_the_bit() {
    let Some(device) = device() else { return };
    let settings = |resize, interpolation, family, layout, channel_order| PreprocessSettings {
        width: 40,
        height: 32,
        resize,
        interpolation,
        family,
        layout,
        channel_order,
        scale: 1.0 / 255.0,
        mean: [0.4, 0.5, 0.6],
        std: [0.2, 0.3, 0.4],
    };
    let resizes = [Resize::Squash, Resize::Letterbox { pad: [114, 9, 200] }, Resize::ShortestThenCrop { shortest: 41 }];
    let mut numbers = Numbers(1);
    for (index, (width, height)) in [(131, 97), (17, 90), (40, 32), (300, 33)].into_iter().enumerate() {
        for (turn, resize) in resizes.into_iter().enumerate() {
            for family in [ResizeLibrary::Pillow, ResizeLibrary::OpenCv] {
                let mut manifest = manifest();
                let interpolation = [Interpolation::Bilinear, Interpolation::Bicubic][(index + turn) % 2];
                let segmenter = settings(resize, interpolation, family, Layout::Nhwc, ChannelOrder::Bgr);
                let encoder =
                    settings(resizes[(turn + 1) % 3], Interpolation::Bicubic, family, Layout::Nchw, ChannelOrder::Rgb);
                (manifest.segmenter.preprocess, manifest.vision.preprocess) = (segmenter, encoder);
                let pixels = numbers.bytes((3 * width * height) as usize);
                let frame = Frame::new(&pixels, width, height, 0, 0).unwrap();
                let mut lens = CropGeometry::new(&manifest, &frame, size(8, 8)).unwrap();
                let (picture, frames, place) = (3 * 40 * 32, 3, 2);
                let mut plan = pictures(&lens, frames);
                let made: Vec<View> = [1, 3].map(|dispatch| plan.dispatches[dispatch].output.clone()).to_vec();
                plan.outputs = made;
                let mut rig = rig(&device, frames * picture);
                let session = rig.session(plan).unwrap();
                rig.submit(&session, |upload| {
                    upload.input(FRAME, frame.pixels());
                    upload.input(PLACE, &[place]);
                })
                .unwrap();
                let mut want = [vec![0.0; picture], vec![0.0; picture]];
                lens.show_segmenter(&frame, &mut want[0]).unwrap();
                lens.show_encoder(&frame, &mut want[1]).unwrap();
                session
                    .read_numbers(|got| {
                        for (got, want) in got.iter().zip(&want) {
                            let got = &got[place as usize * picture..];
                            assert!(got == want, "{width}x{height} {resize:?} {interpolation:?} {family:?}");
                        }
                    })
                    .unwrap();
            }
        }
    }
}

#[test]
fn scores_are_decoded_as_on_the_cpu() {
    let Some(device) = device() else { return };
    let (items, pixels) = (3, 301);
    let mut numbers = Numbers(2);
    let people = [PersonChannels::Channels(vec![1, 2]), PersonChannels::AllBut(0)];
    for kind in
        [DecodeKind::Probability, DecodeKind::Sigmoid, DecodeKind::Softmax, DecodeKind::Argmax, DecodeKind::MinMax]
    {
        for (layout, person) in [(Layout::Nchw, &people[0]), (Layout::Nhwc, &people[1]), (Layout::Nhwc, &people[0])] {
            let decode = DecodeSettings { kind, layout, channels: 4, person: person.clone(), prototypes: None };
            let mut scores = numbers.floats(items * pixels * 4);
            if kind != DecodeKind::MinMax {
                scores[5] = f32::NAN;
                scores[900] = f32::INFINITY;
            }
            let mut plan = Plan::default();
            let input = plan.input(scores.len(), Element::Stored);
            let view = View::whole(input, &[items, 4, 7, 43]);
            let masks = decoded(&mut plan, &view, &decode, pixels);
            plan.outputs = vec![View::whole(masks, &[items * pixels])];
            let mut session = rig(&device, 4).session(plan).unwrap();
            let mut got = vec![9.0; items * pixels];
            session.run(&[&scores], &mut [&mut got]).unwrap();
            let mut want = vec![0.0; items * pixels];
            for (scores, want) in scores.chunks_exact(4 * pixels).zip(want.chunks_exact_mut(pixels)) {
                decode::decode(&decode, scores, want);
            }
            for (place, (got, want)) in got.iter().zip(&want).enumerate() {
                assert!((got - want).abs() <= 2e-6, "{kind:?} {layout:?} {person:?} at {place}: {got} for {want}");
            }
        }
    }
}

/// A soft disc somewhere, and noise.
fn mask(numbers: &mut Numbers, size: Size) -> Mask {
    let mut mask = Mask::new(size);
    let [x, y, r] = [20.0, 20.0, 6.0].map(|range| 4.0 + range * numbers.unit());
    for (place, p) in mask.probabilities_mut().iter_mut().enumerate() {
        let (i, j) = (place % size.width() as usize, place / size.width() as usize);
        let distance = (i as f32 - x).hypot(j as f32 - y);
        *p = (0.5 + (r - distance) / 8.0 + 0.4 * (numbers.unit() - 0.5)).clamp(0.0, 1.0);
    }
    mask
}

#[test]
fn shapes_are_the_cpus() {
    let Some(device) = device() else { return };
    let mut numbers = Numbers(3);
    let pixels = numbers.bytes(3 * 90 * 50);
    let frame = Frame::new(&pixels, 90, 50, 0, 0).unwrap();
    for (smoothing, dilation, resize) in [
        (0.0, 0, Resize::Squash),
        (0.7, 2, Resize::ShortestThenCrop { shortest: 140 }),
        (0.3, 1, Resize::Letterbox { pad: [0; 3] }),
    ] {
        let mut manifest = manifest();
        (manifest.segmenter.smoothing, manifest.segmenter.dilation) = (smoothing, dilation);
        manifest.segmenter.preprocess.resize = resize;
        manifest.segmenter.threshold = 0.4;
        let (mask_size, target) = (size(33, 29), manifest.vision.preprocess.target().unwrap());
        let mut lens = CropGeometry::new(&manifest, &frame, mask_size).unwrap();
        let mut rig = rig(&device, 4 * mask_size.area().max(target.area()));
        let mut before: Option<Mask> = None;
        // Twice, so that the second batch is smoothed by the last mask of the first.
        for round in 0..2 {
            let count = 3 - round;
            let session = rig.session(shapes_of_masks(mask_size, &lens, count, &manifest.segmenter)).unwrap();
            let masks: Vec<Mask> = (0..count).map(|_| mask(&mut numbers, mask_size)).collect();
            let memory: Vec<f32> =
                masks.iter().enumerate().map(|(i, _)| if round + i == 0 { 0.0 } else { 0.6 }).collect();
            let flat: Vec<f32> = masks.iter().flat_map(|mask| mask.probabilities().to_vec()).collect();
            rig.submit(&session, |upload| {
                if smoothing > 0.0 {
                    upload.input(people::MEMORY, &memory);
                }
                upload.input(usize::from(smoothing > 0.0), &flat);
            })
            .unwrap();
            let mut got = vec![Shape::new(target); count];
            session
                .read(|bytes| {
                    let rows = bytes.as_chunks::<4>().0.chunks_exact(words(target));
                    got.iter_mut().zip(rows).for_each(|(shape, row)| unpack(row, shape));
                })
                .unwrap();
            for (mut mask, got) in masks.into_iter().zip(&got) {
                if let Some(before) = before.as_ref().filter(|_| smoothing > 0.0) {
                    mask.smooth(before, 0.6).unwrap();
                }
                before = Some(mask.clone());
                let (mut crop, mut want) = (Mask::new(target), Shape::new(target));
                lens.place_mask(&mask, &mut crop).unwrap();
                want.threshold(&crop, 0.4).unwrap();
                Dilation::new(target, dilation).apply(&mut want).unwrap();
                // A sum in another order may fall on the other side of the threshold.
                let close = crop.probabilities().iter().filter(|p| (**p - 0.4).abs() < 1e-5).count();
                let other = got.pixels().iter().zip(want.pixels()).filter(|(got, want)| got != want).count();
                assert!(other <= close * (1 + 4 * dilation as usize), "{other} pixels, {close} at the threshold");
                assert!((0.01..0.99).contains(&want.area()), "{}", want.area());
            }
        }
    }
}

#[test]
fn views_are_the_cpus_to_the_bit() {
    let Some(device) = device() else { return };
    let (size, count, fill) = (size(37, 29), 3, Fill([0.25, -1.5, 3.0]));
    let (picture, mut numbers) = (3 * size.area(), Numbers(4));
    let pixel_values = numbers.floats(count * picture);
    let mut rig = rig(&device, count * picture);
    let mut plan = Plan::default();
    let output = plan.tensor(3 * count * picture, Element::Stored, Origin::Made);
    let compose = embeddings::composed(&mut plan, size, fill, count, output);
    plan.dispatches.push(compose);
    plan.outputs = vec![View::whole(output, &[3 * count * picture])];
    let session = rig.session(plan).unwrap();

    let mut people = vec![0u32; count * words(size)];
    let (mut ends, mut boxes, mut want) = (vec![0], Vec::new(), vec![0.0; 3 * count * picture]);
    for item in 0..count {
        // Somebody, somebody in two places, nobody.
        let mut person = Shape::new(size);
        let blobs: &[[usize; 2]] = [&[[3, 4]][..], &[[0, 0], [25, 20]], &[]][item];
        for &[x, y] in blobs {
            (0..63).for_each(|i| person.pixels_mut()[(y + i / 9) * 37 + x + i % 9] = true);
        }
        let (mut found, mut components) = (Boxes::new(), Components::new(size));
        components.boxes(&person, &mut found).unwrap();
        assert_eq!(found.len(), blobs.len());
        let regions = Regions { person: &person, person_boxes: &found, objects: None, object_boxes: &[] };
        let views = &mut want[3 * item * picture..][..3 * picture];
        let values = &pixel_values[item * picture..][..picture];
        ViewComposer::new(size, fill, None).compose(values, &regions, views).unwrap();
        for (place, _) in person.pixels().iter().enumerate().filter(|(_, pixel)| **pixel) {
            people[item * words(size) + place / 32] |= 1 << (place % 32);
        }
        boxes.extend(found.iter().flat_map(|b| [b.left, b.top, b.right, b.bottom].map(|side| side as i32)));
        ends.push((boxes.len() / 4) as i32);
    }
    rig.fill(Lent::PixelValues, bytemuck::cast_slice(&pixel_values));
    rig.fill(Lent::People, bytemuck::cast_slice(&people));
    rig.submit(&session, |upload| upload.input(embeddings::BOXES, &[ends, boxes].concat())).unwrap();
    session.read_numbers(|got| assert!(got[0] == want)).unwrap();
}

fn bank(numbers: &mut Numbers, classes: usize, templates: usize, dim: usize, fusion: TemplateFusion) -> LabelBank {
    let names = (0..classes).map(|class| format!("class {class}")).collect();
    let values = numbers.floats(classes * templates * dim);
    LabelBank::new(names, TextEmbeds { values: &values, templates, dim }, 3.0, fusion).unwrap()
}

#[test]
fn log_probabilities_are_the_cpus() {
    let Some(device) = device() else { return };
    let mut numbers = Numbers(5);
    let (frames, slots) = (4, 7);
    for (classes, templates, dim, fusion) in [
        (3, 1, 5, TemplateFusion::MeanEmbedding),
        (700, 3, 64, TemplateFusion::MeanSoftmax),
        (257, 2, 300, TemplateFusion::MeanEmbedding),
    ] {
        let bank = bank(&mut numbers, classes, templates, dim, fusion);
        let mut kept = numbers.floats(slots * 3 * dim);
        // As large as embeddings may be.
        kept.iter_mut().step_by(3 * dim).for_each(|value| *value *= 1e30);
        let order = [6, 0, 2, 2];
        let mut rig = rig(&device, slots * 3 * dim);
        let session = rig.session(scores(None, &bank, frames, slots).unwrap()).unwrap();
        rig.fill(Lent::Slots, bytemuck::cast_slice(&kept));
        rig.submit(&session, |upload| upload.input(ORDER, &order)).unwrap();
        let got = session.read_numbers(|got| got[0].clone()).unwrap();
        for (view, got) in got.chunks_exact(classes + 1).enumerate() {
            let mut clip = vec![0.0; dim];
            let row = |slot: i32| &kept[(slot as usize * 3 + view) * dim..][..dim];
            mean_pool(order.iter().map(|&slot| row(slot)), &mut clip).unwrap();
            let mut want = LogProbs::new(classes);
            bank.score(&Embedding::new(&mut clip).unwrap(), &mut want).unwrap();
            assert_eq!(got[classes], 1.0, "it has a direction");
            for (got, want) in got.iter().zip(want.values()) {
                assert!((got - want).abs() <= 1e-5 * want.abs().max(1.0), "{got} for {want}");
            }
        }
    }
}

#[test]
fn a_clip_without_a_direction_is_told() {
    let Some(device) = device() else { return };
    let bank = bank(&mut Numbers(6), 3, 1, 8, TemplateFusion::MeanEmbedding);
    for broken in [0.0, f32::NAN, f32::INFINITY] {
        let mut rig = rig(&device, 24);
        let session = rig.session(scores(None, &bank, 1, 1).unwrap()).unwrap();
        // The first view has a direction, the second has none, of the third one number is broken.
        let mut kept = [1.0; 24];
        kept[8..16].fill(0.0);
        kept[20] = broken;
        rig.fill(Lent::Slots, bytemuck::cast_slice(&kept));
        rig.submit(&session, |upload| upload.input(ORDER, &[0])).unwrap();
        let got = session.read_numbers(|got| [got[0][3], got[0][7], got[0][11]]).unwrap();
        assert_eq!(got, [1.0, 0.0, f32::from(u8::from(broken == 0.0))]);
    }
}

#[test]
fn a_model_for_one_item_is_run_for_each() {
    let Some(device) = device() else { return };
    let manifest = manifest().segmenter;
    let item = crate::engine::picture(&manifest.preprocess);
    let path = built_in().join(&manifest.file);
    let mut graph = Graph::read(&path, &manifest.input, &item, &[&manifest.output]).unwrap();
    let pictures = Numbers(7).floats(3 * graph.item_len());
    let run = |graph: &Graph| {
        let (mut plan, ends) = graph.plan(3).unwrap();
        plan.lend(ends.input, Lent::SegmenterInputs as usize);
        plan.outputs = ends.outputs;
        let mut rig = rig(&device, pictures.len());
        let session = rig.session(plan).unwrap();
        rig.fill(Lent::SegmenterInputs, bytemuck::cast_slice(&pictures));
        rig.submit(&session, |_| ()).unwrap();
        session.read_numbers(|got| got[0].clone()).unwrap()
    };
    let together = run(&graph);
    graph.single = true;
    let alone = run(&graph);
    let apart = together.iter().zip(&alone).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(together.len() == alone.len() && apart <= 1e-4, "{apart}");
}

#[test]
fn class_indices_are_numbers_behind_a_model() {
    let Some(device) = device() else { return };
    let manifest = manifest().segmenter;
    let path = built_in().join(&manifest.file);
    let item = crate::engine::picture(&manifest.preprocess);
    let graph = Graph::read(&path, &manifest.input, &item, &[&manifest.output]).unwrap();
    let mut plan = Plan::default();
    let indices = plan.tensor(6, Element::Integer, Origin::Weight(Weight::Integers([0, 15, 3, 15, 1, 0].into())));
    let numbers = super::graph::stored(&mut plan, View::whole(indices, &[1, 2, 3]));
    assert_eq!(plan.tensors[numbers.tensor].element, Element::Stored);
    let decode = DecodeSettings {
        kind: DecodeKind::Argmax,
        layout: Layout::Nchw,
        channels: 1,
        person: PersonChannels::Channels(vec![15]),
        prototypes: None,
    };
    let masks = decoded(&mut plan, &numbers, &decode, 6);
    plan.outputs = vec![View::whole(masks, &[6])];
    let mut got = [9.0; 6];
    rig(&device, 4).session(plan).unwrap().run(&[], &mut [&mut got]).unwrap();
    assert_eq!(got, [0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
    // What is stored already is left as it is.
    let (plan, ends) = graph.plan(1).unwrap();
    assert_eq!(plan.tensors[ends.outputs[0].tensor].element, Element::Stored);
}

#[test]
fn outputs_that_the_cpu_decodes_are_taken_apart_by_item() {
    let Some(device) = device() else { return };
    let bundle = Bundle::open(&built_in()).unwrap();
    let observer = GpuClipEncoder::new(&bundle, device.clone(), Precision::F32, FrameRecording::Off).unwrap();
    let models = &observer.models;
    let composer = ViewComposer::new(models.size, Fill([0.0; 3]), None);
    let mut scratch = Scratch::new(models, 2, composer);
    let mut rig = rig(&device, 2 * models.segmenter.item_len());
    let session = rig.session(people::outputs_of_pictures(&models.segmenter, 2).unwrap()).unwrap();
    let pictures = Numbers(8).floats(2 * models.segmenter.item_len());
    rig.fill(Lent::SegmenterInputs, bytemuck::cast_slice(&pictures));
    rig.submit(&session, |_| ()).unwrap();
    scratch.decode(&session, &models.decoder, 2).unwrap();
    let outputs = session.read_numbers(|got| got[0].clone()).unwrap();
    let area = models.decoder.size().area();
    for (item, mask) in scratch.masks.chunks_exact(area).enumerate() {
        let mut want = vec![0.0; area];
        models.decoder.decode(&outputs[item * outputs.len() / 2..][..outputs.len() / 2], &mut want);
        assert_eq!(mask, want);
    }
}
