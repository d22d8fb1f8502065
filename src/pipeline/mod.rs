//! Frames to verdicts: the one way that live streams, files and validation take.

mod handle;
#[cfg(feature = "cpu")]
mod label_updater;
mod schedule;
mod stream;
mod window_result;

pub use crate::clip_encoder::{FrameRecording, FrameViews, Timing};
pub use handle::PipelineHandle;
#[cfg(feature = "cpu")]
pub use label_updater::{LabelUpdateProgress, LabelUpdater};
pub use schedule::Sliding;
pub use window_result::{TOP, WindowResult, WindowViews};

use crate::bundle::Bundle;
use crate::bundle::manifest::ClipSettings;
use crate::clip_encoder::{ClipEncoder, CpuClipEncoder, observer, timed};
use crate::engine::{BackendOptions, Engine, StageTimes};
use crate::error::{Error, Result, Stage};
use crate::frame::Frame;
use crate::gate::{Evidence, Gate, GateSettings, Judgement, Visibility};
use crate::source::Source;
use crate::view::View;
use crate::zeroshot::{LabelBank, LogProbs, Ranked};
use core::fmt;
use schedule::{ScheduleStep, WindowSchedule};
use std::ops::ControlFlow;
use stream::Stream;

const VIEWS: usize = View::ALL.len();
/// The latest that a frame may be captured: windows are counted from there on.
const LATEST_US: u64 = 1 << 62;

/// How a source is cut into windows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Window {
    /// One window: the frames that the sampler picks from the whole clip.
    Clip,
    /// The last seconds, again and again.
    Sliding(Sliding),
}

/// The way from frames to verdicts.
pub struct Pipeline {
    clip: ClipSettings,
    observer: Box<dyn ClipEncoder>,
    slots: FrameSlots,
    scorer: WindowScorer,
    timing: Timing,
    /// The stream that is being watched.
    stream: Option<Stream>,
    handle: PipelineHandle,
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = f.debug_struct("Pipeline");
        all.field("clip", &self.clip).field("backend", &self.observer.backend()).finish_non_exhaustive()
    }
}

impl Pipeline {
    /// The pipeline of `bundle` on the backend that `choice` names.
    ///
    /// # Errors
    /// When the backend is not there, a model cannot be loaded, or label bank, gate and sizes do not fit together.
    pub fn load(bundle: &Bundle, choice: &BackendOptions, keep: FrameRecording) -> Result<Self> {
        Self::with(bundle, observer(bundle, choice, keep)?)
    }

    /// The pipeline of `bundle` with the models of `engine`.
    ///
    /// # Errors
    /// When label bank, gate or sizes do not fit together.
    pub fn new(bundle: &Bundle, engine: Engine, keep: FrameRecording) -> Result<Self> {
        Self::with(bundle, Box::new(CpuClipEncoder::new(bundle, engine, keep)?))
    }

    /// The pipeline of `bundle` behind `observer`, which is of the same bundle.
    ///
    /// # Errors
    /// When the bundle's label bank or gate cannot be used.
    pub fn with(bundle: &Bundle, observer: Box<dyn ClipEncoder>) -> Result<Self> {
        let manifest = bundle.manifest();
        let names = bundle.label_bank()?.names().to_vec();
        let gate = Gate::new(manifest.gate.clone())?;
        let handle = PipelineHandle::new(manifest.gate.clone());
        Ok(Self {
            clip: manifest.clip.clone(),
            observer,
            slots: FrameSlots::default(),
            scorer: WindowScorer::new(names, gate, manifest.clip.frames),
            timing: Timing::default(),
            stream: None,
            handle,
        })
    }

    /// What changes labels and threshold from another thread while frames flow.
    pub fn handle(&self) -> PipelineHandle {
        self.handle.clone()
    }

