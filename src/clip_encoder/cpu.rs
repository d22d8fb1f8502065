//! The observer whose pixels are done on the CPU, with the models of any engine.

use super::crop_geometry::CropGeometry;
use super::frame_recorder::{FrameRecorder, FrameRecording, FrameViews};
use super::smoothing::Smoothing;
use super::{ClipEncoder, Timing, timed};
use crate::bundle::Bundle;
use crate::bundle::manifest::Manifest;
use crate::engine::Engine;
use crate::error::Result;
use crate::frame::Frame;
use crate::mask::{Boxes, Components, Dilation, Mask, ProvidedMasks, Regions, Shape, Size};
use crate::view::{Areas, View, ViewComposer};
use crate::zeroshot::{Embedding, LabelBank, LogProbs, mean_pool};

const VIEWS: usize = View::ALL.len();

/// Frames on their way into the models of an [`Engine`]: prepared one by one, segmented and encoded together. It owns
/// every buffer of that way.
#[derive(Debug)]
pub struct CpuClipEncoder {
    manifest: Manifest,
    engine: Engine,
    bank: LabelBank,
    crop: Option<CropGeometry>,
    batch: FrameBatch,
    slots: EncodedFrames,
    /// The clip's embedding of one view.
    clip: Vec<f32>,
    /// One view's frame embeddings in a row, for the temporal transformer.
    sequence: Vec<f32>,
}

impl CpuClipEncoder {
    /// The observer of `bundle` with the models of `engine`.
    ///
    /// # Errors
    /// When label bank, encoder or sizes do not fit together.
    pub fn new(bundle: &Bundle, engine: Engine, keep: FrameRecording) -> Result<Self> {
        let manifest = bundle.manifest().clone();
        let bank = bundle.label_bank()?;
        bank.expect_encoder(engine.vision.dimension())?;
        Ok(Self {
            crop: None,
            batch: FrameBatch::new(&manifest, &engine)?,
            slots: EncodedFrames { slots: Vec::new(), recorder: FrameRecorder::new(&manifest, keep)? },
            clip: vec![0.0; bank.dim()],
            sequence: vec![0.0; manifest.clip.frames * bank.dim()],
            manifest,
            engine,
            bank,
        })
    }

    /// The clip embedding of one view, not normalised: the mean of its frames', or what the transformer makes of them.
    fn fuse(&mut self, view: View, order: &[usize]) -> Result<()> {
        let dimension = self.clip.len();
        let slots = &self.slots.slots;
        let rows = order.iter().map(|&slot| &slots[slot].embeddings[view.index() * dimension..][..dimension]);
        match &mut self.engine.temporal {
            None => mean_pool(rows, &mut self.clip),
            Some(temporal) => {
                for (place, row) in self.sequence.chunks_exact_mut(dimension).zip(rows) {
                    place.copy_from_slice(row);
                }
                temporal.fuse(&self.sequence, &mut self.clip)
            }
        }
    }
}

impl ClipEncoder for CpuClipEncoder {
    fn backend(&self) -> &'static str {
        self.engine.backend
    }

    fn begin(&mut self, slots: usize) -> Result<()> {
        let embeddings = vec![0.0; VIEWS * self.engine.vision.dimension()];
        self.slots.slots.clear();
        self.slots.slots.resize(slots, EncodedFrame { areas: Areas::default(), embeddings });
        self.slots.recorder.begin(slots);
        self.forget();
        Ok(())
    }

    fn forget(&mut self) {
        self.batch.forget();
    }

    fn take(&mut self, frame: &Frame<'_>, slot: usize, timing: &mut Timing) -> Result<()> {
        // What was prepared through one crop is masked through the same.
        if self.batch.is_full() || self.crop.as_ref().is_some_and(|crop| !crop.fits(frame)) {
            self.encode(timing)?;
        }
        let crop = match &mut self.crop {
            Some(crop) if crop.fits(frame) => crop,
            crop => crop.insert(CropGeometry::new(&self.manifest, frame, self.engine.segmenter.mask_size())?),
        };
        self.batch.prepare(frame, slot, crop, timing)
    }

    fn encode(&mut self, timing: &mut Timing) -> Result<()> {
        let Some(crop) = &mut self.crop else { return Ok(()) };
        self.batch.flush(&mut self.engine, crop, &mut self.slots, &self.manifest, timing)
    }

    fn score(&mut self, order: &[usize], log_probs: &mut [LogProbs; VIEWS]) -> Result<()> {
        for view in View::ALL {
            self.fuse(view, order)?;
            self.bank.score(&Embedding::new(&mut self.clip)?, &mut log_probs[view.index()])?;
        }
        Ok(())
    }

    fn set_bank(&mut self, bank: LabelBank) -> Result<()> {
        bank.expect_encoder(self.bank.dim())?;
        self.bank = bank;
        Ok(())
    }

    fn areas(&self, slot: usize) -> Areas {
        self.slots.slots[slot].areas
    }

    fn pictures(&self) -> &[FrameViews] {
        self.slots.recorder.pictures()
    }
}

