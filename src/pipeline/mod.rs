//! Frames to verdicts, for live streams, files and validation alike.

mod cpu_encoder;
mod frame_ids;
mod handle;
#[cfg(feature = "cpu")]
mod label_updater;
mod open;
mod probing;
mod schedule;
mod stream_session;
mod window_result;
mod window_scorer;

pub use crate::clip_encoder::{FrameRecording, FrameViews, Timing};
pub use cpu_encoder::CpuClipEncoder;
pub use handle::PipelineHandle;
#[cfg(feature = "cpu")]
pub use label_updater::{LabelUpdateProgress, LabelUpdater};
pub use open::open_encoder;
pub use probing::{ProbeSettings, ProbedWindows};
pub use schedule::Sliding;
pub use stream_session::StreamSession;
pub use window_result::{OnWindow, TOP, WindowResult, WindowViews};

use crate::bundle::Bundle;
use crate::bundle::manifest::ClipSettings;
use crate::clip_encoder::{ClipEncoder, timed};
use crate::engine::{BackendOptions, Engine, StageTimes};
use crate::error::{Error, Result, Stage};
use crate::gate::{Gate, GateSettings};
use crate::source::Source;
use crate::timestamp::Timestamp;
use crate::zeroshot::{LabelBank, LogProbs};
use core::fmt;
use frame_ids::FrameIds;
use probing::Probing;
use std::ops::ControlFlow;
use window_scorer::{ScoredWindow, WindowScorer};

/// How a source is cut into windows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Window {
    /// One window: the frames that the sampler picks from the whole clip.
    Clip,
    /// The last seconds, repeatedly.
    Sliding(Sliding),
}

/// Turns frames into verdicts, with the models of one bundle.
pub struct Pipeline {
    clip: ClipSettings,
    encoder: Box<dyn ClipEncoder>,
    slots: FrameIds,
    scorer: WindowScorer,
    probing: Option<Probing>,
    timing: Timing,
    handle: PipelineHandle,
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = f.debug_struct("Pipeline");
        all.field("clip", &self.clip).field("backend", &self.encoder.backend()).finish_non_exhaustive()
    }
}

impl Pipeline {
    /// Loads the pipeline of `bundle` on the backend of `options`.
    ///
    /// # Errors
    /// Returns an error if the backend is missing, a model cannot be loaded, or label bank, gate and sizes do not fit
    /// together.
    pub fn load(bundle: &Bundle, options: &BackendOptions, recording: FrameRecording) -> Result<Self> {
        Self::with(bundle, open_encoder(bundle, options, recording)?)
    }

    /// Creates the pipeline of `bundle` with the models of `engine`.
    ///
    /// # Errors
    /// Returns an error if label bank, gate or sizes do not fit together.
    pub fn new(bundle: &Bundle, engine: Engine, recording: FrameRecording) -> Result<Self> {
        Self::with(bundle, Box::new(CpuClipEncoder::new(bundle, engine, recording)?))
    }

    /// Creates the pipeline of `bundle` with `encoder`, which was opened for the same bundle.
    ///
    /// # Errors
    /// Returns an error if the bundle's label bank or gate cannot be used.
    pub fn with(bundle: &Bundle, encoder: Box<dyn ClipEncoder>) -> Result<Self> {
        let manifest = bundle.manifest();
        let names = bundle.label_bank()?.names().to_vec();
        let gate = Gate::new(manifest.gate.clone())?;
        Ok(Self {
            clip: manifest.clip.clone(),
            encoder,
            slots: FrameIds::default(),
            scorer: WindowScorer::new(names, gate, manifest.clip.frames),
            probing: None,
            timing: Timing::default(),
            handle: PipelineHandle::new(manifest.gate.clone()),
        })
    }