    /// Scores with `bank` from the next window on. What the gate remembers of windows before is forgotten, and so is its
    /// calibration, which was fitted to other labels.
    ///
    /// # Errors
    /// When its embeddings are of another dimension than the encoder's; the old labels then stay.
    pub fn set_labels(&mut self, bank: LabelBank) -> Result<()> {
        let names = bank.names().to_vec();
        self.observer.set_bank(bank)?;
        let settings = GateSettings { calibration: None, ..self.scorer.gate.settings().clone() };
        self.scorer = WindowScorer::new(names, Gate::new(settings)?, self.clip.frames);
        Ok(())
    }

    /// Flags above `tau`, by the score that the gate goes by, from the next window on.
    ///
    /// # Errors
    /// When `tau` is not finite; the old threshold then stays.
    pub fn set_threshold(&mut self, tau: f32) -> Result<()> {
        self.handle.set_threshold(tau)
    }

    /// Does what was asked for, from other threads too. Labels that cannot be scored with are told, and end nothing.
    fn apply_changes(&mut self) -> Result<()> {
        if let Some(Err(error)) = self.handle.take_labels().map(|bank| self.set_labels(bank)) {
            log::warn!("the labels stay as they were: {error}");
        }
        self.scorer.gate.set_threshold(self.handle.threshold())
    }

