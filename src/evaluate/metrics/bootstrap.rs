//! Measures with their confidence intervals, and intervals by the bootstrap.

use serde::{Serialize, Serializer};

/// Bootstrap samples.
const SAMPLES: usize = 1_000;
/// Seed of the samples.
pub const SEED: u64 = 0;
/// Probability that an interval contains the true value.
pub(super) const LEVEL: f64 = 0.95;

/// A measure with its 95 % interval: exact for a share of clips, by the bootstrap for all others. Undefined numbers are
/// NaN here and null in JSON.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The measure of the clips.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Clips that the measure stands on: the denominator of a share.
    pub of: usize,
}

impl Serialize for Estimate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Numbers {
            value: Option<f64>,
            low: Option<f64>,
            high: Option<f64>,
            of: usize,
        }
        let [value, low, high] = [self.value, self.low, self.high].map(|n| Some(n).filter(|n| n.is_finite()));
        Numbers { value, low, high, of: self.of }.serialize(serializer)
    }
}

/// Returns the measure of `clips`, and its interval from a thousand samples that are the same in every run. The ends
/// are NaN if all samples agree: they then do not show how far off the measure is.
pub fn estimate<T>(clips: &[T], measure: impl Fn(&[&T]) -> f64) -> Estimate {
    let all: Vec<&T> = clips.iter().collect();
    let value = measure(&all);
    let mut rng = SplitMix64(SEED);
    let mut values: Vec<f64> = Vec::with_capacity(SAMPLES);
    let mut sample: Vec<&T> = Vec::with_capacity(all.len());
    for _ in 0..if all.is_empty() { 0 } else { SAMPLES } {
        sample.clear();
        sample.extend((0..all.len()).map(|_| all[rng.below(all.len())]));
        values.push(measure(&sample));
    }
    values.retain(|value| value.is_finite());
    values.sort_by(f64::total_cmp);
    let agree = values.first() == values.last();
    let quantile = |fraction: f64| match values.len() {
        _ if agree => f64::NAN,
        count => values[((count - 1) as f64 * fraction).round() as usize],
    };
    let [low, high] = [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0].map(quantile);
    Estimate { value, low, high, of: all.len() }
}

/// SplitMix64 (Steele, Lea and Flood 2014).
#[derive(Debug)]
pub(in crate::evaluate) struct SplitMix64(pub(in crate::evaluate) u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number in 0..`end`.
    pub(in crate::evaluate) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }
}
