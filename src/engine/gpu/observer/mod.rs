//! The clip encoder that runs on a GPU: a frame is uploaded once, as RGB8; the person's shape is read back, one bit per
//! pixel, for boxes, areas and recorded views; boxes are uploaded; the log-probabilities are read back.
//!
//! In the order of that way: [`pictures`] of a frame, the shapes of [`people`], the [`embeddings`] of three views, the
//! [`scores`] of a window. Each is a plan of its own, from a [`graph`] and the steps around it; they share [`lent`]
//! buffers on one [`rig`].

mod embeddings;
mod graph;
mod lent;
mod people;
mod pictures;
mod places;
mod rig;
mod scores;
#[cfg(test)]
mod tests;

use super::{Device, Session};
use crate::bundle::manifest::Manifest;
use crate::bundle::{Backgrounds, Bundle};
use crate::clip_encoder::{
    ClipEncoder, ClipPaster, CropGeometry, FrameRecorder, FrameRecording, FrameViews, Smoothing, Timing, timed,
};
use crate::engine::decode::Decoder;
use crate::engine::{KernelTime, Precision, StageTimes, dimension, picture};
use crate::error::{Error, Result, Setting, Stage};
use crate::frame::Frame;
use crate::mask::{Boxes, Components, Regions, Shape, Size};
use crate::view::{Areas, View, ViewComposer};
use crate::zeroshot::{LabelBank, LogProbs};
use graph::Graph;
use lent::{Lent, Sizes};
use places::PlaceSessions;
use rig::{Rig, Sessions};
use std::collections::BTreeMap;
use std::sync::Arc;

const VIEWS: usize = View::ALL.len();

/// Encodes clips with a bundle's models on one GPU.
#[derive(Debug)]
pub struct GpuClipEncoder {
    models: Models,
    manifest: Manifest,
    precision: Precision,
    rig: Rig,
    /// Whether the device stands in for one that was lost: that is done once.
    replaced: bool,
    lens: Option<CropGeometry>,
    sessions: Ready,
    /// Slots and capture times of the frames that are on the device and not encoded yet.
    pending: Vec<usize>,
    times: Vec<u64>,
    smoothing: Smoothing,
    areas: Vec<Areas>,
    scratch: Scratch,
    gallery: FrameRecorder,
    /// For probes, if they are on.
    paster: Option<ClipPaster>,
}

/// The models of a bundle.
#[derive(Debug)]
struct Models {
    segmenter: Graph,
    decoder: Decoder,
    vision: Graph,
    dimension: usize,
    temporal: Option<Graph>,
    bank: LabelBank,
    /// Size of the encoder's picture.
    size: Size,
}

/// What is built for the frames at hand.
#[derive(Debug, Default)]
struct Ready {
    pictures: Option<Session>,
    /// From pictures to shapes, or to what the CPU decodes.
    segment: Sessions,
    /// From masks that the CPU has decoded to shapes.
    shapes: Sessions,
    encode: Sessions,
    score: Option<Session>,
    places: PlaceSessions,
}

/// Memory that is kept from batch to batch.
#[derive(Debug)]
struct Scratch {
    shapes: Vec<Shape>,
    components: Components,
    boxes: Boxes,
    composer: ViewComposer,
    /// The weight of the mask before in each mask.
    memory: Vec<f32>,
    /// Where each frame's boxes begin and end, then the boxes.
    box_numbers: Vec<i32>,
    slots: Vec<i32>,
    order: Vec<i32>,
    /// A segmenter's outputs and masks, where the CPU decodes.
    outputs: Vec<f32>,
    masks: Vec<f32>,
    /// The views of one frame, where pictures are kept.
    pixel_values: Vec<f32>,
    views: Vec<f32>,
}

impl GpuClipEncoder {
    /// Opens the clip encoder of `bundle` on the first GPU. A software adapter is only used if there is no GPU, with a
    /// warning.
    ///
    /// # Errors
    /// Returns an error if there is no GPU, or a model cannot be loaded, does not match the manifest, has an
    /// unsupported operator, or does not fit into memory.
    pub fn open(bundle: &Bundle, precision: Precision, recording: FrameRecording) -> Result<Self> {
        Self::new(bundle, Device::any()?, precision, recording)
    }