    /// Probes windows of the next sources by `settings`. Its time is part of [`Timing::encode`].
    ///
    /// # Errors
    /// Returns an error if the gate is not calibrated for the number of places and not all windows are probed, or the
    /// pictures of the places are not of the encoder's size.
    pub fn set_probe(&mut self, settings: &ProbeSettings) -> Result<()> {
        if settings.windows() == ProbedWindows::Doubted {
            settings.expect_calibrated(self.scorer.gate.settings())?;
        }
        self.encoder.set_places(settings.backgrounds(), settings.places())?;
        self.probing = Some(Probing::new(settings));
        Ok(())
    }

    /// Returns a handle that changes labels and threshold from other threads.
    pub fn handle(&self) -> PipelineHandle {
        self.handle.clone()
    }

    /// Scores with `bank` from the next window on. The gate's state is reset, and its calibration dropped, since it was
    /// fitted to other labels.
    ///
    /// # Errors
    /// Returns an error, and keeps the old labels, if the embeddings have another dimension than the encoder's.
    pub fn set_labels(&mut self, bank: LabelBank) -> Result<()> {
        let names = bank.names().to_vec();
        self.encoder.set_bank(bank)?;
        let settings = GateSettings { calibration: None, ..self.scorer.gate.settings().clone() };
        self.scorer = WindowScorer::new(names, Gate::new(settings)?, self.clip.frames);
        Ok(())
    }

    /// Sets the gate's threshold tau of dominance, from the next window on.
    ///
    /// # Errors
    /// Returns an error, and keeps the old threshold, if `tau` is not finite.
    pub fn set_threshold(&mut self, tau: f32) -> Result<()> {
        self.handle.set_threshold(tau)
    }

