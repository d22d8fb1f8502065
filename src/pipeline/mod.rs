//! Frames to verdicts: the one way that live streams, files and validation take. It owns every buffer of that way.

mod lens;
mod outcome;
mod schedule;

pub use outcome::{Outcome, Picture, Pictures, TOP, Timing};
pub use schedule::Sliding;

use crate::bundle::Bundle;
use crate::bundle::manifest::Manifest;
use crate::engine::{Engine, KernelTime};
use crate::error::{Error, Result, Stage};
use crate::frame::{Frame, FrameBuffer};
use crate::gate::{Evidence, Gate, Judgement, Visibility};
use crate::mask::{Boxes, Components, Dilation, Mask, Regions, Shape, Size};
use crate::source::Source;
use crate::view::{Areas, View, ViewComposer};
use crate::zeroshot::{Embedding, LabelBank, LogProbs, Ranked, mean_pool};
use lens::Lens;
use schedule::{Offer, Schedule};
use std::ops::ControlFlow;
use std::time::Instant;

const VIEWS: usize = View::ALL.len();

/// How a source is cut into windows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Window {
    /// One window: the frames that the sampler picks from the whole clip.
    Clip,
    /// The last seconds, again and again.
    Sliding(Sliding),
}

/// Whether the pictures behind a verdict are kept for people to look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Only numbers.
    #[default]
    Numbers,
    /// The three views of each frame and the person's shape.
    Pictures,
}

/// The way from frames to verdicts.
#[derive(Debug)]
pub struct Pipeline {
    manifest: Manifest,
    engine: Engine,
    stage: Staging,
    slots: Slots,
    scorer: Scorer,
    lens: Option<Lens>,
    timing: Timing,
}

impl Pipeline {
    /// The times of the segmenter's and the encoder's kernels, where the backend has a clock for them.
    ///
    /// # Errors
    /// When a model fails.
    pub fn kernel_times(&mut self) -> Result<[Vec<KernelTime>; 2]> {
        Ok([self.engine.segmenter.kernel_times()?, self.engine.vision.kernel_times()?])
    }

    /// The pipeline of `bundle` on `engine`.
    ///
    /// # Errors
    /// When label bank, gate or sizes do not fit together.
    pub fn new(bundle: &Bundle, engine: Engine, keep: Keep) -> Result<Self> {
        let manifest = bundle.manifest().clone();
        let bank = bundle.label_bank()?;
        if bank.dim() != engine.vision.dimension() {
            let got = format!("{} of the label bank, {} of the image encoder", bank.dim(), engine.vision.dimension());
            let next = "make the label bank again with `figureground labels`";
            return Err(Error::new(Stage::Pipeline, "embeddings of one dimension", got, next));
        }
        let gate = Gate::new(manifest.gate.clone())?;
        Ok(Self {
            stage: Staging::new(&manifest, &engine, keep)?,
            slots: Slots::default(),
            scorer: Scorer::new(bank, gate, manifest.clip.frames),
            lens: None,
            timing: Timing::default(),
            manifest,
            engine,
        })
    }

    /// Class names, sorted.
    pub fn names(&self) -> &[String] {
        self.scorer.bank.names()
    }