    /// Creates the clip encoder of `bundle` on `device`.
    ///
    /// # Errors
    /// As [`GpuClipEncoder::open`].
    pub fn new(bundle: &Bundle, device: Arc<Device>, precision: Precision, recording: FrameRecording) -> Result<Self> {
        let manifest = bundle.manifest().clone();
        let models = Models::read(bundle)?;
        let frames = manifest.clip.frames;
        log::info!("backend gpu: {}", device.name());
        let rig = Rig::new(device, precision, models.sizes(frames, frames))?;
        let fill = manifest.vision.preprocess.fill(manifest.views.fill);
        let observer = Self {
            scratch: Scratch::new(&models, frames, ViewComposer::new(models.size, fill, None)),
            smoothing: Smoothing::new(manifest.segmenter.smoothing),
            gallery: FrameRecorder::new(&manifest, recording)?,
            paster: None,
            pending: Vec::with_capacity(frames),
            times: Vec::with_capacity(frames),
            areas: vec![Areas::default(); frames],
            models,
            manifest,
            precision,
            rig,
            replaced: false,
            lens: None,
            sessions: Ready::default(),
        };
        observer.try_models()?;
        Ok(observer)
    }

    /// Returns the current device.
    pub fn device(&self) -> &Arc<Device> {
        self.rig.device()
    }

    /// Plans what does not depend on the size of frames, so that a bundle that cannot run is refused before any frame.
    fn try_models(&self) -> Result<()> {
        let models = &self.models;
        self.rig.session(people::outputs_of_pictures(&models.segmenter, 1)?)?;
        self.rig.session(self.embeddings_of(1)?)?;
        Ok(())
    }

    fn embeddings_of(&self, count: usize) -> Result<super::plan::Plan> {
        let fill = self.manifest.vision.preprocess.fill(self.manifest.views.fill);
        embeddings::embeddings(&self.models.vision, self.models.size, fill, count, self.areas.len())
    }

    fn frames(&self) -> usize {
        self.manifest.clip.frames
    }

    /// Makes room for at least `slots` frames.
    fn make_room(&mut self, slots: usize) -> Result<()> {
        if slots > self.areas.len() {
            let sizes = self.models.sizes(self.frames(), slots);
            self.rig = Rig::new(self.rig.device().clone(), self.precision, sizes)?;
            self.areas.resize(slots, Areas::default());
            self.drop_sessions();
        }
        Ok(())
    }

    fn drop_sessions(&mut self) {
        self.sessions = Ready::default();
        self.lens = None;
    }

    /// Another lens for frames of another size; the plans that depend on it are made anew.
    fn look_through(&mut self, frame: &Frame<'_>) -> Result<()> {
        if self.lens.as_ref().is_some_and(|lens| lens.fits(frame)) {
            return Ok(());
        }
        let lens = CropGeometry::new(&self.manifest, frame, self.models.decoder.size())?;
        self.sessions.pictures = Some(self.rig.session(pictures::pictures(&lens, self.frames()))?);
        self.sessions.segment.clear();
        self.sessions.shapes.clear();
        self.lens = Some(lens);
        Ok(())
    }

    /// The shapes of all pending frames.
    fn segment(&mut self) -> Result<()> {
        let Self { models, manifest, rig, lens, sessions, smoothing, scratch, times, .. } = self;
        let Some(lens) = lens else { return Ok(()) };
        let (count, manifest) = (times.len(), &manifest.segmenter);
        scratch.memory.clear();
        if smoothing.is_on() {
            scratch.memory.extend(times.iter().map(|&time| smoothing.weight(time).unwrap_or(0.0)));
        }
        let mask = models.decoder.size();
        let made = match &models.decoder {
            Decoder::Pixels(..) => {
                let plan = || people::shapes_of_pictures(&models.segmenter, mask, lens, count, manifest);
                let session = sessions.segment.of(count, || rig.session(plan()?))?;
                rig.submit(session, |upload| scratch.remember(upload))?;
                session
            }
            Decoder::Instances(_) => {
                let plan = || people::outputs_of_pictures(&models.segmenter, count);
                let session = sessions.segment.of(count, || rig.session(plan()?))?;
                rig.submit(session, |_| ())?;
                scratch.decode(session, &models.decoder, count)?;
                let plan = || people::shapes_of_masks(mask, lens, count, manifest);
                let session = sessions.shapes.of(count, || rig.session(plan()))?;
                rig.submit(session, |upload| {
                    scratch.remember(upload);
                    upload.input(usize::from(!scratch.memory.is_empty()), &scratch.masks[..count * mask.area()]);
                })?;
                session
            }
        };
        let words = people::words(models.size);
        made.read(|bytes| {
            let rows = bytes.as_chunks::<4>().0.chunks_exact(words);
            scratch.shapes.iter_mut().zip(rows).for_each(|(shape, row)| unpack(row, shape));
        })
    }

