//! A stream that is watched in sliding windows.

use super::schedule::{ScheduleStep, Sliding, WindowSchedule};
use super::{OnWindow, Pipeline, Timing, WindowResult, timed};
use crate::error::{Error, Result, Setting, Stage};
use crate::frame::{Frame, FrameBuffer};
use crate::source::Source;
use crate::zeroshot::LabelBank;
use std::borrow::BorrowMut;
use std::ops::ControlFlow;

/// The latest capture time of a frame, in microseconds: window times are computed from it without overflow.
const LATEST_US: u64 = 1 << 62;

/// A stream that a pipeline watches in sliding windows.
///
/// `P` is `&mut Pipeline` ([`Pipeline::session`]), or `Pipeline` where the session owns it
/// ([`Pipeline::into_session`]).
#[derive(Debug)]
pub struct StreamSession<P> {
    pipeline: P,
    sliding: Sliding,
    schedule: WindowSchedule,
    /// The frame before the next one.
    previous: FrameBuffer,
    /// Slots of the frames of the window that is being closed, in order.
    order: Vec<usize>,
    /// Number of times that the capture time jumped.
    restarts: u64,
    /// Capture time of the first frame since the last jump, in microseconds.
    began_us: u64,
    latest_us: u64,
    /// Whether the source is live, so that a window is skipped if the next one ends at the same frame: otherwise
    /// verdicts would come later and later where a window takes longer than the stride.
    skips: bool,
    /// Number of skipped windows.
    skipped: u64,
}

impl<P: BorrowMut<Pipeline>> StreamSession<P> {
    pub(super) fn new(mut pipeline: P, sliding: Sliding) -> Result<Self> {
        let frames = pipeline.borrow().clip.frames;
        let schedule = WindowSchedule::new(sliding, frames);
        pipeline.borrow_mut().reset();
        pipeline.borrow_mut().reserve(schedule.capacity() + 1)?;
        Ok(Self {
            pipeline,
            sliding,
            schedule,
            previous: FrameBuffer::default(),
            order: Vec::with_capacity(frames),
            restarts: 0,
            began_us: 0,
            latest_us: 0,
            skips: false,
            skipped: 0,
        })
    }

    /// Begins another stream with the same windows.
    ///
    /// # Errors
    /// Returns an error if the backend cannot allocate the frames' buffers.
    pub fn restart(&mut self) -> Result<()> {
        (self.previous, self.restarts) = (FrameBuffer::default(), 0);
        self.pipeline.borrow_mut().reset();
        self.clear_windows()
    }

    /// Takes the next frame of the stream. `on_window` is called for every window that the frame completes, usually
    /// none or one; its answer is returned. After an error the next frame may be given.
    ///
    /// # Errors
    /// Returns an error if the capture time is out of range, a model fails, or `on_window` does.
    pub fn step(&mut self, frame: &Frame<'_>, on_window: &mut OnWindow<'_>) -> Result<ControlFlow<()>> {
        let time_us = frame.time_us();
        if time_us > LATEST_US {
            let expected = format!("a capture time of at most {LATEST_US} microseconds");
            return Err(Error::new(Stage::Frame, expected, time_us, "count from the first frame"));
        }
        if !self.schedule.begin(time_us) {
            self.pipeline.borrow_mut().forget();
            (self.restarts, self.began_us) = (self.restarts + 1, time_us);
        }
        self.latest_us = time_us;
        let flow = match self.fill_windows(frame, on_window) {
            Ok(flow) => {
                self.schedule.end(time_us);
                flow
            }
            Err(error) => {
                self.recover(error)?;
                ControlFlow::Continue(())
            }
        };
        self.previous.copy_from(frame);
        Ok(flow)
    }

    /// Scores with `bank` from the next window on.
    ///
    /// # Errors
    /// As [`Pipeline::set_labels`].
    pub fn set_labels(&mut self, bank: LabelBank) -> Result<()> {
        self.pipeline.borrow_mut().set_labels(bank)
    }