    /// Takes `source` to its end, cut into windows by `window`; `each` sees every outcome and may end it early.
    /// Returns how many windows there were.
    ///
    /// # Errors
    /// When the source breaks off (all whole windows were seen by then), is shorter than one window, or a model fails.
    pub fn watch(
        &mut self,
        source: &mut dyn Source,
        window: Window,
        each: &mut dyn FnMut(&Outcome<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<u64> {
        self.scorer.gate.reset();
        self.stage.forget();
        self.timing = Timing::default();
        match window {
            Window::Clip => self.watch_clip(source, each),
            Window::Sliding(sliding) => self.watch_stream(source, sliding, each),
        }
    }

    fn watch_clip(
        &mut self,
        source: &mut dyn Source,
        each: &mut dyn FnMut(&Outcome<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<u64> {
        let frames = self.manifest.clip.frames;
        let began = Instant::now();
        let count = source.count()?;
        if count < frames as u64 {
            log::warn!("{}: {count} frames for {frames} places: some are used twice", source.name());
        }
        let wanted: Vec<u64> = (0..frames).map(|i| self.manifest.clip.sampler.index(i, count, frames)).collect();
        let mut distinct = wanted.clone();
        distinct.sort_unstable();
        distinct.dedup();
        source.select(&distinct)?;
        self.timing.decode += micros(began);
        self.slots.reset(distinct.len(), &self.engine);
        let mut order = Vec::with_capacity(frames);
        let mut found = Vec::with_capacity(distinct.len());
        // Not one frame more than is needed: damage behind the last must not cost the verdict.
        while found.len() < distinct.len() {
            let Some(frame) = timed(&mut self.timing.decode, || source.next_frame())? else { break };
            self.take(&frame, found.len())?;
            found.push(frame.index());
        }
        for index in &wanted {
            let slot = found.iter().position(|found| found == index).ok_or_else(|| {
                let expected = format!("frame {index} of {}", source.name());
                Error::new(Stage::Source, expected, "the end of the source", "check that the file is not being written")
            })?;
            order.push(slot);
        }
        if self.conclude(&order, each)?.is_break() {
            return Ok(1);
        }
        // The verdict stands; damage behind its last frame is still to be told.
        while source.next_frame()?.is_some() {}
        Ok(1)
    }

    fn watch_stream(
        &mut self,
        source: &mut dyn Source,
        sliding: Sliding,
        each: &mut dyn FnMut(&Outcome<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<u64> {
        let mut schedule = Schedule::new(sliding, self.manifest.clip.frames);
        self.slots.reset(schedule.capacity() + 1, &self.engine);
        let (mut previous, mut order) = (FrameBuffer::default(), Vec::new());
        let (mut windows, mut restarts, mut began, mut latest) = (0, 0, 0, 0);
        while let Some(frame) = timed(&mut self.timing.decode, || source.next_frame())? {
            let time = frame.time_us();
            if !schedule.begin(time) {
                self.scorer.gate.reset();
                self.stage.forget();
                (restarts, began) = (restarts + 1, time);
            }
            latest = time;
            loop {
                match schedule.offer(time) {
                    Offer::TakePrevious => {
                        let before = previous.frame().unwrap_or(frame);
                        let slot = self.slot_for(&before, &schedule)?;
                        schedule.take(time, slot);
                    }
                    Offer::TakeThis => {
                        let slot = self.slot_for(&frame, &schedule)?;
                        schedule.take(time, slot);
                    }
                    Offer::Close => {
                        schedule.close(&mut order);
                        windows += 1;
                        if self.conclude(&order, each)?.is_break() {
                            return Ok(windows);
                        }
                    }
                    Offer::Wait => break,
                }
            }
            previous.copy_from(&frame);
            schedule.end(time);
        }
        if windows == 0 {
            let got = format!("{} of {:.2} s", source.name(), (latest - began) as f64 / 1e6);
            let next = match restarts {
                0 | 1 => "shorten --window, or pass --window clip",
                _ => "raise --window: frames lie further apart than that",
            };
            return Err(Error::new(Stage::Pipeline, "a source of at least one window", got, next));
        }
        Ok(windows)
    }

    /// The slot of a stream's frame: the one that holds it, else a free one that it is put into.
    fn slot_for(&mut self, frame: &Frame<'_>, schedule: &Schedule) -> Result<usize> {
        if let Some(slot) = self.slots.latest(frame) {
            return Ok(slot);
        }
        let slot = (0..self.slots.len()).find(|&slot| !schedule.holds(slot)).unwrap_or_default();
        self.take(frame, slot)?;
        Ok(slot)
    }

    /// Prepares `frame` and remembers which slot its embeddings go to. A full batch is encoded at once.
    fn take(&mut self, frame: &Frame<'_>, slot: usize) -> Result<()> {
        // What was prepared through one lens is masked through the same.
        if self.stage.is_full() || self.lens.as_ref().is_some_and(|lens| !lens.fits(frame)) {
            self.encode()?;
        }
        let lens = match &mut self.lens {
            Some(lens) if lens.fits(frame) => lens,
            lens => lens.insert(Lens::new(&self.manifest, frame, self.engine.segmenter.mask_size())?),
        };
        self.slots.begin(slot, frame);
        self.stage.prepare(frame, slot, lens, &mut self.timing)
    }

    /// Masks, views and embeddings of all prepared frames.
    fn encode(&mut self) -> Result<()> {
        let Some(lens) = &mut self.lens else { return Ok(()) };
        self.stage.flush(&mut self.engine, lens, &mut self.slots, &self.manifest, &mut self.timing)
    }

    fn conclude(
        &mut self,
        order: &[usize],
        each: &mut dyn FnMut(&Outcome<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<()>> {
        self.encode()?;
        let began = Instant::now();
        let Judged { judgement, visibility, top } = self.scorer.judge(order, &self.slots, &mut self.engine)?;
        self.timing.score += micros(began);
        self.scorer.frames.clear();
        self.scorer.frames.extend(order.iter().map(|&slot| self.slots.slots[slot].index));
        self.scorer.times.clear();
        self.scorer.times.extend(order.iter().map(|&slot| self.slots.slots[slot].time_us));
        let outcome = Outcome {
            names: self.scorer.bank.names(),
            judgement,
            visibility,
            frames: &self.scorer.frames,
            times_us: &self.scorer.times,
            top,
            backend: self.engine.backend,
            timing: std::mem::take(&mut self.timing),
            pictures: Pictures { pictures: &self.slots.pictures, order },
        };
        each(&outcome)
    }
}

/// What is kept of a frame once it is encoded.
#[derive(Clone, Debug)]
struct Slot {
    index: u64,
    time_us: u64,
    areas: Areas,
    /// Frame embeddings of the three views, not normalised.
    embeddings: Vec<f32>,
}

/// The encoded frames of all open windows.
#[derive(Debug, Default)]
struct Slots {
    slots: Vec<Slot>,
    /// The slot begun last.
    last: Option<usize>,
    /// One a slot where pictures are kept, else none.
    pictures: Vec<Picture>,
}

impl Slots {
    fn reset(&mut self, count: usize, engine: &Engine) {
        let embeddings = vec![0.0; VIEWS * engine.vision.dimension()];
        let slot = Slot { index: 0, time_us: 0, areas: Areas { person: 0.0, background: 0.0 }, embeddings };
        self.slots.clear();
        self.slots.resize(count, slot);
        self.last = None;
        self.pictures.clear();
    }

    fn len(&self) -> usize {
        self.slots.len()
    }

    fn begin(&mut self, slot: usize, frame: &Frame<'_>) {
        (self.slots[slot].index, self.slots[slot].time_us) = (frame.index(), frame.time_us());
        self.last = Some(slot);
    }

    /// The slot begun last, where it is this frame's.
    fn latest(&self, frame: &Frame<'_>) -> Option<usize> {
        self.last.filter(|&slot| {
            let held = &self.slots[slot];
            (held.index, held.time_us) == (frame.index(), frame.time_us())
        })
    }
}

/// Frames on their way into the encoder: prepared one by one, segmented and encoded together.
#[derive(Debug)]
struct Staging {
    keep: Keep,
    size: Size,
    /// Slots of the prepared frames.
    pending: Vec<usize>,
    times: Vec<u64>,
    segmenter_input: Vec<f32>,
    pixel_values: Vec<f32>,
    views: Vec<f32>,
    embeddings: Vec<f32>,
    masks: Vec<Mask>,
    /// The last mask of the stream and its time, for smoothing.
    before: Option<(Mask, u64)>,
    crop: Mask,
    person: Shape,
    dilation: Dilation,
    components: Components,
    boxes: Boxes,
    composer: ViewComposer,
}

impl Staging {
    fn new(manifest: &Manifest, engine: &Engine, keep: Keep) -> Result<Self> {
        let size = manifest.vision.preprocess.target()?;
        let frames = manifest.clip.frames;
        let picture = 3 * size.area();
        let fill = manifest.vision.preprocess.fill(manifest.views.fill);
        Ok(Self {
            keep,
            size,
            pending: Vec::with_capacity(frames),
            times: Vec::with_capacity(frames),
            segmenter_input: vec![0.0; frames * engine.segmenter.input_len()],
            pixel_values: vec![0.0; frames * picture],
            views: vec![0.0; frames * VIEWS * picture],
            embeddings: vec![0.0; frames * VIEWS * engine.vision.dimension()],
            masks: vec![Mask::new(engine.segmenter.mask_size()); frames],
            before: None,
            crop: Mask::new(size),
            person: Shape::new(size),
            dilation: Dilation::new(size, manifest.segmenter.dilation),
            components: Components::new(size),
            boxes: Boxes::new(),
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
        self.before = None;
    }

    fn prepare(&mut self, frame: &Frame<'_>, slot: usize, lens: &mut Lens, timing: &mut Timing) -> Result<()> {
        let place = self.pending.len();
        let input = self.segmenter_input.len() / self.masks.len();
        let picture = 3 * self.size.area();
        timed(&mut timing.segment, || lens.show_segmenter(frame, &mut self.segmenter_input[place * input..][..input]))?;
        timed(&mut timing.views, || lens.show_encoder(frame, &mut self.pixel_values[place * picture..][..picture]))?;
        self.pending.push(slot);
        self.times.push(frame.time_us());
        Ok(())
    }

    fn flush(
        &mut self,
        engine: &mut Engine,
        lens: &mut Lens,
        slots: &mut Slots,
        manifest: &Manifest,
        timing: &mut Timing,
    ) -> Result<()> {
        let count = self.pending.len();
        if count == 0 {
            return Ok(());
        }
        let input = self.segmenter_input.len() / self.masks.len();
        timed(&mut timing.segment, || {
            engine.segmenter.segment(&self.segmenter_input[..count * input], &mut self.masks[..count])
        })?;
        timed(&mut timing.views, || (0..count).try_for_each(|place| self.compose(place, lens, slots, manifest)))?;
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
        Ok(())
    }

    /// The mask and the three views of the prepared frame at `place`.
    fn compose(&mut self, place: usize, lens: &mut Lens, slots: &mut Slots, manifest: &Manifest) -> Result<()> {
        self.smooth(place, manifest.segmenter.smoothing)?;
        lens.place_mask(&self.masks[place], &mut self.crop)?;
        self.person.threshold(&self.crop, manifest.segmenter.threshold)?;
        self.dilation.apply(&mut self.person)?;
        self.components.boxes(&self.person, &mut self.boxes)?;
        let regions = Regions { person: &self.person, person_boxes: &self.boxes, objects: None, object_boxes: &[] };
        let picture = 3 * self.size.area();
        let views = &mut self.views[place * VIEWS * picture..][..VIEWS * picture];
        let pixel_values = &self.pixel_values[place * picture..][..picture];
        let slot = self.pending[place];
        slots.slots[slot].areas = self.composer.compose(pixel_values, &regions, views)?;
        if self.keep == Keep::Pictures {
            let empty = || Picture { views: vec![0; VIEWS * picture], person: Shape::new(self.size) };
            slots.pictures.resize_with(slots.slots.len(), empty);
            let kept = &mut slots.pictures[slot];
            kept.person.copy_from(&self.person)?;
            manifest.vision.preprocess.denormalise(views, &mut kept.views);
        }
        Ok(())
    }

    /// Smooths a mask by the one before it: the older that is, against `constant` in seconds, the less.
    fn smooth(&mut self, place: usize, constant: f32) -> Result<()> {
        if constant <= 0.0 {
            return Ok(());
        }
        let (mask, time) = (&mut self.masks[place], self.times[place]);
        match &mut self.before {
            Some((before, at)) => {
                let age = time.saturating_sub(*at) as f32 / 1e6;
                mask.smooth(before, libm::expf(-age / constant))?;
                before.probabilities_mut().copy_from_slice(mask.probabilities());
                *at = time;
            }
            before => *before = Some((mask.clone(), time)),
        }
        Ok(())
    }
}

/// What a window's embeddings say.
struct Judged {
    judgement: Judgement,
    visibility: Visibility,
    top: [heapless::Vec<Ranked, TOP>; VIEWS],
}

/// Embeddings to a judgement.
#[derive(Debug)]
struct Scorer {
    bank: LabelBank,
    gate: Gate,
    log_probs: [LogProbs; VIEWS],
    clip: Vec<f32>,
    frames: Vec<u64>,
    times: Vec<u64>,
    /// One view's frame embeddings in a row, for the temporal transformer.
    sequence: Vec<f32>,
}

impl Scorer {
    fn new(bank: LabelBank, gate: Gate, frames: usize) -> Self {
        let classes = bank.names().len();
        let log_probs = std::array::from_fn(|_| LogProbs::new(classes));
        let (clip, sequence) = (vec![0.0; bank.dim()], vec![0.0; frames * bank.dim()]);
        let [indices, times] = [0; 2].map(|_| Vec::with_capacity(frames));
        Self { bank, gate, log_probs, clip, frames: indices, times, sequence }
    }

    fn judge(&mut self, order: &[usize], slots: &Slots, engine: &mut Engine) -> Result<Judged> {
        for view in View::ALL {
            self.fuse(view, order, slots, engine)?;
            let clip = Embedding::new(&mut self.clip)?;
            self.bank.score(&clip, &mut self.log_probs[view.index()])?;
        }
        let areas = order.iter().map(|&slot| slots.slots[slot].areas);
        let visibility = Visibility::of(areas, self.gate.settings());
        let evidence = Evidence::new(self.log_probs.each_ref().map(|view| view.values()), visibility)?;
        let top = self.gate.top::<TOP>(&evidence);
        Ok(Judged { judgement: self.gate.judge(&evidence), visibility, top })
    }

    /// The clip embedding of one view, not normalised: the mean of its frames', or what the transformer makes of them.
    fn fuse(&mut self, view: View, order: &[usize], slots: &Slots, engine: &mut Engine) -> Result<()> {
        let dimension = self.clip.len();
        let rows = order.iter().map(|&slot| &slots.slots[slot].embeddings[view.index() * dimension..][..dimension]);
        match &mut engine.temporal {
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

/// Runs `body` and adds its time to `stage`.
fn timed<T>(stage: &mut u64, body: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let value = body();
    *stage += micros(began);
    value
}

fn micros(began: Instant) -> u64 {
    began.elapsed().as_micros() as u64
}