    /// Boxes, areas and, where they are kept, pictures of the pending frame at `place`.
    fn find_boxes(&mut self, place: usize) -> Result<()> {
        let Self { scratch, pending, areas, gallery, paster, lens, .. } = self;
        let Scratch { shapes, components, boxes, composer, box_numbers, .. } = scratch;
        let (person, slot) = (&shapes[place], pending[place]);
        if let Some(paster) = paster {
            paster.keep_person(slot, person)?;
        }
        components.boxes(person, boxes)?;
        let regions = Regions { person, person_boxes: boxes, objects: None, object_boxes: &[] };
        areas[slot] = composer.areas(&regions)?;
        let sides = |b: &crate::mask::PixelBox| [b.left, b.top, b.right, b.bottom].map(|side| side as i32);
        box_numbers.extend(boxes.iter().flat_map(sides));
        box_numbers[place + 1] = ((box_numbers.len() - pending.len() - 1) / 4) as i32;
        if gallery.is_open() && lens.is_some() {
            let picture = scratch.views.len() / VIEWS;
            let pixel_values = &scratch.pixel_values[place * picture..][..picture];
            composer.compose(pixel_values, &regions, &mut scratch.views)?;
            gallery.record(slot, &scratch.views, person)?;
        }
        Ok(())
    }

    /// Sends boxes and slots up and has the views of all pending frames encoded; returns at once.
    fn embed(&mut self) -> Result<()> {
        let count = self.pending.len();
        let Self { models, manifest, rig, sessions, scratch, pending, areas, .. } = self;
        let fill = manifest.vision.preprocess.fill(manifest.views.fill);
        let plan = || embeddings::embeddings(&models.vision, models.size, fill, count, areas.len());
        let session = sessions.encode.of(count, || rig.session(plan()?))?;
        scratch.slots.clear();
        scratch.slots.extend(pending.iter().map(|&slot| slot as i32));
        rig.submit(session, |upload| {
            upload.input(embeddings::BOXES, &scratch.box_numbers);
            upload.input(embeddings::SLOTS, &scratch.slots);
        })
    }
}