/// What is kept of a frame once it is encoded.
#[derive(Clone, Debug)]
struct EncodedFrame {
    areas: Areas,
    /// Frame embeddings of the three views, not normalised.
    embeddings: Vec<f32>,
}

/// The encoded frames of all open windows.
#[derive(Debug)]
struct EncodedFrames {
    slots: Vec<EncodedFrame>,
    recorder: FrameRecorder,
}

/// Frames that are prepared and not encoded yet.
#[derive(Debug)]
struct FrameBatch {
    size: Size,
    /// EncodedFrames of the prepared frames.
    pending: Vec<usize>,
    times: Vec<u64>,
    /// Masks that came with them.
    known: Vec<Option<ProvidedMasks>>,
    segmenter_input: Vec<f32>,
    pixel_values: Vec<f32>,
    views: Vec<f32>,
    embeddings: Vec<f32>,
    masks: Vec<Mask>,
    smoothing: Smoothing,
    /// The last mask of the stream.
    before: Mask,
    crop: Mask,
    person: Shape,
    dilation: Dilation,
    components: Components,
    boxes: Boxes,
    objects: Shape,
    object_boxes: Boxes,
    composer: ViewComposer,
}

impl FrameBatch {
    fn new(manifest: &Manifest, engine: &Engine) -> Result<Self> {
        let size = manifest.vision.preprocess.target()?;
        let frames = manifest.clip.frames;
        let picture = 3 * size.area();
        let fill = manifest.vision.preprocess.fill(manifest.views.fill);
        Ok(Self {
            size,
            pending: Vec::with_capacity(frames),
            times: Vec::with_capacity(frames),
            known: Vec::with_capacity(frames),
            segmenter_input: vec![0.0; frames * engine.segmenter.input_len()],
            pixel_values: vec![0.0; frames * picture],
            views: vec![0.0; frames * VIEWS * picture],
            embeddings: vec![0.0; frames * VIEWS * engine.vision.dimension()],
            masks: vec![Mask::new(engine.segmenter.mask_size()); frames],
            smoothing: Smoothing::new(manifest.segmenter.smoothing),
            before: Mask::new(engine.segmenter.mask_size()),
            crop: Mask::new(size),
            person: Shape::new(size),
            dilation: Dilation::new(size, manifest.segmenter.dilation),
            components: Components::new(size),
            boxes: Boxes::new(),
            objects: Shape::new(size),
            object_boxes: Boxes::new(),
            composer: ViewComposer::new(size, fill, None),
        })
    }

    fn is_full(&self) -> bool {
        self.pending.len() == self.masks.len()
    }

    /// Forgets the stream so far.
    fn forget(&mut self) {
        self.pending.clear();
        self.times.clear();
        self.known.clear();
        self.smoothing.forget();
    }

    fn prepare(&mut self, frame: &Frame<'_>, slot: usize, crop: &mut CropGeometry, timing: &mut Timing) -> Result<()> {
        let place = self.pending.len();
        let input = self.segmenter_input.len() / self.masks.len();
        let picture = 3 * self.size.area();
        timed(&mut timing.segment, || crop.show_segmenter(frame, &mut self.segmenter_input[place * input..][..input]))?;
        timed(&mut timing.views, || crop.show_encoder(frame, &mut self.pixel_values[place * picture..][..picture]))?;
        self.pending.push(slot);
        self.times.push(frame.time_us());
        self.known.push(frame.provided_masks().cloned());
        Ok(())
    }

