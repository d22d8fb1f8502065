//! The clip encoder that processes pixels on the CPU and runs the models of any engine.

use crate::bundle::manifest::Manifest;
use crate::bundle::{Backgrounds, Bundle};
use crate::clip_encoder::{ClipEncoder, ClipPaster, FrameRecorder, FrameRecording, FrameViews, Timing, timed};
use crate::engine::{Engine, ImageEncoder, TemporalEncoder};
use crate::error::Result;
use crate::frame::Frame;
use crate::mask::Size;
use crate::preprocess::{PreprocessSettings, Preprocessor};
use crate::segment::{PersonSegmenter, Target};
use crate::view::{Areas, View, ViewComposer};
use crate::zeroshot::{Embedding, LabelBank, LogProbs, mean_pool, top_k};
use core::fmt;

const VIEWS: usize = View::ALL.len();

/// Encodes clips with the models of an [`Engine`]: frames are prepared one by one, segmented and encoded in batches.
pub struct CpuClipEncoder {
    backend: &'static str,
    vision: Box<dyn ImageEncoder>,
    temporal: Option<Box<dyn TemporalEncoder>>,
    bank: LabelBank,
    segmenter: PersonSegmenter,
    settings: PreprocessSettings,
    /// Prepares the encoder's input, for frames of the current size.
    preprocessor: Option<Preprocessor>,
    composer: ViewComposer,
    recorder: FrameRecorder,
    /// For probes, if they are on.
    paster: Option<ClipPaster>,
    batch: FrameBatch,
    /// By slot.
    encoded: Vec<EncodedFrame>,
    /// The clip's embedding of one view.
    clip: Vec<f32>,
    /// One view's frame embeddings in order, for the temporal transformer.
    sequence: Vec<f32>,
}

/// An encoded frame.
#[derive(Clone, Debug)]
struct EncodedFrame {
    areas: Areas,
    /// Frame embeddings of the three views, not normalised.
    embeddings: Vec<f32>,
}

/// Frames that are prepared and not encoded yet.
#[derive(Debug)]
struct FrameBatch {
    /// Size of the encoder's input.
    size: Size,
    /// Largest number of frames.
    capacity: usize,
    /// Slots of the frames.
    slots: Vec<usize>,
    pixel_values: Vec<f32>,
    views: Vec<f32>,
    embeddings: Vec<f32>,
}

impl fmt::Debug for CpuClipEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CpuClipEncoder").field("backend", &self.backend).finish_non_exhaustive()
    }
}

impl CpuClipEncoder {
    /// Creates the clip encoder of `bundle` with the models of `engine`.
    ///
    /// # Errors
    /// Returns an error if label bank, encoder or sizes do not fit together.
    pub fn new(bundle: &Bundle, engine: Engine, recording: FrameRecording) -> Result<Self> {
        let Engine { backend, segmenter, vision, temporal } = engine;
        let manifest = bundle.manifest();
        let settings = manifest.vision.preprocess.clone();
        let bank = bundle.label_bank()?;
        bank.expect_encoder(vision.dimension())?;
        Ok(Self {
            backend,
            segmenter: PersonSegmenter::new(segmenter, &manifest.segmenter, Target::Model(settings.clone())),
            preprocessor: None,
            composer: ViewComposer::new(settings.target()?, settings.fill(manifest.views.fill), None),
            recorder: FrameRecorder::new(manifest, recording)?,
            paster: None,
            batch: FrameBatch::new(manifest, vision.dimension())?,
            encoded: Vec::new(),
            clip: vec![0.0; bank.dim()],
            sequence: vec![0.0; manifest.clip.frames * bank.dim()],
            settings,
            vision,
            temporal,
            bank,
        })
    }

    /// Composes the three views of the prepared frame `index`.
    fn compose(&mut self, index: usize) -> Result<()> {
        let slot = self.batch.slots[index];
        let (pixel_values, views) = self.batch.pictures(index);
        let regions = self.segmenter.regions(index)?;
        self.encoded[slot].areas = self.composer.compose(pixel_values, &regions, views)?;
        if let Some(paster) = &mut self.paster {
            paster.keep_person(slot, regions.person)?;
        }
        self.recorder.record(slot, views, regions.person)
    }

    /// Writes the clip embedding of one view, not normalised: the mean of its frames', or the temporal transformer's.
    fn fuse(&mut self, view: View, order: &[usize]) -> Result<()> {
        let dimension = self.clip.len();
        let encoded = &self.encoded;
        let rows = order.iter().map(|&slot| &encoded[slot].embeddings[view.index() * dimension..][..dimension]);
        fuse(&mut self.temporal, rows, &mut self.sequence, &mut self.clip)
    }

    /// Adds the first class of the selected clip in each of the paster's places to `labels`. `frames` is the number of
    /// its distinct frames.
    fn label_places(&mut self, paster: &mut ClipPaster, frames: usize, labels: &mut Vec<usize>) -> Result<()> {
        let mut log_probs = LogProbs::new(self.bank.names().len());
        let FrameBatch { size, views, embeddings, .. } = &mut self.batch;
        let (length, row) = (frames * 3 * size.area(), frames * self.clip.len());
        // As many places at a time as the batch of the views has room for.
        let places = (views.len() / length).min(embeddings.len() / row);
        for first in (0..paster.places()).step_by(places) {
            let count = places.min(paster.places() - first);
            for (place, clip) in views.chunks_exact_mut(length).take(count).enumerate() {
                paster.paste(first + place, clip)?;
            }
            self.vision.encode(&views[..count * length], &mut embeddings[..count * row])?;
            for clip in embeddings.chunks_exact(row).take(count) {
                let rows = paster.rows(clip, self.clip.len());
                fuse(&mut self.temporal, rows, &mut self.sequence, &mut self.clip)?;
                self.bank.score(&Embedding::new(&mut self.clip)?, &mut log_probs)?;
                labels.extend(top_k::<1>(log_probs.values()).first().map(|best| best.class));
            }
        }
        Ok(())
    }
}