impl ClipEncoder for GpuClipEncoder {
    fn backend(&self) -> &'static str {
        "gpu"
    }

    fn begin(&mut self, slots: usize) -> Result<()> {
        self.recover()?;
        self.make_room(slots)?;
        self.gallery.begin(slots);
        if let Some(paster) = &mut self.paster {
            paster.begin(slots);
        }
        self.forget();
        Ok(())
    }

    fn forget(&mut self) {
        self.pending.clear();
        self.times.clear();
        self.smoothing.forget();
    }

    fn take(&mut self, frame: &Frame<'_>, slot: usize, timing: &mut Timing) -> Result<()> {
        if frame.provided_masks().is_some() {
            let next = "leave the masks out, or choose the CPU backend";
            let error = Error::new(Stage::Engine, "frames without masks", "frames with masks", next);
            return Err(error.about(Setting::Masks).about(Setting::Backend));
        }
        // What went up through one lens is masked through the same.
        if self.pending.len() == self.frames() || self.lens.as_ref().is_some_and(|lens| !lens.fits(frame)) {
            self.encode(timing)?;
        }
        timed(&mut timing.views, || {
            self.look_through(frame)?;
            let place = self.pending.len();
            if let (true, Some(lens)) = (self.gallery.is_open() || self.paster.is_some(), &mut self.lens) {
                let picture = 3 * self.models.size.area();
                lens.show_encoder(frame, &mut self.scratch.pixel_values[place * picture..][..picture])?;
                if let Some(paster) = &mut self.paster {
                    paster.keep_picture(slot, lens.encoder_crop());
                }
            }
            if let Some(session) = &self.sessions.pictures {
                self.rig.submit(session, |upload| {
                    upload.input(pictures::FRAME, frame.pixels());
                    upload.input(pictures::PLACE, &[place as i32]);
                })?;
            }
            self.pending.push(slot);
            self.times.push(frame.time_us());
            Ok(())
        })
    }

    fn encode(&mut self, timing: &mut Timing) -> Result<()> {
        let count = self.pending.len();
        if count == 0 {
            return Ok(());
        }
        timed(&mut timing.segment, || self.segment())?;
        timed(&mut timing.views, || {
            self.scratch.box_numbers.clear();
            self.scratch.box_numbers.resize(count + 1, 0);
            (0..count).try_for_each(|place| self.find_boxes(place))
        })?;
        // The scores are waited for next, so that waiting here costs nothing and tells the encoder's time from theirs.
        timed(&mut timing.encode, || self.embed().and_then(|()| self.rig.wait()))?;
        self.pending.clear();
        self.times.clear();
        Ok(())
    }

    fn score(&mut self, order: &[usize], log_probs: &mut [LogProbs; VIEWS]) -> Result<()> {
        let Self { models, rig, sessions, scratch, areas, .. } = self;
        if sessions.score.is_none() {
            let plan = scores::scores(models.temporal.as_ref(), &models.bank, order.len(), areas.len())?;
            sessions.score = Some(rig.session(plan)?);
        }
        let Some(session) = &sessions.score else { return Ok(()) };
        scratch.order.clear();
        scratch.order.extend(order.iter().map(|&slot| slot as i32));
        rig.submit(session, |upload| upload.input(scores::ORDER, &scratch.order))?;
        let all_have_directions = session.read(|bytes| {
            let rows = bytes.as_chunks::<4>().0.chunks_exact(models.bank.names().len() + 1);
            let mut found = true;
            for (row, view) in rows.zip(log_probs) {
                let (direction, row) = row.split_last().unwrap_or((&[0; 4], &[]));
                found &= f32::from_le_bytes(*direction) == 1.0;
                view.set(row.iter().map(|&bytes| f32::from_le_bytes(bytes)));
            }
            found
        })?;
        if all_have_directions {
            return Ok(());
        }
        let expected = "an embedding of finite numbers that are not all 0";
        let next = "compare the encoder's outputs on the GPU with those on the CPU";
        Err(Error::new(Stage::Engine, expected, "NaN, infinity or only zeros", next))
    }

    fn set_bank(&mut self, bank: LabelBank) -> Result<()> {
        bank.expect_encoder(self.models.dimension)?;
        // The plan of the scores holds the bank's rows; where they do not fit onto the device, the old ones stay.
        let session = match self.areas.len() {
            0 => None,
            slots => {
                let plan = scores::scores(self.models.temporal.as_ref(), &bank, self.manifest.clip.frames, slots)?;
                Some(self.rig.session(plan)?)
            }
        };
        self.models.bank = bank;
        self.sessions.score = session;
        Ok(())
    }

    fn set_places(&mut self, places: &Backgrounds, count: usize) -> Result<()> {
        let settings = &self.manifest.vision.preprocess;
        self.paster = Some(ClipPaster::new(settings, places, count, self.areas.len())?);
        Ok(())
    }

    fn probe(&mut self, order: &[usize], labels: &mut Vec<usize>, timing: &mut Timing) -> Result<()> {
        let Self { paster: Some(paster), models, rig, sessions, .. } = self else { return Ok(()) };
        timed(&mut timing.encode, || sessions.places.label(paster, order, models, rig, labels))
    }

    fn areas(&self, slot: usize) -> Areas {
        self.areas[slot]
    }

    fn pictures(&self) -> &[FrameViews] {
        self.gallery.pictures()
    }

    fn recover(&mut self) -> Result<bool> {
        let lost = self.rig.device();
        if !lost.is_lost() {
            return Ok(false);
        }
        if self.replaced {
            let next = "restart, or choose the CPU backend";
            let error = Error::new(Stage::Engine, "a GPU that stays available", "one that was lost twice", next);
            return Err(error.about(Setting::Backend));
        }
        log::warn!("{} was lost: opening another device", lost.name());
        self.rig = Rig::new(Device::any()?, self.precision, *self.rig.sizes())?;
        self.replaced = true;
        self.drop_sessions();
        self.forget();
        Ok(true)
    }

    fn kernel_times(&mut self) -> Result<Vec<StageTimes>> {
        let Ready { pictures, segment, shapes, encode, score, places } = &mut self.sessions;
        let sessions = [
            ("pictures", pictures.as_mut().map(|session| (1, session))),
            ("segment", segment.last()),
            ("shapes", shapes.last()),
            ("encode", encode.last()),
            ("places", places.last()),
            ("score", score.as_mut().map(|session| (self.manifest.clip.frames, session))),
        ];
        let mut all = Vec::new();
        for (stage, session) in sessions {
            let Some((pictures, session)) = session else { continue };
            let kernels = by_kernel(session.times()?);
            all.extend((!kernels.is_empty()).then_some(StageTimes { stage, pictures, kernels }));
        }
        Ok(all)
    }
}