    fn flush(
        &mut self,
        engine: &mut Engine,
        crop: &mut CropGeometry,
        slots: &mut EncodedFrames,
        manifest: &Manifest,
        timing: &mut Timing,
    ) -> Result<()> {
        let count = self.pending.len();
        if count == 0 {
            return Ok(());
        }
        let input = self.segmenter_input.len() / self.masks.len();
        // Where all masks came with their frames there is nothing to segment.
        if self.known.iter().any(Option::is_none) {
            timed(&mut timing.segment, || {
                engine.segmenter.segment(&self.segmenter_input[..count * input], &mut self.masks[..count])
            })?;
        }
        timed(&mut timing.views, || (0..count).try_for_each(|place| self.compose(place, crop, slots, manifest)))?;
        let views = VIEWS * 3 * self.size.area();
        let embeddings = VIEWS * engine.vision.dimension();
        timed(&mut timing.encode, || {
            engine.vision.encode(&self.views[..count * views], &mut self.embeddings[..count * embeddings])
        })?;
        for (&slot, row) in self.pending.iter().zip(self.embeddings.chunks_exact(embeddings)) {
            slots.slots[slot].embeddings.copy_from_slice(row);
        }
        self.pending.clear();
        self.times.clear();
        self.known.clear();
        Ok(())
    }

    /// The mask and the three views of the prepared frame at `place`.
    fn compose(
        &mut self,
        place: usize,
        crop: &mut CropGeometry,
        slots: &mut EncodedFrames,
        manifest: &Manifest,
    ) -> Result<()> {
        let known = self.known[place].take();
        match &known {
            Some(known) => self.follow(known, crop)?,
            None => self.find(place, crop, manifest)?,
        }
        let objects = known.as_ref().is_some_and(|known| known.objects.is_some()).then_some(&self.objects);
        let regions =
            Regions { person: &self.person, person_boxes: &self.boxes, objects, object_boxes: &self.object_boxes };
        let picture = 3 * self.size.area();
        let views = &mut self.views[place * VIEWS * picture..][..VIEWS * picture];
        let pixel_values = &self.pixel_values[place * picture..][..picture];
        let slot = self.pending[place];
        slots.slots[slot].areas = self.composer.compose(pixel_values, &regions, views)?;
        slots.recorder.record(slot, views, &self.person)
    }

    /// The person by the segmenter's mask.
    fn find(&mut self, place: usize, crop: &mut CropGeometry, manifest: &Manifest) -> Result<()> {
        self.smooth(place)?;
        crop.place_mask(&self.masks[place], &mut self.crop)?;
        self.person.threshold(&self.crop, manifest.segmenter.threshold)?;
        self.dilation.apply(&mut self.person)?;
        self.object_boxes.clear();
        self.components.boxes(&self.person, &mut self.boxes)
    }

    /// The person and objects by masks that came with the frame, as they are.
    fn follow(&mut self, known: &ProvidedMasks, crop: &mut CropGeometry) -> Result<()> {
        crop.place_known(&known.person, &mut self.person)?;
        match known.person_boxes.as_slice() {
            [] => self.components.boxes(&self.person, &mut self.boxes)?,
            boxes => crop.place_boxes(boxes, &mut self.boxes),
        }
        crop.place_boxes(&known.object_boxes, &mut self.object_boxes);
        match &known.objects {
            Some(objects) => crop.place_known(objects, &mut self.objects),
            None => Ok(()),
        }
    }

    /// Smooths a mask by the one before it.
    fn smooth(&mut self, place: usize) -> Result<()> {
        if !self.smoothing.is_on() {
            return Ok(());
        }
        let mask = &mut self.masks[place];
        if let Some(weight) = self.smoothing.weight(self.times[place]) {
            mask.smooth(&self.before, weight)?;
        }
        self.before.probabilities_mut().copy_from_slice(mask.probabilities());
        Ok(())
    }
}