    /// Returns the name of the backend.
    pub fn backend(&self) -> &'static str {
        self.encoder.backend()
    }

    /// Returns the kernel times of the last batch of each stage; empty where the backend does not measure them.
    ///
    /// # Errors
    /// Returns an error if the backend fails.
    pub fn kernel_times(&mut self) -> Result<Vec<StageTimes>> {
        self.encoder.kernel_times()
    }

    /// Returns the class names, sorted.
    pub fn names(&self) -> &[String] {
        &self.scorer.names
    }

    /// Begins a stream that is cut into sliding windows.
    ///
    /// # Errors
    /// Returns an error if the backend cannot allocate the frames' buffers.
    pub fn session(&mut self, sliding: Sliding) -> Result<StreamSession<&mut Self>> {
        StreamSession::new(self, sliding)
    }

    /// Begins a stream in a session that owns the pipeline.
    ///
    /// # Errors
    /// As [`Pipeline::session`].
    pub fn into_session(self, sliding: Sliding) -> Result<StreamSession<Self>> {
        StreamSession::new(self, sliding)
    }

    /// Reads `source` to its end, cut into windows by `window`. `on_window` is called for every window and may end the
    /// stream early. Returns the number of windows.
    ///
    /// # Errors
    /// Returns an error if the source fails (after all whole windows), is shorter than one window, or a model fails.
    pub fn watch(&mut self, source: &mut dyn Source, window: Window, on_window: &mut OnWindow<'_>) -> Result<u64> {
        let sliding = match window {
            Window::Sliding(sliding) => sliding,
            Window::Clip => return self.watch_clip(source, on_window),
        };
        self.session(sliding)?.watch(source, on_window)
    }

    /// Scores the clip `source`; once more from its first frame where the backend was lost and could be opened again.
    fn watch_clip(&mut self, source: &mut dyn Source, on_window: &mut OnWindow<'_>) -> Result<u64> {
        self.reset();
        let mut reported = false;
        let mut report = |window: &WindowResult<'_>| {
            reported = true;
            on_window(window)
        };
        match self.score_clip(source, &mut report) {
            Err(_) if !reported && self.encoder.recover()? => self.score_clip(source, on_window)?,
            scored => scored?,
        }
        Ok(1)
    }

    fn score_clip(&mut self, source: &mut dyn Source, on_window: &mut OnWindow<'_>) -> Result<()> {
        let clip = &self.clip;
        let count = timed(&mut self.timing.decode, || source.sample(&mut |count| clip.distinct(count)))?;
        let (sampled, distinct) = (self.clip.sampled(count), self.clip.distinct(count));
        self.reserve(distinct.len())?;
        let mut read = Vec::with_capacity(distinct.len());
        // Reads no frame behind the last one needed: damage there must not cost the verdict.
        while read.len() < distinct.len() {
            let Some(frame) = timed(&mut self.timing.decode, || source.next_frame())? else { break };
            self.slots.put(&frame, read.len());
            self.encoder.take(&frame, read.len(), &mut self.timing)?;
            read.push(frame.index());
        }
        if let Some(decoded_in) = source.decoded_in() {
            let waited = std::mem::replace(&mut self.timing.decode, decoded_in.as_micros() as u64);
            self.timing.wait += waited;
        }
        let missing = |index: &u64| {
            let expected = format!("frame {index} of {}", source.name());
            Error::new(Stage::Source, expected, "the end of the source", "check that the file is not being written")
        };
        let slot_of = |index| read.iter().position(|read| read == index).ok_or_else(|| missing(index));
        let order = sampled.iter().map(slot_of).collect::<Result<Vec<usize>>>()?;
        if self.conclude(&order, count == 1, on_window)?.is_break() {
            return Ok(());
        }
        // Damage behind the last frame is reported after the verdict.
        while source.next_frame()?.is_some() {}
        Ok(())
    }

    /// Resets the gate and the timing for another source.
    fn reset(&mut self) {
        self.scorer.gate.reset();
        self.timing = Timing::default();
    }

    /// Resets what depends on the frames before: the gate, masks and frames that are not encoded yet.
    fn forget(&mut self) {
        self.scorer.gate.reset();
        self.encoder.forget();
    }

    /// Empties all slots and makes room for `slots` frames.
    fn reserve(&mut self, slots: usize) -> Result<()> {
        self.slots.reset(slots);
        self.encoder.begin(slots)
    }

    /// Scores the window whose frames are in the slots `order` and gives the result to `on_window`. `is_still` says
    /// whether the source is a still picture.
    fn conclude(&mut self, order: &[usize], is_still: bool, on_window: &mut OnWindow<'_>) -> Result<ControlFlow<()>> {
        self.apply_changes()?;
        self.encoder.encode(&mut self.timing)?;
        let Self { timing, scorer, probing, slots, encoder, .. } = self;
        let visibility = timed(&mut timing.score, || scorer.compare(order, is_still, slots, encoder.as_mut()))?;
        let probe = match probing {
            Some(probing) => {
                probing.ask(order, &scorer.evidence(visibility)?, &scorer.gate, encoder.as_mut(), timing)?
            }
            None => None,
        };
        let ScoredWindow { judgement, top } = timed(&mut timing.score, || scorer.judge(visibility, probe))?;
        self.scorer.frames.clear();
        self.scorer.frames.extend(order.iter().map(|&slot| self.slots.get(slot).index));
        self.scorer.times_us.clear();
        self.scorer.times_us.extend(order.iter().map(|&slot| self.slots.get(slot).time_us));
        on_window(&WindowResult {
            names: &self.scorer.names,
            judgement,
            visibility,
            at: Timestamp::now(),
            logits: self.scorer.log_probs.each_ref().map(LogProbs::values),
            frames: &self.scorer.frames,
            times_us: &self.scorer.times_us,
            top,
            backend: self.encoder.backend(),
            timing: std::mem::take(&mut self.timing),
            pictures: WindowViews { pictures: self.encoder.pictures(), order },
        })
    }

    /// Applies changes that were made through the handle. Labels that do not fit are logged and ignored.
    fn apply_changes(&mut self) -> Result<()> {
        if let Some(Err(error)) = self.handle.take_labels().map(|bank| self.set_labels(bank)) {
            log::warn!("the labels are unchanged: {error}");
        }
        self.scorer.gate.set_threshold(self.handle.threshold())
    }
}
