//! Frames to verdicts: the one way that live streams, files and validation take.

mod outcome;
mod schedule;

pub use crate::observer::{Keep, Picture, Timing};
pub use outcome::{Outcome, Pictures, TOP};
pub use schedule::Sliding;

use crate::bundle::Bundle;
use crate::bundle::manifest::Clip;
use crate::engine::{Choice, Engine, StageTimes};
use crate::error::{Error, Result, Stage};
use crate::frame::{Frame, FrameBuffer};
use crate::gate::{Evidence, Gate, Judgement, Visibility};
use crate::observer::{HostObserver, Observer, observer, timed};
use crate::source::Source;
use crate::view::View;
use crate::zeroshot::{LogProbs, Ranked};
use core::fmt;
use schedule::{Offer, Schedule};
use std::ops::ControlFlow;

const VIEWS: usize = View::ALL.len();

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
    clip: Clip,
    observer: Box<dyn Observer>,
    slots: Slots,
    scorer: Scorer,
    timing: Timing,
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
    pub fn load(bundle: &Bundle, choice: &Choice, keep: Keep) -> Result<Self> {
        Self::with(bundle, observer(bundle, choice, keep)?)
    }

    /// The pipeline of `bundle` with the models of `engine`.
    ///
    /// # Errors
    /// When label bank, gate or sizes do not fit together.
    pub fn new(bundle: &Bundle, engine: Engine, keep: Keep) -> Result<Self> {
        Self::with(bundle, Box::new(HostObserver::new(bundle, engine, keep)?))
    }

    /// The pipeline of `bundle` behind `observer`, which is of the same bundle.
    ///
    /// # Errors
    /// When the bundle's label bank or gate cannot be used.
    pub fn with(bundle: &Bundle, observer: Box<dyn Observer>) -> Result<Self> {
        let manifest = bundle.manifest();
        let names = bundle.label_bank()?.names().to_vec();
        let gate = Gate::new(manifest.gate.clone())?;
        Ok(Self {
            clip: manifest.clip.clone(),
            observer,
            slots: Slots::default(),
            scorer: Scorer::new(names, gate, manifest.clip.frames),
            timing: Timing::default(),
        })
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
        each: &mut dyn FnMut(&Outcome<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<u64> {
        self.scorer.gate.reset();
        self.timing = Timing::default();
        match window {
            Window::Clip => {
                let mut told = false;
                let mut once = |outcome: &Outcome<'_>| {
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
        each: &mut dyn FnMut(&Outcome<'_>) -> Result<ControlFlow<()>>,
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
        each: &mut dyn FnMut(&Outcome<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<u64> {
        let mut schedule = Schedule::new(sliding, self.clip.frames);
        self.begin(schedule.capacity() + 1)?;
        let (mut previous, mut order) = (FrameBuffer::default(), Vec::new());
        let (mut windows, mut restarts, mut began, mut latest) = (0, 0, 0, 0);
        while let Some(frame) = timed(&mut self.timing.decode, || source.next_frame())? {
            let time = frame.time_us();
            if !schedule.begin(time) {
                self.scorer.gate.reset();
                self.observer.forget();
                (restarts, began) = (restarts + 1, time);
            }
            latest = time;
            let before = previous.frame().unwrap_or(frame);
            let mut counted = |outcome: &Outcome<'_>| {
                windows += 1;
                each(outcome)
            };
            match self.advance([&before, &frame], &mut schedule, &mut order, &mut counted) {
                Ok(flow) if flow.is_break() => return Ok(windows),
                Ok(_) => schedule.end(time),
                Err(error) => {
                    self.recover(error)?;
                    schedule = Schedule::new(sliding, self.clip.frames);
                    self.begin(schedule.capacity() + 1)?;
                }
            }
            previous.copy_from(&frame);
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

    /// Gives the newer of two neighbouring frames of a stream to the windows that it or the older one belongs to. Returns whether
    /// more windows are wanted.
    fn advance(
        &mut self,
        [before, frame]: [&Frame<'_>; 2],
        schedule: &mut Schedule,
        order: &mut Vec<usize>,
        each: &mut dyn FnMut(&Outcome<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<()>> {
        let time = frame.time_us();
        loop {
            let taken = match schedule.offer(time) {
                Offer::TakePrevious => before,
                Offer::TakeThis => frame,
                Offer::Close => {
                    schedule.close(order);
                    if self.conclude(order, each)?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                    continue;
                }
                Offer::Wait => return Ok(ControlFlow::Continue(())),
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
    fn slot_for(&mut self, frame: &Frame<'_>, schedule: &Schedule) -> Result<usize> {
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
        each: &mut dyn FnMut(&Outcome<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<()>> {
        self.observer.encode(&mut self.timing)?;
        let judged = timed(&mut self.timing.score, || self.scorer.judge(order, self.observer.as_mut()));
        let Judged { judgement, visibility, top } = judged?;
        self.scorer.frames.clear();
        self.scorer.frames.extend(order.iter().map(|&slot| self.slots.slots[slot].index));
        self.scorer.times.clear();
        self.scorer.times.extend(order.iter().map(|&slot| self.slots.slots[slot].time_us));
        let outcome = Outcome {
            names: &self.scorer.names,
            judgement,
            visibility,
            log_probs: self.scorer.log_probs.each_ref().map(LogProbs::values),
            frames: &self.scorer.frames,
            times_us: &self.scorer.times,
            top,
            backend: self.observer.backend(),
            timing: std::mem::take(&mut self.timing),
            pictures: Pictures { pictures: self.observer.pictures(), order },
        };
        each(&outcome)
    }
}

/// Which frame each slot of the observer holds.
#[derive(Debug, Default)]
struct Slots {
    slots: Vec<Slot>,
    /// The slot begun last.
    last: Option<usize>,
}

/// A frame by its index in the source and its capture time in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Slot {
    index: u64,
    time_us: u64,
}

impl Slots {
    fn reset(&mut self, count: usize) {
        self.slots.clear();
        self.slots.resize(count, Slot::default());
        self.last = None;
    }

    fn len(&self) -> usize {
        self.slots.len()
    }

    fn begin(&mut self, slot: usize, frame: &Frame<'_>) {
        self.slots[slot] = Slot { index: frame.index(), time_us: frame.time_us() };
        self.last = Some(slot);
    }

    /// The slot begun last, where it is this frame's.
    fn latest(&self, frame: &Frame<'_>) -> Option<usize> {
        let this = Slot { index: frame.index(), time_us: frame.time_us() };
        self.last.filter(|&slot| self.slots[slot] == this)
    }
}

/// What a window's views say.
struct Judged {
    judgement: Judgement,
    visibility: Visibility,
    top: [heapless::Vec<Ranked, TOP>; VIEWS],
}

/// Log-probabilities to a judgement.
#[derive(Debug)]
struct Scorer {
    names: Vec<String>,
    gate: Gate,
    log_probs: [LogProbs; VIEWS],
    frames: Vec<u64>,
    times: Vec<u64>,
}

impl Scorer {
    fn new(names: Vec<String>, gate: Gate, frames: usize) -> Self {
        let log_probs = std::array::from_fn(|_| LogProbs::new(names.len()));
        let [indices, times] = [0; 2].map(|_| Vec::with_capacity(frames));
        Self { names, gate, log_probs, frames: indices, times }
    }

    fn judge(&mut self, order: &[usize], observer: &mut dyn Observer) -> Result<Judged> {
        observer.score(order, &mut self.log_probs)?;
        let areas = order.iter().map(|&slot| observer.areas(slot));
        let visibility = Visibility::of(areas, self.gate.settings());
        let evidence = Evidence::new(self.log_probs.each_ref().map(|view| view.values()), visibility)?;
        let top = self.gate.top::<TOP>(&evidence);
        Ok(Judged { judgement: self.gate.judge(&evidence), visibility, top })
    }
}