/// Writes the clip embedding of frame embeddings `rows`, not normalised: their mean, or the temporal transformer's.
fn fuse<'a>(
    temporal: &mut Option<Box<dyn TemporalEncoder>>,
    rows: impl ExactSizeIterator<Item = &'a [f32]>,
    sequence: &mut [f32],
    clip: &mut [f32],
) -> Result<()> {
    match temporal {
        None => mean_pool(rows, clip),
        Some(temporal) => {
            for (target, row) in sequence.chunks_exact_mut(clip.len()).zip(rows) {
                target.copy_from_slice(row);
            }
            temporal.fuse(sequence, clip)
        }
    }
}

impl ClipEncoder for CpuClipEncoder {
    fn backend(&self) -> &'static str {
        self.backend
    }

    fn begin(&mut self, slots: usize) -> Result<()> {
        let embeddings = vec![0.0; VIEWS * self.vision.dimension()];
        self.encoded.clear();
        self.encoded.resize(slots, EncodedFrame { areas: Areas::default(), embeddings });
        self.recorder.begin(slots);
        if let Some(paster) = &mut self.paster {
            paster.begin(slots);
        }
        self.forget();
        Ok(())
    }

    fn forget(&mut self) {
        self.batch.slots.clear();
        self.segmenter.forget();
    }

    fn take(&mut self, frame: &Frame<'_>, slot: usize, timing: &mut Timing) -> Result<()> {
        let size = Size::new(frame.width(), frame.height())?;
        let fits = |preprocessor: &Preprocessor| preprocessor.geometry().source() == size;
        // All frames of a batch have the same size.
        if self.batch.is_full() || self.preprocessor.as_ref().is_some_and(|preprocessor| !fits(preprocessor)) {
            self.encode(timing)?;
        }
        let preprocessor = match &mut self.preprocessor {
            Some(preprocessor) if fits(preprocessor) => preprocessor,
            other => other.insert(Preprocessor::new(&self.settings, size)?),
        };
        let (pixel_values, _) = self.batch.pictures(self.batch.slots.len());
        timed(&mut timing.views, || preprocessor.apply(frame, pixel_values))?;
        if let Some(paster) = &mut self.paster {
            paster.keep_picture(slot, preprocessor.crop());
        }
        timed(&mut timing.segment, || self.segmenter.push(frame))?;
        self.batch.slots.push(slot);
        Ok(())
    }

    fn encode(&mut self, timing: &mut Timing) -> Result<()> {
        let count = self.batch.slots.len();
        if count == 0 {
            return Ok(());
        }
        timed(&mut timing.segment, || self.segmenter.segment())?;
        timed(&mut timing.views, || (0..count).try_for_each(|index| self.compose(index)))?;
        let FrameBatch { capacity, slots, views, embeddings, .. } = &mut self.batch;
        let (picture, row) = (views.len() / *capacity, embeddings.len() / *capacity);
        timed(&mut timing.encode, || self.vision.encode(&views[..count * picture], &mut embeddings[..count * row]))?;
        for (slot, row) in slots.drain(..).zip(embeddings.chunks_exact(row)) {
            self.encoded[slot].embeddings.copy_from_slice(row);
        }
        self.segmenter.clear();
        Ok(())
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

    fn set_places(&mut self, places: &Backgrounds, count: usize) -> Result<()> {
        self.paster = Some(ClipPaster::new(&self.settings, places, count, self.encoded.len())?);
        Ok(())
    }

    fn probe(&mut self, order: &[usize], labels: &mut Vec<usize>, timing: &mut Timing) -> Result<()> {
        // Taken out while the models run.
        let Some(mut paster) = self.paster.take() else { return Ok(()) };
        let frames = paster.select(order);
        let probed = timed(&mut timing.encode, || self.label_places(&mut paster, frames, labels));
        self.paster = Some(paster);
        probed
    }

    fn areas(&self, slot: usize) -> Areas {
        self.encoded[slot].areas
    }

    fn pictures(&self) -> &[FrameViews] {
        self.recorder.pictures()
    }
}

impl FrameBatch {
    fn new(manifest: &Manifest, dimension: usize) -> Result<Self> {
        let (size, capacity) = (manifest.vision.preprocess.target()?, manifest.clip.frames);
        let picture = 3 * size.area();
        Ok(Self {
            size,
            capacity,
            slots: Vec::with_capacity(capacity),
            pixel_values: vec![0.0; capacity * picture],
            views: vec![0.0; capacity * VIEWS * picture],
            embeddings: vec![0.0; capacity * VIEWS * dimension],
        })
    }

    fn is_full(&self) -> bool {
        self.slots.len() == self.capacity
    }

    /// The encoder's input of frame `index` before masking, and its three views.
    fn pictures(&mut self, index: usize) -> (&mut [f32], &mut [f32]) {
        let picture = 3 * self.size.area();
        let pixel_values = &mut self.pixel_values[index * picture..][..picture];
        (pixel_values, &mut self.views[index * VIEWS * picture..][..VIEWS * picture])
    }
}