    /// Name of the backend.
    pub fn backend(&self) -> &'static str {
        self.observer.backend()
    }

    /// The times of the backend's kernels for the last batch of each stage, where it has a clock for them.
    ///
    /// # Errors
    /// When the backend fails.
    pub fn kernel_times(&mut self) -> Result<Vec<StageTimes>> {
        self.observer.kernel_times()
    }

    /// Class names, sorted.
    pub fn names(&self) -> &[String] {
        &self.scorer.names
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
        each: &mut dyn FnMut(&WindowResult<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<u64> {
        self.scorer.gate.reset();
        self.timing = Timing::default();
        match window {
            Window::Clip => {
                let mut told = false;
                let mut once = |outcome: &WindowResult<'_>| {
                    told = true;
                    each(outcome)
                };
                match self.watch_clip(source, &mut once) {
                    // The source is read again from its first frame on.
                    Err(_) if !told && self.observer.recover()? => self.watch_clip(source, each),
                    watched => watched,
                }
            }
            Window::Sliding(sliding) => self.watch_stream(source, sliding, each),
        }
    }

    fn watch_clip(
        &mut self,
        source: &mut dyn Source,
        each: &mut dyn FnMut(&WindowResult<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<u64> {
        let frames = self.clip.frames;
        let count = timed(&mut self.timing.decode, || source.count())?;
        // That a picture is one frame surprises nobody.
        if (2..frames as u64).contains(&count) {
            log::warn!("{}: {count} frames for {frames} places: some are used twice", source.name());
        }
        let wanted: Vec<u64> = (0..frames).map(|i| self.clip.sampler.index(i, count, frames)).collect();
        let mut distinct = wanted.clone();
        distinct.sort_unstable();
        distinct.dedup();
        timed(&mut self.timing.decode, || source.select(&distinct))?;
        self.begin(distinct.len())?;
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
        each: &mut dyn FnMut(&WindowResult<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<u64> {
        self.start(sliding)?;
        let mut windows = 0;
        let mut counted = |outcome: &WindowResult<'_>| {
            windows += 1;
            each(outcome)
        };
        while let Some(frame) = timed(&mut self.timing.decode, || source.next_frame())? {
            if self.step(&frame, &mut counted)?.is_break() {
                return Ok(windows);
            }
        }
        if windows == 0 {
            return Err(self.stream.as_ref().map_or_else(not_started, |stream| stream.too_short(source.name())));
        }
        Ok(windows)
    }

    /// Begins a stream that is cut into sliding windows; frames are then given to [`Pipeline::step`].
    ///
    /// # Errors
    /// When the backend has no room for its frames.
    pub fn start(&mut self, sliding: Sliding) -> Result<()> {
        self.scorer.gate.reset();
        self.timing = Timing::default();
        self.open_windows(sliding)
    }

    /// Takes the next frame of the stream that [`Pipeline::start`] began. `each` sees the outcome of every window that the
    /// frame completes, mostly none or one; its answer, whether more are wanted, is returned.
    ///
    /// # Errors
    /// When no stream was begun, a model fails, or `each` does.
    pub fn step(
        &mut self,
        frame: &Frame<'_>,
        each: &mut dyn FnMut(&WindowResult<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<()>> {
        if frame.time_us() > LATEST_US {
            let expected = format!("a capture time of at most {LATEST_US} microseconds");
            return Err(Error::new(Stage::Frame, expected, frame.time_us(), "count from the first frame"));
        }
        let mut stream = self.stream.take().ok_or_else(not_started)?;
        let stepped = self.step_in(&mut stream, frame, each);
        // A stream that failed can be gone on with: what is wrong with one frame need not be wrong with the next.
        self.stream = Some(stream);
        stepped
    }

    fn step_in(
        &mut self,
        stream: &mut Stream,
        frame: &Frame<'_>,
        each: &mut dyn FnMut(&WindowResult<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<()>> {
        let time = frame.time_us();
        if !stream.schedule.begin(time) {
            self.scorer.gate.reset();
            self.observer.forget();
            (stream.restarts, stream.began_us) = (stream.restarts + 1, time);
        }
        stream.latest_us = time;
        let before = stream.previous.frame().unwrap_or(*frame);
        let flow = match self.advance([&before, frame], &mut stream.schedule, &mut stream.order, each) {
            Ok(flow) => {
                stream.schedule.end(time);
                flow
            }
            Err(error) => {
                self.recover(error)?;
                stream.schedule = WindowSchedule::new(stream.sliding, self.clip.frames);
                self.begin(stream.schedule.capacity() + 1)?;
                ControlFlow::Continue(())
            }
        };
        stream.previous.copy_from(frame);
        Ok(flow)
    }

    fn open_windows(&mut self, sliding: Sliding) -> Result<()> {
        let stream = Stream::new(sliding, self.clip.frames);
        self.begin(stream.schedule.capacity() + 1)?;
        self.stream = Some(stream);
        Ok(())
    }

    /// Gives the newer of two neighbouring frames of a stream to the windows that it or the older one belongs to. Returns whether
    /// more windows are wanted.
    fn advance(
        &mut self,
        [before, frame]: [&Frame<'_>; 2],
        schedule: &mut WindowSchedule,
        order: &mut Vec<usize>,
        each: &mut dyn FnMut(&WindowResult<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<()>> {
        let time = frame.time_us();
        loop {
            let taken = match schedule.offer(time) {
                ScheduleStep::TakePrevious => before,
                ScheduleStep::TakeThis => frame,
                ScheduleStep::Close => {
                    schedule.close(order);
                    if self.conclude(order, each)?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                    continue;
                }
                ScheduleStep::Wait => return Ok(ControlFlow::Continue(())),
            };
            let slot = self.slot_for(taken, schedule)?;
            schedule.take(time, slot);
        }
    }

    /// Goes on after `error` where it was a backend that is there again: the windows that were open are lost with it.
    fn recover(&mut self, error: Error) -> Result<()> {
        if !self.observer.recover()? {
            return Err(error);
        }
        log::warn!("the windows that were open are dropped: {error}");
        self.scorer.gate.reset();
        Ok(())
    }

    /// The slot of a stream's frame: the one that holds it, else a free one that it is put into.
    fn slot_for(&mut self, frame: &Frame<'_>, schedule: &WindowSchedule) -> Result<usize> {
        if let Some(slot) = self.slots.latest(frame) {
            return Ok(slot);
        }
        let slot = (0..self.slots.len()).find(|&slot| !schedule.holds(slot)).unwrap_or_default();
        self.take(frame, slot)?;
        Ok(slot)
    }

    fn begin(&mut self, slots: usize) -> Result<()> {
        self.slots.reset(slots);
        self.observer.begin(slots)
    }

    fn take(&mut self, frame: &Frame<'_>, slot: usize) -> Result<()> {
        self.slots.begin(slot, frame);
        self.observer.take(frame, slot, &mut self.timing)
    }

    fn conclude(
        &mut self,
        order: &[usize],
        each: &mut dyn FnMut(&WindowResult<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<()>> {
        self.apply_changes()?;
        self.observer.encode(&mut self.timing)?;
        let judged = timed(&mut self.timing.score, || self.scorer.judge(order, self.observer.as_mut()));
        let ScoredWindow { judgement, visibility, top } = judged?;
        self.scorer.frames.clear();
        self.scorer.frames.extend(order.iter().map(|&slot| self.slots.slots[slot].index));
        self.scorer.times.clear();
        self.scorer.times.extend(order.iter().map(|&slot| self.slots.slots[slot].time_us));
        let outcome = WindowResult {
            names: &self.scorer.names,
            judgement,
            visibility,
            log_probs: self.scorer.log_probs.each_ref().map(LogProbs::values),
            frames: &self.scorer.frames,
            times_us: &self.scorer.times,
            top,
            backend: self.observer.backend(),
            timing: std::mem::take(&mut self.timing),
            pictures: WindowViews { pictures: self.observer.pictures(), order },
        };
        each(&outcome)
    }
}

fn not_started() -> Error {
    Error::new(Stage::Pipeline, "a stream", "a frame before one was begun", "call Pipeline::start first")
}

/// Which frame each slot of the observer holds.
#[derive(Debug, Default)]
struct FrameSlots {
    slots: Vec<FrameId>,
    /// The slot begun last.
    last: Option<usize>,
}

/// A frame by its index in the source and its capture time in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct FrameId {
    index: u64,
    time_us: u64,
}

impl FrameSlots {
    fn reset(&mut self, count: usize) {
        self.slots.clear();
        self.slots.resize(count, FrameId::default());
        self.last = None;
    }

    fn len(&self) -> usize {
        self.slots.len()
    }

    fn begin(&mut self, slot: usize, frame: &Frame<'_>) {
        self.slots[slot] = FrameId { index: frame.index(), time_us: frame.time_us() };
        self.last = Some(slot);
    }

    /// The slot begun last, where it is this frame's.
    fn latest(&self, frame: &Frame<'_>) -> Option<usize> {
        let this = FrameId { index: frame.index(), time_us: frame.time_us() };
        self.last.filter(|&slot| self.slots[slot] == this)
    }
}

/// What a window's views say.
struct ScoredWindow {
    judgement: Judgement,
    visibility: Visibility,
    top: [heapless::Vec<Ranked, TOP>; VIEWS],
}

/// Log-probabilities to a judgement.
#[derive(Debug)]
struct WindowScorer {
    names: Vec<String>,
    gate: Gate,
    log_probs: [LogProbs; VIEWS],
    frames: Vec<u64>,
    times: Vec<u64>,
}

impl WindowScorer {
    fn new(names: Vec<String>, gate: Gate, frames: usize) -> Self {
        let log_probs = std::array::from_fn(|_| LogProbs::new(names.len()));
        let [indices, times] = [0; 2].map(|_| Vec::with_capacity(frames));
        Self { names, gate, log_probs, frames: indices, times }
    }

    fn judge(&mut self, order: &[usize], observer: &mut dyn ClipEncoder) -> Result<ScoredWindow> {
        observer.score(order, &mut self.log_probs)?;
        let areas = order.iter().map(|&slot| observer.areas(slot));
        let visibility = Visibility::of(areas, self.gate.settings());
        let evidence = Evidence::new(self.log_probs.each_ref().map(|view| view.values()), visibility)?;
        let top = self.gate.top::<TOP>(&evidence);
        Ok(ScoredWindow { judgement: self.gate.judge(&evidence), visibility, top })
    }
}
