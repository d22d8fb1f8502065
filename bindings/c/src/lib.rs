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

use figureground::gate::{Judgement, Verdict as GateVerdict};

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
    /// ln p of the label in the background minus that in the person, in nats.
    pub dominance: f32,
    /// Fraction of the crop that the person covers, mean over the frames.
    pub person_area: f32,
    /// Fraction of the crop that is visible background, mean over the frames.
    pub background_area: f32,
    /// Whether the gate was calibrated on labelled clips.
    pub calibrated: bool,
    /// Capture times of the first and the last frame of the window, in microseconds.
    pub time_us: [u64; 2],
}

impl Verdict {
    fn new(judgement: &Judgement, areas: [f32; 2], time_us: [u64; 2]) -> Self {
        let decision = match judgement.verdict {
            GateVerdict::Accept => Decision::Accept,
            GateVerdict::Flag(_) => Decision::Flag,
            GateVerdict::Abstain(_) => Decision::Abstain,
        };
        let reason = match judgement.verdict.reason() {
            None => core::ptr::null(),
            Some("background-dominates") => c"background-dominates".as_ptr(),
            Some("no-person") => c"no-person".as_ptr(),
            Some("person-fills-frame") => c"person-fills-frame".as_ptr(),
            Some("low-confidence") => c"low-confidence".as_ptr(),
            Some(_) => c"other".as_ptr(),
        };
        let [person_area, background_area] = areas;
        let Judgement { label, dominance, p, calibrated, .. } = *judgement;
        Self { label, decision, reason, p, dominance, person_area, background_area, calibrated, time_us }
    }
}