    /// Sets the gate's threshold tau of dominance, from the next window on.
    ///
    /// # Errors
    /// As [`Pipeline::set_threshold`].
    pub fn set_threshold(&mut self, tau: f32) -> Result<()> {
        self.pipeline.borrow_mut().set_threshold(tau)
    }

    /// Returns the pipeline.
    pub fn pipeline(&self) -> &Pipeline {
        self.pipeline.borrow()
    }

    /// Steps through `source` to its end, or until `on_window` breaks. Returns the number of windows.
    pub(super) fn watch(&mut self, source: &mut dyn Source, on_window: &mut OnWindow<'_>) -> Result<u64> {
        self.skips = source.is_live();
        let mut windows = 0;
        let mut counted = |window: &WindowResult<'_>| {
            windows += 1;
            on_window(window)
        };
        loop {
            let Timing { decode, wait, .. } = &mut self.pipeline.borrow_mut().timing;
            let stage = if source.is_live() { wait } else { decode };
            let Some(frame) = timed(stage, || source.next_frame())? else { break };
            if self.step(&frame, &mut counted)?.is_break() {
                return Ok(windows);
            }
        }
        if windows == 0 { Err(self.too_short(source.name())) } else { Ok(windows) }
    }

    /// Gives `frame`, or the one before it, to the open windows that it is nearest to, and scores those that are full.
    fn fill_windows(&mut self, frame: &Frame<'_>, on_window: &mut OnWindow<'_>) -> Result<ControlFlow<()>> {
        let Self { pipeline, schedule, order, previous, skips, skipped, .. } = self;
        let pipeline = pipeline.borrow_mut();
        let previous = previous.frame().unwrap_or(*frame);
        let time_us = frame.time_us();
        loop {
            let nearest = match schedule.offer(time_us) {
                ScheduleStep::TakePrevious => &previous,
                ScheduleStep::TakeThis => frame,
                ScheduleStep::Close => {
                    let is_skipped = *skips && schedule.is_overtaken(time_us);
                    schedule.close(order);
                    if is_skipped {
                        if *skipped == 0 {
                            log::warn!("a window takes longer than the stride: windows are skipped to stay up to date");
                        }
                        *skipped += 1;
                        continue;
                    }
                    if pipeline.conclude(order, false, on_window)?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                    continue;
                }
                ScheduleStep::Wait => return Ok(ControlFlow::Continue(())),
            };
            let slot = match pipeline.slots.latest(nearest) {
                Some(slot) => slot,
                None => {
                    let slot = (0..pipeline.slots.len()).find(|&slot| !schedule.holds(slot)).unwrap_or_default();
                    pipeline.slots.put(nearest, slot);
                    pipeline.encoder.take(nearest, slot, &mut pipeline.timing)?;
                    slot
                }
            };
            schedule.take(time_us, slot);
        }
    }

    /// Continues after `error` if it was a lost backend that could be opened again; the open windows are dropped.
    fn recover(&mut self, error: Error) -> Result<()> {
        let pipeline = self.pipeline.borrow_mut();
        if !pipeline.encoder.recover()? {
            return Err(error);
        }
        log::warn!("the open windows are dropped: {error}");
        pipeline.scorer.gate.reset();
        self.clear_windows()
    }

    fn clear_windows(&mut self) -> Result<()> {
        let pipeline = self.pipeline.borrow_mut();
        self.schedule = WindowSchedule::new(self.sliding, pipeline.clip.frames);
        pipeline.reserve(self.schedule.capacity() + 1)
    }

    /// The error of a stream called `name` that had no window.
    fn too_short(&self, name: &str) -> Error {
        let got = format!("{name} of {:.2} s", (self.latest_us - self.began_us) as f64 / 1e6);
        let next = match self.restarts {
            0 | 1 => "shorten the window, or score the whole clip as one window",
            _ => "lengthen the window: its frames lie further apart than it is long",
        };
        Error::new(Stage::Pipeline, "a source of at least one window", got, next).about(Setting::Window)
    }
}
