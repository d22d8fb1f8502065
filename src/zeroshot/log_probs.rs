//! Log-probabilities of classes.

use alloc::vec;
use alloc::vec::Vec;

/// ln p of every class for one clip, finite and at most 0 up to rounding. Its memory is reused for every clip.
#[derive(Clone, Debug)]
pub struct LogProbs {
    pub(super) values: Vec<f32>,
    /// ln p of one template, if softmaxes are averaged.
    pub(super) template: Vec<f32>,
}

impl LogProbs {
    /// Allocates memory for `classes` of a label bank.
    pub fn new(classes: usize) -> Self {
        Self { values: vec![0.0; classes], template: vec![0.0; classes] }
    }

    /// Copies values that a GPU computed.
    #[cfg(feature = "gpu")]
    pub(crate) fn set(&mut self, values: impl Iterator<Item = f32>) {
        self.values.iter_mut().zip(values).for_each(|(value, given)| *value = given);
    }

    /// Returns ln p `[classes]`, in the order of [`LabelBank::names`](super::LabelBank::names).
    pub fn values(&self) -> &[f32] {
        &self.values
    }
}

/// Converts finite logits to ln p in place: `x_i - ln(sum_k exp(x_k))`.
pub fn log_softmax(logits: &mut [f32]) {
    let sum = LogSumExp::of(logits.iter().map(|&logit| f64::from(logit)));
    for logit in logits {
        *logit = finite(sum.log_p(f64::from(*logit)));
    }
}

/// The two terms of `ln(sum_k exp(x_k)) = max + ln(sum_k exp(x_k - max))`. Added to a huge maximum, the second would be
/// rounded away, and probabilities would not add up to 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogSumExp {
    max: f64,
    log_rest: f64,
}

impl LogSumExp {
    pub(crate) fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let max = values.clone().fold(f64::NEG_INFINITY, f64::max);
        Self { max, log_rest: libm::log(values.map(|value| libm::exp(value - max)).sum()) }
    }

    /// Returns `value - ln(sum_k exp(x_k))`.
    pub(crate) fn log_p(self, value: f64) -> f64 {
        (value - self.max) - self.log_rest
    }
}

/// Returns the nearest finite f32.
pub(crate) fn finite(value: f64) -> f32 {
    value.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
}

/// Returns `ln(exp(a) + exp(b))`.
pub(super) fn log_add_exp(a: f32, b: f32) -> f32 {
    let (low, high) = (f64::from(a.min(b)), f64::from(a.max(b)));
    finite(high + libm::log1p(libm::exp(low - high)))
}

/// A class and its ln p.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// Index into [`LabelBank::names`](super::LabelBank::names).
    pub class: usize,
    /// ln p of that class.
    pub log_p: f32,
}

/// Returns the K most probable classes, best first. A tie goes to the smaller index; NaN is skipped.
pub fn top_k<const K: usize>(log_probs: &[f32]) -> heapless::Vec<Ranked, K> {
    let mut top = heapless::Vec::<Ranked, K>::new();
    for (class, &log_p) in log_probs.iter().enumerate().filter(|(_, log_p)| !log_p.is_nan()) {
        let rank = top.partition_point(|ranked| ranked.log_p >= log_p);
        if rank == K {
            continue;
        }
        if top.is_full() {
            top.pop();
        }
        // The list is not full, and `rank` is at most its length, so the insertion succeeds.
        let _ = top.insert(rank, Ranked { class, log_p });
    }
    top
}
