//! figureground for C: frames to verdicts.
//!
//! A function that fails returns a negative number or null, and [`fg_error`] then returns the message. Panics do not
//! cross the C boundary: they are returned as errors.

mod ffi;
mod gate;
mod pipeline;

pub use ffi::fg_error;
pub use gate::{Gate, fg_gate_close, fg_gate_judge, fg_gate_open};
pub use pipeline::{
    Options, Pipeline, fg_close, fg_label, fg_label_count, fg_open, fg_options_usual, fg_reset, fg_set_labels,
    fg_set_tau, fg_step,
};

use figureground::gate::{CalibrationState, ExplainedBy, Judgement, Verdict as GateVerdict, Visibility};

/// Decision of a gate.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The person supports the label at least as much as the background.
    Accept = 0,
    /// The background alone explains the label: do not act on it.
    Flag = 1,
    /// No decision: no person is visible, too little background is, or no label is probable.
    Abstain = 2,
}

/// Verdict on one window. Probabilities are from 0 to 1, areas are fractions of the encoder's crop.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    /// Index of the predicted class, for `fg_label`.
    pub label: usize,
    /// The gate's decision.
    pub decision: Decision,
    /// Reason of the decision, a static string; null if the decision is to accept.
    pub reason: *const core::ffi::c_char,
    /// Probability of the label in the whole picture, the person alone and the background alone.
    pub p: [f32; 3],
    /// Probability of the label in the background minus that in the person.
    pub dominance: f32,
    /// Threshold of the dominance in force: above it, a label that the background ranks first is flagged.
    pub threshold: f32,
    /// Rank of the label in the background, from 1.
    pub background_rank: u32,
    /// Views that rank the label first, a static string: `person`, `background`, `both` or `neither`.
    pub explained_by: *const core::ffi::c_char,
    /// Number of distinct frames of the window.
    pub distinct_frames: u32,
    /// Fraction of the crop that the person covers, mean over the frames.
    pub person_area: f32,
    /// Fraction of the crop that is visible background, mean over the frames.
    pub background_area: f32,
    /// How the gate was calibrated, a static string: `labels`, `unlabelled` or `overridden`; null if it was not.
    pub calibrated: *const core::ffi::c_char,
    /// Capture times of the first and the last frame of the window, in microseconds.
    pub time_us: [u64; 2],
}

impl Verdict {
    fn new(judgement: &Judgement, visibility: &Visibility, time_us: [u64; 2]) -> Self {
        let decision = match judgement.verdict {
            GateVerdict::Accept => Decision::Accept,
            GateVerdict::Flag(_) => Decision::Flag,
            GateVerdict::Abstain(_) => Decision::Abstain,
        };
        let reason = match judgement.verdict.reason() {
            None => core::ptr::null(),
            Some("background-dominates") => c"background-dominates".as_ptr(),
            Some("person-disagrees") => c"person-disagrees".as_ptr(),
            Some("likely-wrong") => c"likely-wrong".as_ptr(),
            Some("too-few-frames") => c"too-few-frames".as_ptr(),
            Some("no-person") => c"no-person".as_ptr(),
            Some("person-fills-frame") => c"person-fills-frame".as_ptr(),
            Some("low-confidence") => c"low-confidence".as_ptr(),
            Some(_) => c"other".as_ptr(),
        };
        let explained_by = match judgement.explained_by {
            ExplainedBy::Person => c"person",
            ExplainedBy::Background => c"background",
            ExplainedBy::Both => c"both",
            ExplainedBy::Neither => c"neither",
        };
        let calibrated = match judgement.calibrated {
            None => core::ptr::null(),
            Some(CalibrationState::Labels) => c"labels".as_ptr(),
            Some(CalibrationState::Unlabelled) => c"unlabelled".as_ptr(),
            Some(CalibrationState::Overridden) => c"overridden".as_ptr(),
        };
        Self {
            label: judgement.label,
            decision,
            reason,
            p: judgement.p,
            dominance: judgement.attribution.value,
            threshold: judgement.attribution.threshold,
            background_rank: judgement.background_rank as u32,
            explained_by: explained_by.as_ptr(),
            distinct_frames: visibility.distinct_frames,
            person_area: visibility.person_area,
            background_area: visibility.background_area,
            calibrated,
            time_us,
        }
    }
}