impl Models {
    fn read(bundle: &Bundle) -> Result<Self> {
        let manifest = bundle.manifest();
        let (segmenter, vision) = (&manifest.segmenter, &manifest.vision);
        let outputs: Vec<&str> =
            [Some(segmenter.output.as_str()), segmenter.decode.prototypes.as_deref()].into_iter().flatten().collect();
        let path = bundle.path(&segmenter.file);
        let graph = Graph::read(&path, &segmenter.input, &picture(&segmenter.preprocess), &outputs)?;
        let decoder = Decoder::new(graph.output_items(), &path, segmenter)?;

        let path = bundle.path(&vision.file);
        let encoder = Graph::read(&path, &vision.input, &picture(&vision.preprocess), &[&vision.output])?;
        let dimension = dimension(encoder.output_items(), &vision.output, &path)?;
        let bank = bundle.label_bank()?;
        bank.expect_encoder(dimension)?;
        let temporal = match &manifest.temporal {
            Some(temporal) => {
                let path = bundle.path(&temporal.file);
                let item = [manifest.clip.frames, dimension];
                let graph = Graph::read(&path, &temporal.input, &item, &[&temporal.output])?;
                crate::engine::dimension(graph.output_items(), &temporal.output, &path)?;
                Some(graph)
            }
            None => None,
        };
        let size = vision.preprocess.target()?;
        Ok(Self { segmenter: graph, decoder, vision: encoder, dimension, temporal, bank, size })
    }

    /// What lies on the device for batches of `frames` frames and `slots` slots.
    fn sizes(&self, frames: usize, slots: usize) -> Sizes {
        Sizes {
            segmenter_inputs: frames * self.segmenter.item_len(),
            pixel_values: frames * self.vision.item_len(),
            masks: (1 + frames) * self.decoder.size().area(),
            people: frames * people::words(self.size),
            slots: slots * VIEWS * self.dimension,
        }
    }
}

impl Scratch {
    fn new(models: &Models, frames: usize, composer: ViewComposer) -> Self {
        let picture = models.vision.item_len();
        Self {
            shapes: vec![Shape::new(models.size); frames],
            components: Components::new(models.size),
            boxes: Boxes::new(),
            composer,
            memory: Vec::with_capacity(frames),
            box_numbers: Vec::with_capacity(embeddings::box_numbers(frames)),
            slots: Vec::with_capacity(frames),
            order: Vec::with_capacity(frames),
            outputs: Vec::new(),
            masks: Vec::new(),
            pixel_values: vec![0.0; frames * picture],
            views: vec![0.0; VIEWS * picture],
        }
    }

    /// Sends up how much the masks before count, where masks are smoothed at all.
    fn remember(&self, upload: &mut rig::Upload<'_>) {
        match self.memory.first() {
            None => return,
            // The first mask of a stream; whatever lies there is another's.
            Some(0.0) => upload.clear(Lent::Masks),
            Some(_) => {}
        }
        upload.input(people::MEMORY, &self.memory);
    }

    /// Decodes what a segmenter made of `count` frames into masks.
    fn decode(&mut self, session: &Session, decoder: &Decoder, count: usize) -> Result<()> {
        let area = decoder.size().area();
        self.masks.resize(count * area, 0.0);
        let lengths: Vec<usize> = session.plan().outputs.iter().map(|view| view.len() / count).collect();
        let row: usize = lengths.iter().sum();
        self.outputs.resize(row, 0.0);
        session.read_numbers(|outputs| {
            for (item, mask) in self.masks.chunks_exact_mut(area).enumerate() {
                let mut begin = 0;
                for (values, &length) in outputs.iter().zip(&lengths) {
                    self.outputs[begin..begin + length].copy_from_slice(&values[item * length..][..length]);
                    begin += length;
                }
                decoder.decode(&self.outputs, mask);
            }
        })
    }
}

/// The pixels of a packed shape.
fn unpack(words: &[[u8; 4]], shape: &mut Shape) {
    for (pixels, &word) in shape.pixels_mut().chunks_mut(32).zip(words) {
        let word = u32::from_le_bytes(word);
        pixels.iter_mut().enumerate().for_each(|(bit, pixel)| *pixel = (word >> bit) & 1 == 1);
    }
}

/// The times of all dispatches of each kernel, the longest first.
fn by_kernel(times: Vec<KernelTime>) -> Vec<KernelTime> {
    let mut sums: BTreeMap<&str, KernelTime> = BTreeMap::new();
    for time in times {
        match sums.get_mut(time.kernel) {
            Some(sum) => {
                sum.dispatches += time.dispatches;
                sum.milliseconds += time.milliseconds;
                sum.operations += time.operations;
                sum.bytes += time.bytes;
            }
            None => {
                sums.insert(time.kernel, time);
            }
        }
    }
    let mut times: Vec<KernelTime> = sums.into_values().collect();
    times.sort_by(|a, b| b.milliseconds.total_cmp(&a.milliseconds));
    times
}
